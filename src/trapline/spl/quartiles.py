"""Outliers by the inter-quartile range: the command outlier and method=iqr of anomalydetection.

Source: Search Reference, "outlier". A number is an outlier above the 75th percentile + param * IQR and, with uselower,
below the 25th - param * IQR.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from trapline.errors import Span, SplError
from trapline.plan import (
    Agg,
    Call,
    Col,
    Expr,
    Extend,
    Filter,
    Node,
    Project,
    Window,
    WindowCall,
    both,
    call,
    either,
    number,
    text,
    visible,
)
from trapline.spl.command import Context
from trapline.spl.cursor import Name, flag
from trapline.spl.evaluate import as_number, as_text
from trapline.values import Kind

OPTIONS = ("action", "mark", "param", "uselower", "type")
_ACTIONS = {"transform": False, "tf": False, "remove": True, "rm": True}


@dataclass(frozen=True, slots=True)
class Outlier:
    names: tuple[Name, ...] = ()
    remove: bool = False
    mark: bool = False
    param: float = 2.5
    uselower: bool = False

    def of(self, names: Sequence[Name]) -> Outlier:
        return replace(self, names=tuple(names))

    def lower(self, context: Context, source: Node) -> Node:
        source = context.materialise(source)
        schema = source.schema
        fields = [name.text for name in self.names if name.text in schema] if self.names else visible(schema)
        fields = [name for name in dict.fromkeys(fields) if schema[name] is not Kind.MULTI]
        if not fields:
            return source
        calls: list[tuple[str, WindowCall]] = []
        values = {name: as_number(Col(name, schema[name])) for name in fields}
        for place, name in enumerate(fields):
            for percent in (25.0, 75.0):
                agg = Agg("percentile", values[name], Kind.NUMBER, (percent,))
                calls.append((f"_q{percent:.0f}_{place}", WindowCall(agg, whole=True)))
        node: Node = Window(source, tuple(calls))
        bounds = [self._bounds(place) for place in range(len(fields))]
        if self.remove:
            inside = [
                either([call("is_null", Kind.BOOL, values[name]), self._inside(values[name], *bounds[place])])
                for place, name in enumerate(fields)
            ]
            node = Filter(node, both(inside))
        else:
            node = Extend(
                node,
                tuple(
                    (name, self._cut(Col(name, schema[name]), values[name], *bounds[place]))
                    for place, name in enumerate(fields)
                ),
            )
        return Project(node, tuple((name, Col(name, node.schema[name])) for name in schema))

    def _bounds(self, place: int) -> tuple[Expr, Expr]:
        first, third = Col(f"_q25_{place}", Kind.NUMBER), Col(f"_q75_{place}", Kind.NUMBER)
        reach = call("mul", Kind.NUMBER, call("sub", Kind.NUMBER, third, first), number(self.param))
        return call("sub", Kind.NUMBER, first, reach), call("add", Kind.NUMBER, third, reach)

    def _inside(self, value: Expr, low: Expr, high: Expr) -> Expr:
        parts = [call("le", Kind.BOOL, value, high)]
        if self.uselower:
            parts.append(call("ge", Kind.BOOL, value, low))
        return both(parts)

    def _cut(self, own: Col, value: Expr, low: Expr, high: Expr) -> Expr:
        """The value as it was, or the bound it is beyond."""
        found: list[Expr] = []
        beyond = [("gt", high), ("lt", low)] if self.uselower else [("gt", high)]
        number_stays = own.kind is Kind.NUMBER and not self.mark
        for op, bound in beyond:
            cut = bound if number_stays else as_text(bound)
            if self.mark:
                cut = call("concat", Kind.TEXT, text("000"), cut)
            found += [call(op, Kind.BOOL, value, bound), cut]
        return Call("case", (*found, own if number_stays else as_text(own)), own.kind if number_stays else Kind.TEXT)


def option(found: Outlier, name: str, value: str, span: Span) -> Outlier:
    """The command with one more option. Raises SplError."""
    match name:
        case "action":
            remove = _ACTIONS.get(value.lower())
            if remove is None:
                raise SplError(
                    f"unknown action '{value}'", span=span, hint="remove (rm) or transform (tf)", code="syntax"
                )
            return replace(found, remove=remove)
        case "mark":
            return replace(found, mark=flag(value, span))
        case "uselower":
            return replace(found, uselower=flag(value, span))
        case "type":
            if value.lower() != "iqr":
                raise SplError(f"unknown type '{value}'", span=span, hint="iqr", code="syntax")
            return found
    try:
        return replace(found, param=float(value))
    except ValueError:
        raise SplError(f"param is a number, not '{value}'", span=span, code="syntax") from None
