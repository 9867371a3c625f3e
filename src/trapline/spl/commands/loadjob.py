"""loadjob: the rows of a search that has run.

Syntax:
    loadjob (<sid> | savedsearch="<user>:<app>:<name>") [artifact_offset=<n>] [ignore_running=<bool>] [events=<bool>]
        [job_delegate=<text>]

Options:
    savedsearch=<text> (none): the search by its name, in place of the id of its run.
    artifact_offset=<n> (0): refused unless 0: only the last run of a search is held.
    ignore_running=<bool> (true): no effect: a job that the session holds has ended.
    events=<bool> (false): refused if true: a job holds its results.
    job_delegate=<text> (scheduler): refused unless scheduler: there are no other users.

Differences:
    - The jobs are what the session holds, not a server's.
    - Refused: earlier runs, the events of a job, and jobs of other users.

Source: Search Reference, "loadjob".
"""

from __future__ import annotations

from dataclasses import dataclass

from trapline.errors import Span, SplError
from trapline.plan import Node
from trapline.spl.command import Context
from trapline.spl.cursor import Cursor, flag
from trapline.spl.cursor import count as whole


@dataclass(frozen=True, slots=True)
class LoadJob:
    name: str
    span: Span

    def generate(self, context: Context) -> Node:
        found = context.job(self.name)
        if found is None:
            raise SplError(
                f"there is no job '{self.name[:80]}'",
                span=self.span,
                hint="run the search itself, or give its rows to the session as a job",
                code="name",
            )
        return found


def parse(cursor: Cursor) -> LoadJob:
    start = cursor.here().start
    name: str | None = None
    while not cursor.done():
        match cursor.option(("savedsearch", "artifact_offset", "ignore_running", "events", "job_delegate")):
            case ("savedsearch", value, span):
                if value.count(":") < 2:
                    cursor.fail(
                        f"'{value[:80]}' is not a user, an app and a name", span, 'savedsearch="admin:search:my search"'
                    )
                name = value
            case ("artifact_offset", value, span):
                if whole(value, span):
                    cursor.unsupported("only the last run of a search is held", span, "artifact_offset=0")
            case ("events", value, span):
                if flag(value, span):
                    cursor.unsupported("a job holds its results, not its events", span)
            case ("ignore_running", value, span):
                flag(value, span)  # a job that the session holds has ended
            case ("job_delegate", value, span):
                if value.lower() != "scheduler":
                    cursor.unsupported("there are no other users here whose jobs could be loaded", span)
            case _:
                if cursor.at_option():
                    cursor.no_option()
                if name is not None:
                    cursor.fail(f"unexpected {cursor.found()}", hint="one job: its id, or savedsearch=")
                name = cursor.value("the id of a job")
    if name is None:
        cursor.fail("loadjob needs the id of a job", cursor.since(start), "| loadjob 1705329000.1")
    return LoadJob(name, cursor.since(start))
