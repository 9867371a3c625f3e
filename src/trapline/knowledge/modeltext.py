"""A dataset of a data model as the text of a search, for `datamodel ... search_string` and `flat_string`."""

from __future__ import annotations

import re
from collections.abc import Sequence

from trapline.errors import SplError
from trapline.knowledge.datamodels import Calculation, DataModel, Eval, FromLookup, Gap, Rex, unsupported
from trapline.spl.command import Context

_PLAIN = re.compile(r"[A-Za-z_][\w.]*")


def search_text(model: DataModel, name: str, context: Context) -> str:
    """The search that finds the events of a dataset and calculates its fields: constraints and calculations in their
    order, macros as they are written. What has no command is left out with a warning. Raises SplError."""
    line = model.lineage(name)
    parts: list[str] = []
    terms: list[str] = []

    def put(*found: str) -> None:
        if terms:
            parts.append(f"search {' '.join(terms)}")
            terms.clear()
        parts.extend(found)

    for place, one in enumerate(line):
        unsupported(model, one)
        if one.rows is not None:
            raise SplError(f"the dataset '{one.name}' has given events, which no search finds", code="datamodel")
        text = one.constraint.strip()
        if one.piped:
            put(text.removeprefix("|").lstrip() if re.match(r"\||search\s", text) else f"search {text}")
        elif text:
            terms.append(text)
        elif not place:
            terms.append("*")
        for part in one.calculations:
            if isinstance(part, Gap):
                context.warnings.add("datamodel", f"the dataset {one.name}: {part.what} is in no search")
            else:
                put(_command(part))
        terms.extend(one.required)
    put()
    return "".join(f"| {part} " for part in parts).rstrip()


def _command(part: Calculation) -> str:
    match part:
        case Eval(name=name, expression=expression):
            return f"eval {_name(name)}={' '.join(expression.split())}"
        case Rex(source=source, expression=expression):
            escaped = re.sub(r'(\\.)|"', lambda found: found[1] or '\\"', expression, flags=re.DOTALL)
            return f'rex field={_name(source)} "{escaped}"'
        case FromLookup(lookup=lookup, inputs=inputs, outputs=outputs):
            out = f" OUTPUT {_pairs(outputs)}" if outputs else ""
            return f"lookup {_name(lookup)} {_pairs(inputs)}{out}"
        case Gap():
            return ""


def _pairs(pairs: Sequence[tuple[str, str]]) -> str:
    return ", ".join(f"{_name(own)} AS {_name(event)}" for own, event in pairs)


def _name(text: str) -> str:
    return text if _PLAIN.fullmatch(text) else '"' + text.replace('"', "") + '"'
