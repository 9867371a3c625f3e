"""Why no row has a field: the stages before are looked through for the one that made it, or that took it away."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from trapline.explain.asking import Asking
from trapline.explain.clauses import closed, squeeze
from trapline.explain.facts import like_names, most_frequent
from trapline.plan import Col, Node, call
from trapline.spl import expr as asts
from trapline.spl.command import Pipeline, Stage
from trapline.values import Kind

SHOWN = 3
"""Values of a field that are shown"""
MOST = 4
"""Sentences on one field"""
WIDTH = 90
"""Characters of a stage that are shown"""


@dataclass(frozen=True, slots=True)
class Trail:
    """`nodes`: the plan after each stage; `first`: what the first stage reads, if it reads rows."""

    context: Asking
    pipeline: Pipeline
    nodes: Sequence[Node]
    first: Node | None

    def of(self, name: str, place: int) -> list[str]:
        """Sentences on a field that no row has which comes into a stage (counted from 0); none where nothing before it
        has to do with the field."""
        return list(dict.fromkeys(self._of(name, place)))[:MOST]

    def before(self, place: int) -> Node | None:
        return self.nodes[place - 1] if place else self.first

    def _of(self, name: str, place: int) -> Iterator[str]:
        for at in range(place - 1, -1, -1):
            source = self.before(at)
            stage = self.pipeline.stages[at]
            if source is None:
                return
            made = list(self._made(name, at, stage, source))
            if made:
                yield from made
                return
            rows = self._rows(source, name)
            if rows:
                yield self._lost(name, at, stage, rows)
                return
            if name in self.nodes[at].schema and name not in source.schema:
                yield f"{self._stage(at)} gave it to no row"
                return

    def _rows(self, node: Node, name: str) -> int:
        """How many rows have a field."""
        kind = node.schema.get(name)
        if kind is None:
            return 0
        has = call("is_not_null", Kind.BOOL, Col(name, kind))
        return self.context.counts(node, {"has": has}, [Col("has", Kind.BOOL)])[0]

    def _stage(self, at: int) -> str:
        span = self.pipeline.stages[at].span
        text = squeeze(self.pipeline.text[span.start : span.end]).lstrip("| ")
        return f"stage {at + 1}, {text if len(text) <= WIDTH else text[: WIDTH - 1] + '…'},"

    def _lost(self, name: str, at: int, stage: Stage, rows: int) -> str:
        had = "1 row had it" if rows == 1 else f"{rows:,} rows had it"
        for old, new in getattr(stage.command, "pairs", ()) if stage.name == "rename" else ():
            if old.text == name:
                return f"{self._stage(at)} named it {new.text}"
        if stage.name in ("stats", "chart", "timechart", "top", "rare", "tstats"):
            left = ", ".join(list(self.nodes[at].schema)[:6])
            return f"{self._stage(at)} left it out: after it there are {left}"
        return f"{self._stage(at)} took it away: {had} before"

    # --- what a command made of other fields

    def _made(self, name: str, at: int, stage: Stage, source: Node) -> Iterator[str]:
        command: Any = stage.command
        match stage.name:
            case "eval":
                yield from self._evaluated(name, at, command.assignments, source)
            case "rex" if name in dict(getattr(command, "groups", ())):
                yield from self._read(at, [command.field], source, "matched no row")
            case "lookup":
                yield from self._looked_up(name, at, command, source)
            case "stats" | "eventstats" | "streamstats" | "chart" | "timechart":
                for one in getattr(command, "aggregations", ()):
                    if one.name == name and one.argument is not None:
                        plain = isinstance(one.argument, str)
                        reads = [one.argument] if plain else list(asts.fields_read(one.argument))
                        yield from self._read(at, reads, source, "found nothing to aggregate")

    def _evaluated(
        self, name: str, at: int, assignments: Sequence[tuple[str, asts.Ast, object]], source: Node
    ) -> Iterator[str]:
        last = next((n for n in range(len(assignments) - 1, -1, -1) if assignments[n][0] == name), None)
        if last is None:
            return
        ast = assignments[last][1]
        text = squeeze(closed(self.pipeline.text, ast.span))
        reads = list(dict.fromkeys(asts.fields_read(ast)))
        known = {one: self._rows(source, one) for one in reads}
        earlier = {one for one, *_ in assignments[:last]}
        null = [one for one in reads if not known[one] or one in earlier]
        said = f"stage {at + 1} makes it: {text} is null in all rows"
        own = [one for one in null if one in earlier]
        absent = [one for one in null if one not in earlier]
        if isinstance(ast, asts.Field) and null:
            yield f"stage {at + 1} makes it of {ast.name}" + (", which no row has" if absent else "")
        elif absent:
            yield f"{said}, because no row has {_listed(absent)}"
        elif own:
            yield f"{said}, made of {_listed(own)}"
        elif reads:
            yield f"{said}; {self._values(source, reads)}"
        else:
            yield said
        for one in own:
            yield from self._evaluated(one, at, assignments[:last], source)
        yield from self._further(absent, at, source)

    def _looked_up(self, name: str, at: int, command: Any, source: Node) -> Iterator[str]:
        outputs = command.outputs
        table = self.context.lookup(command.table.text)
        if name not in (table.fields if outputs is None else [pair.name for pair in outputs]):
            return
        keys = [pair.name for pair in command.on]
        if all(self._rows(source, key) for key in keys):
            node = table.node()
            theirs = "; ".join(self._one(node, pair.field, "in the lookup") for pair in command.on)
            yield f"{self._stage(at)} found it for no row; {self._values(source, keys)}; {theirs}"
        else:
            yield from self._read(at, keys, source, "found it for no row")

    def _read(self, at: int, reads: Iterable[str], source: Node, what: str) -> Iterator[str]:
        names = list(dict.fromkeys(reads))
        absent = [one for one in names if not self._rows(source, one)]
        if absent:
            yield f"{self._stage(at)} reads {_listed(absent)}, which no row has"
            yield from self._further(absent, at, source)
        else:
            yield f"{self._stage(at)} {what}; {self._values(source, names)}"

    def _further(self, absent: Sequence[str], at: int, source: Node) -> Iterator[str]:
        """What is known of fields that no row has."""
        for one in absent:
            found = self.of(one, at)
            # What follows from the first sentence is about other fields, and says about which.
            yield from (each if after else f"{one}: {each}" for after, each in enumerate(found))
            if not found:
                yield from (f"{each}, not {one}" for each in like_names(self.context, source, one)[:1])

    # --- values

    def _values(self, node: Node, names: Sequence[str]) -> str:
        return "; ".join(self._one(node, name) for name in names[:SHOWN])

    def _one(self, node: Node, name: str, where: str = "") -> str:
        kind = node.schema.get(name)
        found = [] if kind is None else most_frequent(self.context, node, name, kind)
        shown = ", ".join(value if len(value) <= 60 else value[:59] + "…" for value, _ in found[:SHOWN])
        more = f" and {len(found) - SHOWN:,} more" if len(found) > SHOWN else ""
        return f"{name}{' ' + where if where else ''} is {shown or 'nothing'}{more}"


def _listed(names: Sequence[str]) -> str:
    return " and ".join((", ".join(names[:-1]), names[-1])) if len(names) > 1 else names[0]
