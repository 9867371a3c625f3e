"""Lookup tables that Splunk apps make with a script, of which Trapline knows what the script computes.

Sources: URL Toolbox (Splunkbase app 2734), `ut_shannon_lookup`.
"""

from __future__ import annotations

import math
from collections import Counter

from trapline.spl.lookups import Lookup
from trapline.values import Row


def _shannon(word: str) -> Row:
    """The entropy of the bytes of a word in bits per byte; blanks around it do not count."""
    coded = word.strip().encode("utf-8", "surrogatepass")
    shares = [count / len(coded) for count in Counter(coded).values()]
    entropy = -sum(share * math.log2(share) for share in shares) if len(shares) > 1 else 0.0
    return {"word": word, "ut_shannon": str(entropy)}


COMPUTED = {
    "ut_shannon_lookup": Lookup("ut_shannon_lookup", (), ("word", "ut_shannon"), compute=_shannon),
}
"""By name."""
