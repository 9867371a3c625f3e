"""Findings as SARIF 2.1.0 (OASIS standard), which code scanning of forges and editors reads."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from trapline.lint.check import all_rules
from trapline.lint.finding import Finding, Severity
from trapline.lint.inputs import Search

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
LEVELS = {Severity.INFO: "note", Severity.WARNING: "warning", Severity.ERROR: "error"}
UNNAMED = "search.spl"
"""The artifact of a search that is in no file."""


def sarif(found: Iterable[tuple[Search, Finding]], version: str) -> dict[str, Any]:
    """One run of lint with its rules and results."""
    rules = all_rules()
    index = {one.code: place for place, one in enumerate(rules)}
    described = [rule(one.code, one.summary, one.text, LEVELS[one.severity], one.name) for one in rules]
    return document("trapline lint", version, described, [_result(search, one, index) for search, one in found])


def document(tool: str, version: str, rules: Sequence[Any], results: Sequence[Any]) -> dict[str, Any]:
    """A log with one run of a tool."""
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": {"name": tool, "version": version, "rules": list(rules)}},
                "columnKind": "unicodeCodePoints",
                "results": list(results),
            }
        ],
    }


def rule(id_: str, summary: str, text: str, level: str, name: str = "") -> dict[str, Any]:
    """A rule of a tool. `level`: none, note, warning or error."""
    return {
        "id": id_,
        "name": "".join(part.capitalize() for part in re.split(r"\W", name or id_)),
        "shortDescription": {"text": summary},
        "fullDescription": {"text": text or summary},
        "help": {"text": text or summary},
        "defaultConfiguration": {"level": level},
    }


def result(
    rule_id: str,
    rule_index: int,
    level: str,
    message: tuple[str, str | None],
    file: str | None,
    region: Mapping[str, int],
    name: str = "",
) -> dict[str, Any]:
    """A result. `message`: what is wrong, and what to do about it. `region`: lines and columns from 1, or nothing."""
    reason, hint = message
    place: dict[str, Any] = {"artifactLocation": {"uri": uri(file)}}
    if region:
        place["region"] = dict(region)
    location: dict[str, Any] = {"physicalLocation": place}
    if name:
        location["logicalLocations"] = [{"name": name}]
    return {
        "ruleId": rule_id,
        "ruleIndex": rule_index,
        "level": level,
        "message": {"text": reason if not hint else f"{reason}. {hint[0].upper()}{hint[1:]}."},
        "locations": [location],
    }


def _result(search: Search, finding: Finding, index: Mapping[str, int]) -> dict[str, Any]:
    at = search.position(finding.span)
    region = {
        "startLine": at.line,
        "startColumn": at.column,
        "endLine": at.end_line,
        "endColumn": at.end_column,
    }
    message = (finding.reason, finding.hint)
    code = finding.code
    return result(code, index[code], LEVELS[finding.severity], message, search.file, region, search.name)


def uri(file: str | None) -> str:
    """A relative path as a relative reference, an absolute one as a file URI."""
    if file is None or file == "-":
        return UNNAMED
    path = Path(file)
    return path.as_uri() if path.is_absolute() else quote(path.as_posix())
