"""from: the rows of a dataset: of a data model, a lookup, or a saved search.

Syntax:
    | from <type>:<name>
    | from <type> <name>

    <type>: datamodel | lookup | savedsearch
    <name>: of a data model <model>.<dataset>, in quotes as a whole or part by part

Differences:
    - Refused: federated indexes, as there are no other deployments.

Source: Search Reference, "from".
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from trapline.errors import Span, SplError, Unsupported
from trapline.plan import Node
from trapline.spl.command import Context
from trapline.spl.cursor import Cursor, Name
from trapline.spl.datasets import nearest

TYPES = ("datamodel", "lookup", "savedsearch")
_TYPE = re.compile(r"\"?([A-Za-z_]+)(?:\s*:\s*|\s+)")


@dataclass(frozen=True, slots=True)
class From:
    type: str
    name: Name

    def generate(self, context: Context) -> Node:
        try:
            match self.type:
                case "datamodel":
                    return self._dataset(context)
                case "lookup":
                    return context.lookup(self.name.text).node()
            return self._saved(context)
        except SplError as error:
            error.span = error.span or (None if error.query else self.name.span)
            raise

    def _dataset(self, context: Context) -> Node:
        model, _, path = self.name.text.partition(".")
        dataset = path.rpartition(".")[2]
        if not dataset:
            roots = context.roots(model)
            if len(roots) != 1:
                raise SplError(
                    f"from needs a dataset of the data model '{model}'",
                    hint=f"such as datamodel:{model}.{roots[0]}" if roots else None,
                    code="datamodel",
                )
            dataset = roots[0]
        return context.dataset(model, dataset).flat(strict=False)

    def source(self) -> tuple[str, str | None] | None:
        """The data model and the dataset, None for its only root; None where it reads something else."""
        if self.type != "datamodel":
            return None
        model, _, path = self.name.text.partition(".")
        return model, path.rpartition(".")[2] or None

    def _saved(self, context: Context) -> Node:
        text = context.saved_search(self.name.text)
        if text is None:
            raise SplError(f"the saved search '{self.name.text[:80]}' does not exist", code="savedsearch")
        return context.inner(context.parse(text), f"the saved search '{self.name.text}'")


def parse(cursor: Cursor) -> From:
    cursor.skip()
    start = cursor.pos
    match = _TYPE.match(cursor.text, start, cursor.end)
    if match is None:
        cursor.fail(f"from needs a type and a name, found {cursor.found()}", hint="| from datamodel:Endpoint.Processes")
    kind = match.group(1).lower()
    if kind == "federated":
        raise Unsupported("from reads no federated index: there are no other deployments", span=cursor.here())
    if kind not in TYPES:
        cursor.fail(f"'{match.group(1)}' is not a dataset type", hint=nearest(kind, TYPES))
    quoted = cursor.text[start] == '"'
    cursor.pos = match.end()
    if quoted:
        # The whole of it stands in quotes: "lookup:assets.csv".
        cursor.pos = start
        whole = cursor.name()
        return From(kind, Name(whole.text[match.end() - start - 1 :].strip(), whole.span, quoted=True))
    name = cursor.name("the name of a dataset")
    while kind == "datamodel" and cursor.take("."):
        # Each part in quotes of its own, as Enterprise Security writes it: "Identity_Management"."All_Assets".
        part = cursor.name("the name of a dataset")
        name = Name(f"{name.text}.{part.text}", Span(name.span.start, part.span.end), quoted=True)
    if kind == "datamodel" and not name.quoted and '"' in name.text:
        name = Name(name.text.replace('"', ""), name.span, quoted=True)
    return From(kind, name)
