"""anomalydetection: rows whose combination of values is improbable.

Syntax:
    anomalydetection [method=histogram] [action=(filter|annotate|summary)] [pthresh=<n>] [cutoff=<bool>] [<field>...]
    anomalydetection method=iqr [action=(transform|tf|remove|rm)] [mark=<bool>] [param=<n>] [uselower=<bool>]
        [type=iqr] [<field>...]

Options:
    method=(histogram|iqr) (histogram): how rows are judged; iqr does what outlier does.
    action=<action> (filter): histogram: anomalous rows only, all rows with the numbers added, or a summary.
        iqr: transform, as in outlier.
    pthresh=<n> (none): the probability below which a row is anomalous, above 0 and at most 1.
    cutoff=<bool> (true): a stricter threshold where pthresh is not given.
    mark=<bool> (false): method=iqr: 000 before a changed number.
    param=<n> (2.5): method=iqr: how many times the inter-quartile range is still no outlier.
    uselower=<bool> (false): method=iqr: numbers that are too small are outliers too.
    type=iqr (iqr): method=iqr: the only type there is.
    <field>... (all but internal ones): the fields that count.

Differences:
    - Refused: method=zscore, as the score of a value is not published.

Source: Search Reference, "anomalydetection"; Search Reference, "anomalousvalue".
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from trapline.errors import SplError, Unsupported
from trapline.plan import Node, visible
from trapline.spl.command import Context
from trapline.spl.cursor import Cursor, Name, flag
from trapline.spl.quartiles import OPTIONS as IQR_OPTIONS
from trapline.spl.quartiles import Outlier, option
from trapline.values import to_number, value_text

METHODS = ("histogram", "zscore", "iqr")
ACTIONS = ("filter", "annotate", "summary")
FENCE, OUTER_FENCE = 1.5, 3.0
"""How many inter-quartile ranges below the first quartile rows become anomalous: without and with cutoff"""


@dataclass(frozen=True, slots=True)
class AnomalyDetection:
    names: tuple[Name, ...]
    action: str
    pthresh: float | None
    cutoff: bool

    def lower(self, context: Context, source: Node) -> Node:
        rows = context.rows(source)
        present = {name for row in rows for name in row}
        fields = [name.text for name in self.names] or visible(source.schema)
        fields = [name for name in dict.fromkeys(fields) if name in present]
        if not rows or not fields:
            return context.given(rows if self.action == "annotate" else [])
        frequencies = {name: _frequencies([row.get(name) for row in rows]) for name in fields}
        scores = [sum(math.log(frequencies[name][place]) for name in fields) for place in range(len(rows))]
        first, third = _quantile(scores, 0.25), _quantile(scores, 0.75)
        threshold = self._threshold(context, first, third)
        if self.action == "summary":
            summary: dict[str, object] = {
                "num_anomalies": sum(score < threshold for score in scores),
                "thresh": threshold,
                "max_logprob": max(scores),
                "min_logprob": min(scores),
                "1st_quartile": first,
                "3rd_quartile": third,
            }
            return context.given([summary])
        columns = dict.fromkeys(source.schema)
        out: list[dict[str, object]] = []
        for place, (row, score) in enumerate(zip(rows, scores, strict=True)):
            if self.action == "filter" and score >= threshold:
                continue
            cause = min(fields, key=lambda name: frequencies[name][place])
            out.append(
                {
                    **columns,
                    **row,
                    "log_event_prob": score,
                    "max_freq": max(frequencies[name][place] for name in fields),
                    "probable_cause": cause,
                    "probable_cause_freq": frequencies[cause][place],
                }
            )
        return context.given(out)

    def _threshold(self, context: Context, first: float, third: float) -> float:
        if self.pthresh is not None:
            return math.log(self.pthresh)
        if self.cutoff:
            context.warnings.add(
                "anomalydetection-cutoff",
                f"cutoff=true lowers the threshold to the first quartile - {OUTER_FENCE:g} * IQR here; "
                "Splunk's own rule is not published",
                hint="cutoff=false is the documented formula, pthresh=<n> a threshold of your own",
            )
        return first - (OUTER_FENCE if self.cutoff else FENCE) * (third - first)


def _frequencies(values: Sequence[object]) -> list[float]:
    """How frequent the value of each row is among all rows."""
    total = len(values)
    texts = [None if value is None else _text(value) for value in values]
    numbers = [None if text is None else to_number(text) for text in texts]
    keys: list[object] = list(texts)
    if all(number is not None for text, number in zip(texts, numbers, strict=True) if text is not None):
        known = [number for number in numbers if number is not None]
        mean = sum(known) / len(known)
        spread = math.sqrt(sum((number - mean) * (number - mean) for number in known) / max(1, len(known) - 1))
        width = 3.49 * spread / len(known) ** (1 / 3)
        low = min(known)
        keys = [None if n is None else math.floor((n - low) / width) if 0 < width < math.inf else 0 for n in numbers]
    counts = Counter(keys)
    return [counts[key] / total for key in keys]


def _text(value: object) -> str:
    assert isinstance(value, str | int | float | list)
    return value_text(value)


def _quantile(values: Sequence[float], part: float) -> float:
    ordered = sorted(values)
    place = (len(ordered) - 1) * part
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def parse(cursor: Cursor) -> AnomalyDetection | Outlier:
    method, action = "histogram", "filter"
    pthresh: float | None = None
    cutoff = True
    outlier = Outlier()
    names: list[Name] = []
    given: list[str] = []
    start = cursor.here().start
    while not cursor.done():
        found = cursor.option(("method", "pthresh", "cutoff", *IQR_OPTIONS))
        if found is None:
            if cursor.at_option():
                cursor.no_option()
            if not cursor.take(","):
                names.append(cursor.name())
            continue
        name, value, span = found
        match name:
            case "method":
                method = value.lower()
                if method not in METHODS:
                    raise SplError(
                        f"unknown method '{value}'", span=span, hint=f"one of {', '.join(METHODS)}", code="syntax"
                    )
            case "pthresh":
                pthresh = to_number(value)
                if pthresh is None or not 0 < pthresh <= 1:
                    raise SplError("pthresh is a probability: above 0, at most 1", span=span, code="syntax")
            case "cutoff":
                cutoff = flag(value, span)
            case "action" if value.lower() in ACTIONS:
                action = value.lower()
                given.append(action)
            case _:
                outlier = option(outlier, name, value, span)
                given.append(name)
    place = cursor.since(start)
    iqr = [name for name in given if name not in ACTIONS]
    match method:
        case "zscore":
            raise Unsupported(
                "anomalydetection method=zscore is not supported: it is the command anomalousvalue, whose page says "
                "which fields it adds and not how the score of a value is calculated",
                span=place,
                hint="method=histogram, or eventstats avg and stdev with where",
            )
        case "iqr":
            if pthresh is not None or (given and not iqr):
                cursor.fail("method=iqr takes the options of outlier: action=remove or transform, param", place)
            return outlier.of(names)
    if iqr:
        cursor.fail(f"method=histogram does not take {iqr[0]} so", place, hint=f"action is one of {', '.join(ACTIONS)}")
    return AnomalyDetection(tuple(names), action, pthresh, cutoff)
