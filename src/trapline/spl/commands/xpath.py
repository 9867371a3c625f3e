"""xpath: a value from XML by an XPath.

Syntax:
    xpath [outfield=<field>] "<xpath>" [field=<field>] [default=<text>]

Options:
    outfield=<field> (xpath): where the value goes.
    field=<field> (_raw): the text.
    default=<text> (none): the value where nothing is found.

Differences:
    - The XPath is that of Python's ElementTree, with `/@name` and `/text()` at its end, and conditions on numbers in
      attributes, on parts of texts and on positions; other axes and functions are refused.

Source: Search Reference, "xpath"; searchbnf.conf, "xpath-command".
"""

from __future__ import annotations

from dataclasses import dataclass

from trapline.errors import SplError, Unsupported
from trapline.plan import NULL, Call, Col, Expr, Extend, Node, call, text
from trapline.spl.command import Context
from trapline.spl.cursor import Cursor
from trapline.spl.evaluate import as_text, unify
from trapline.values import Kind
from trapline.xpaths import compile_xpath


@dataclass(frozen=True, slots=True)
class Xpath:
    path: str
    field: str
    outfield: str
    default: str | None

    def lower(self, context: Context, source: Node) -> Node:
        kind = source.schema.get(self.field)
        subject = NULL if kind is None else as_text(Col(self.field, kind))
        found: Expr = call("xpath", Kind.MULTI, subject, text(self.path))
        if self.default is not None:
            values = unify([found, text(self.default)])
            found = Call("coalesce", tuple(values), Kind.MULTI)
        elif self.outfield in source.schema:
            new, old = unify([found, Col(self.outfield, source.schema[self.outfield])])
            found = Call("coalesce", (new, old), new.kind)
        return Extend(source, ((self.outfield, found),))


def parse(cursor: Cursor) -> Xpath:
    given: dict[str, str] = {}
    path: str | None = None
    while not cursor.done():
        option = cursor.option(("field", "outfield", "default"))
        if option is not None:
            given[option[0]] = option[1]
            continue
        if path is not None:
            cursor.fail(f"unexpected {cursor.found()} after the XPath")
        start = cursor.here().start
        path = cursor.string()
        if path is None:
            path = cursor.value("an XPath")
        try:
            compile_xpath(path)
        except ValueError as error:
            raise SplError(
                f"'{path[:200]}' is not an XPath: {error}",
                span=cursor.since(start),
                hint='such as "//book/@name" or "//book[@id=\'1\']/title"',
                code="xpath",
            ) from None
        except Unsupported as error:
            error.span = cursor.since(start)
            error.hint = "spath reads XML too, and mvfilter and where keep values by a condition"
            raise
    if path is None:
        cursor.fail("xpath needs an XPath", hint='xpath outfield=name "//book/@name"')
    return Xpath(path, given.get("field", "_raw"), given.get("outfield", "xpath"), given.get("default"))
