"""apply: what a machine learning model says of each row.

Syntax:
    apply [app:]<model> [as <field>] [<option>=<value>...]

Options:
    as <field> (the model's own name for it): where the prediction goes.
    <option>=<value>... (none): options of the model; a function takes them as keyword arguments.

Differences:
    - The user supplies the model: a function, an object in the manner of scikit-learn, or an ONNX file. A pickled
      model is never read, because reading a pickle runs the code in it.

Source: Machine Learning Toolkit, "Search commands for machine learning".
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from dataclasses import dataclass

from trapline.errors import Span, SplError, Unsupported
from trapline.plan import Node
from trapline.spl.command import Context
from trapline.spl.cursor import Cursor, Name
from trapline.values import Row, Value, value_text


@dataclass(frozen=True, slots=True)
class Apply:
    model: Name
    target: str | None
    options: tuple[tuple[str, str, Span], ...]

    def lower(self, context: Context, source: Node) -> Node:
        name = self.model.text.rpartition(":")[2]
        try:
            model = context.model(name)
        except SplError as error:
            error.span = error.span or self.model.span
            raise

        options = {option: value for option, value, _ in self.options}
        for option, value, span in self.options:
            try:
                inspect.signature(model).bind([], **{option: value})
            except TypeError:
                raise Unsupported(
                    f"the model '{name}' takes no option '{option}'",
                    span=span,
                    hint="give the session a function that takes it as a keyword argument",
                ) from None

        def predict(rows: list[Row]) -> Iterable[Row]:
            found = model(rows, **options)
            if len(found) != len(rows):
                raise SplError(
                    f"the model '{name}' gave {len(found)} results for {len(rows)} rows",
                    span=self.model.span,
                    code="model",
                )
            return [{**row, **self._named(one)} for row, one in zip(rows, found, strict=True)]

        return context.apply(source, predict, "apply")

    def _named(self, found: object) -> Row:
        """The fields of a result; with AS, its only field under that name."""
        assert hasattr(found, "items")
        row: Row = {str(name): _cell(cell) for name, cell in found.items() if cell is not None}
        if self.target is None or not row:
            return row
        return {self.target: next(iter(row.values()))}


def _cell(value: object) -> Value:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return value
    if isinstance(value, list | tuple):
        return [value_text(_cell(one)) for one in value]
    return str(value)


def parse(cursor: Cursor) -> Apply:
    if cursor.done():
        cursor.fail("apply needs the name of a model", hint="apply dga_model")
    if cursor.at_option():
        cursor.no_option()
    model = cursor.name("the name of a model")
    target: str | None = None
    options: list[tuple[str, str, Span]] = []
    while not cursor.done():
        if cursor.take_word("as"):
            target = cursor.name("a field name after AS").text
        elif cursor.at_option():
            start = cursor.here().start
            name = cursor.bare("=,").strip()
            cursor.expect("=", "after the name of an option")
            value = cursor.value(f"a value for {name}")
            options.append((name.lower(), value, cursor.since(start)))
        else:
            cursor.fail(f"unexpected {cursor.found()}", hint="apply <model> [as <field>]")
    return Apply(model, target, tuple(options))
