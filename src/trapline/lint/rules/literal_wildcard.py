"""A `*` in a value that where or eval compares: there it is no wildcard.

`where process="*cmd*"` asks for a text with two asterisks. Only search takes `*` for any text.

Instead: like(process, "%cmd%"), match(process, "cmd"), or search process="*cmd*".
"""

from __future__ import annotations

from collections.abc import Iterator

from trapline.lint.finding import Report, Severity
from trapline.lint.subject import Subject, parts
from trapline.spl import expr as asts

CODE = "TL109"
SEVERITY = Severity.WARNING


def check(subject: Subject) -> Iterator[Report]:
    for place in subject.places:
        for one in parts(place.stage.command, asts.Binary, asts.In):
            match one:
                case asts.Binary(op="==" | "!=", left=asts.Field(name=name), right=asts.Str(value=value), span=span):
                    found = [value]
                case asts.In(item=asts.Field(name=name), choices=choices, span=span):
                    found = [choice.value for choice in choices if isinstance(choice, asts.Str)]
                case _:
                    continue
            wild = next((value for value in found if "*" in value and value.strip("*")), None)
            if wild is not None:
                yield Report(
                    span,
                    f"the * in {wild[:60]!r} is no wildcard here: where and eval compare it as it is",
                    f'write like({name}, "{wild[:60].replace("*", "%")}"), or use search',
                )
