"""appendpipe: the rows so far, once more through other commands, after themselves.

Syntax:
    appendpipe [run_in_preview=<bool>] [<subpipeline>]

Options:
    run_in_preview=<bool> (true): no effect: there are no previews.

Source: Search Reference, "appendpipe".
"""

from __future__ import annotations

from dataclasses import dataclass

from trapline.plan import Node
from trapline.spl.command import Context, Pipeline
from trapline.spl.cursor import Cursor, flag


@dataclass(frozen=True, slots=True)
class AppendPipe:
    pipeline: Pipeline

    def lower(self, context: Context, source: Node) -> Node:
        return context.beside(self.pipeline, source)


def parse(cursor: Cursor) -> AppendPipe:
    while (option := cursor.option(("run_in_preview",), stops=",[")) is not None:
        flag(option[1], option[2])  # there are no previews here
    return AppendPipe(cursor.subsearch())
