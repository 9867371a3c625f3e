"""Where a search loses its rows: the rows after each stage, and the clause that removed the last ones."""

from trapline.explain.clauses import Clause
from trapline.explain.datasets import Emptiness, Level, Near
from trapline.explain.facts import FieldFacts
from trapline.explain.stages import Breakdown, Explanation, StageCount, explain

__all__ = ["Breakdown", "Clause", "Emptiness", "Explanation", "FieldFacts", "Level", "Near", "StageCount", "explain"]
