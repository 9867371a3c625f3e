"""summary: what a machine learning model tells of itself.

Syntax:
    summary [app:]<model>

Differences:
    - The user supplies the model, as for apply: an object whose method summary() gives the rows. Models of the Machine
      Learning Toolkit are not read.

Source: Machine Learning Toolkit, "Search commands for machine learning".
"""

from __future__ import annotations

from dataclasses import dataclass

from trapline.errors import SplError
from trapline.plan import Node
from trapline.spl.command import Context
from trapline.spl.cursor import Cursor, Name


@dataclass(frozen=True, slots=True)
class Summary:
    model: Name

    def generate(self, context: Context) -> Node:
        try:
            return context.given(context.model_summary(self.model.text.rpartition(":")[2]))
        except SplError as error:
            error.span = error.span or self.model.span
            raise


def parse(cursor: Cursor) -> Summary:
    if cursor.done():
        cursor.fail("summary needs the name of a model", hint="summary dga_model")
    return Summary(cursor.name("the name of a model"))
