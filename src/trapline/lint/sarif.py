"""Findings as SARIF 2.1.0 (OASIS standard), which code scanning of forges and editors reads."""

from __future__ import annotations

from collections.abc import Iterable
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
    """One run with its rules and results."""
    rules = all_rules()
    index = {one.code: place for place, one in enumerate(rules)}
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "trapline lint",
                        "version": version,
                        "rules": [
                            {
                                "id": one.code,
                                "name": "".join(part.capitalize() for part in one.name.split("-")),
                                "shortDescription": {"text": one.summary},
                                "fullDescription": {"text": one.text or one.summary},
                                "help": {"text": one.text or one.summary},
                                "defaultConfiguration": {"level": LEVELS[one.severity]},
                            }
                            for one in rules
                        ],
                    }
                },
                "columnKind": "unicodeCodePoints",
                "results": [_result(search, one, index[one.code]) for search, one in found],
            }
        ],
    }


def _result(search: Search, finding: Finding, rule: int) -> dict[str, Any]:
    at = search.position(finding.span)
    text = finding.reason if finding.hint is None else f"{finding.reason}. {finding.hint[0].upper()}{finding.hint[1:]}."
    location: dict[str, Any] = {
        "physicalLocation": {
            "artifactLocation": {"uri": uri(search.file)},
            "region": {
                "startLine": at.line,
                "startColumn": at.column,
                "endLine": at.end_line,
                "endColumn": at.end_column,
            },
        }
    }
    if search.name:
        location["logicalLocations"] = [{"name": search.name}]
    return {
        "ruleId": finding.code,
        "ruleIndex": rule,
        "level": LEVELS[finding.severity],
        "message": {"text": text},
        "locations": [location],
    }


def uri(file: str | None) -> str:
    """A relative path as a relative reference, an absolute one as a file URI."""
    if file is None or file == "-":
        return UNNAMED
    path = Path(file)
    return path.as_uri() if path.is_absolute() else quote(path.as_posix())
