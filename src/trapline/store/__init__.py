"""The store: events as Delta tables, one per index and sourcetype, appended to atomically and read as snapshots.

`Store` is the entry; `Portion` is what an ingest hands over; `Snapshot` is what a search reads. The physical form of a
table is described in `store.layout`.
"""

from trapline.store.portion import Portion
from trapline.store.snapshot import Snapshot
from trapline.store.store import Compacted, Store, TableStats, Vacuumed

__all__ = ["Compacted", "Portion", "Snapshot", "Store", "TableStats", "Vacuumed"]
