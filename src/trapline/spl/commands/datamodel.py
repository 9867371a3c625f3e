"""datamodel: what the data models are, or the events of a dataset.

Syntax:
    | datamodel [<model>] [<dataset>] [<mode>] [strict_fields=<bool>] [allow_old_summaries=<bool>]
        [summariesonly=<bool>]

    <mode>: search | flat | acceleration_search | search_string | flat_string | acceleration_search_string

Options:
    <mode> (the model as JSON): the events with the dataset's prefix on their fields (search) or without it (flat), or
        those that a summary would be made of; with _string, the search that finds them and calculates their fields.
    strict_fields=<bool> (true): only the fields of the dataset; false keeps the other fields of the events.
    allow_old_summaries=<bool> (false): no effect: there are no summaries.
    summariesonly=<bool> (false): no effect: there are no summaries.

Differences:
    - Events are read as they are; there are no summaries.

Source: Search Reference, "datamodel".
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from trapline.errors import SplError
from trapline.plan import Node
from trapline.spl.command import Context
from trapline.spl.cursor import Cursor, Name, flag

MODES = ("search", "flat", "acceleration_search", "search_string", "flat_string", "acceleration_search_string")


@dataclass(frozen=True, slots=True)
class DataModelCommand:
    model: Name | None
    dataset: Name | None
    mode: str | None
    strict: bool

    def generate(self, context: Context) -> Node:
        try:
            return self._node(context)
        except SplError as error:
            place = self.dataset or self.model
            error.span = error.span or (place.span if place is not None else None)
            raise

    def _node(self, context: Context) -> Node:
        model = None if self.model is None else self.model.text
        dataset = None if self.dataset is None else self.dataset.text
        if self.mode is not None and model is not None and dataset is None:
            dataset = self._only_root(context, model)
        if self.mode is None or model is None or dataset is None:
            found = context.describe(model, dataset)
            return context.given([{"_raw": json.dumps(one, ensure_ascii=False)} for one in found])
        if self.mode.startswith("acceleration") and dataset not in context.roots(model):
            raise SplError(
                f"{self.mode} takes a dataset without a parent, and '{dataset}' has one",
                hint=f"| datamodel {model} {dataset} search",
                code="datamodel",
            )
        if self.mode.endswith("_string"):
            return context.given([{"search": context.search_of(model, dataset)}])
        found_dataset = context.dataset(model, dataset)
        return (
            found_dataset.flat(strict=self.strict)
            if self.mode == "flat"
            else found_dataset.qualified(strict=self.strict)
        )

    def source(self) -> tuple[str, str | None] | None:
        """The data model and the dataset, None for its only root; None where it reads no events."""
        if self.model is None or self.mode is None or self.mode.endswith("_string"):
            return None
        return self.model.text, None if self.dataset is None else self.dataset.text

    def _only_root(self, context: Context, model: str) -> str:
        roots = context.roots(model)
        if len(roots) != 1:
            raise SplError(
                f"name a dataset of the data model '{model}' to search",
                hint=f"such as | datamodel {model} {roots[0]} search" if roots else None,
                code="datamodel",
            )
        return roots[0]


def parse(cursor: Cursor) -> DataModelCommand:
    names: list[Name] = []
    mode: str | None = None
    strict = True
    while not cursor.done():
        match cursor.option(("strict_fields", "allow_old_summaries", "summariesonly")):
            case (name, value, span):
                given = flag(value, span)
                strict = given if name == "strict_fields" else strict
                continue
        if cursor.at_option():
            cursor.no_option()
        word = cursor.take_word(*MODES) if names and mode is None else None
        if word is not None:
            mode = word
        elif len(names) < 2 and mode is None:
            names.append(cursor.name("the name of a data model"))
        else:
            cursor.fail(f"expected search or flat, found {cursor.found()}", hint="| datamodel Web Web search")
    model = names[0] if names else None
    return DataModelCommand(model, names[1] if len(names) > 1 else None, mode, strict)
