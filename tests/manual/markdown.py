"""Markdown as GitHub shows it: code spans, tables of rows, prose with its placeholders kept visible."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

MOST_COLUMNS = 9
MOST_CHARACTERS = 130
"""Of a row: what is wider is shown as JSON lines."""

_CODE = re.compile(r"(`+[^`]+`+)")
_LIKE_CODE = re.compile(
    r"\$\w+\$|<<\w+>>|<[A-Za-z][^<>]*>(?:\.\.\.)?|(?<![\w`])_[a-z]\w*(?:=\w+)?|\b[a-z][a-z_0-9]*=[\w.*]*|\b[a-z]+_[a-z_0-9]+\b|\b[a-z_0-9]+\(\)"
)
_PLAIN = re.compile(r"[^\W_](?:(?:[^\W_]|[ .,:/%()+=-])*(?:[^\W_]|[.)%]))?|-?[0-9.]+(?:e[+-]?\d+)?")


def code(text: str) -> str:
    """A code span."""
    marks = "`" * (max((len(run) for run in re.findall("`+", text)), default=0) + 1)
    pad = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{marks}{pad}{text}{pad}{marks}"


def fenced(kind: str, text: str) -> str:
    marks = "`" * max([3, *(len(run) + 1 for run in re.findall("`+", text))])
    return f"{marks}{kind}\n{text}\n{marks}"


def prose(text: str) -> str:
    """Sentences in which what reads as code (`_raw`, `<field>`, `$AGG$`, `name=value`) becomes code spans."""
    parts = _CODE.split(text)
    return "".join(part if index % 2 else _LIKE_CODE.sub(_as_code, part) for index, part in enumerate(parts))


def _as_code(match: re.Match[str]) -> str:
    text = match.group()
    bare = text.rstrip(".")
    return code(bare) + text[len(bare) :] if not text.endswith("...") else code(text)


def sentence(text: str) -> str:
    """With a capital at its start, if it starts with a word and not with code."""
    return text[:1].upper() + text[1:] if re.match(r"[a-z]+(?![\w=])", text) else text


def cell(text: str) -> str:
    """Made fit for a cell of a table."""
    return text.replace("|", "\\|").replace("\n", "<br>")


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell(one) for one in line) + " |" for line in lines)


def records(rows: Sequence[Mapping[str, Any]], fields: Sequence[str] | None = None) -> str:
    """Rows as a table, or as JSON lines where they are wide."""
    names = list(fields) if fields is not None else list(dict.fromkeys(name for row in rows for name in row))
    shown = [[value(row.get(name)) for name in names] for row in rows]
    widest = max((sum(len(one) for one in line) for line in shown), default=0)
    if len(names) > MOST_COLUMNS or widest > MOST_CHARACTERS or not names:
        lines = [json.dumps({name: row[name] for name in names if name in row}, ensure_ascii=False) for row in rows]
        return fenced("json", "\n".join(lines))
    return table([code(name) for name in names], shown)


def value(one: Any) -> str:
    """A value of a row: nothing for null, several values below each other."""
    match one:
        case None:
            return ""
        case list():
            return "<br>".join(value(each) for each in one)
        case bool():
            return code(str(one).lower())
        case int() | float():
            return str(one)
        case "":
            return '`""`'
    text = str(one)
    if _PLAIN.fullmatch(text) and "  " not in text:
        return text
    return code(text.replace("\n", "↵").replace("\t", "⇥"))
