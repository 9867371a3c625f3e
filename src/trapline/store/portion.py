"""What an ingest hands to a store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from trapline.events import EventBatch


@dataclass(frozen=True, slots=True)
class Portion:
    """A slice of one file: all events, of whatever sourcetype, between two places of the file.

    Portions make an append repeatable. Reading the same file again with the same `file_id` must cut it into the same
    portions: then the store knows which of them it holds. `file_id` identifies content and every setting that changes
    the events or where the cuts are (a re-read on purpose takes a new id). `number` grows along the file, from 0;
    numbers may be skipped, and portions of one file must be appended in order.
    """

    file_id: str
    number: int
    batches: Sequence[EventBatch]
