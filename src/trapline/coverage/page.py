"""docs/addons.md: how many of the public data sources have all their fields, and every field that is missing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from trapline.coverage.check import Checked, Coverage

_HEAD = """\
# Add-ons: coverage of the public data sources

Written by `trapline addons test --examples security_content --markdown`; do not edit.

Splunk's public content (ESCU) has a file for each data source that its detections read, with an example event and the
names of the fields that Splunk and its add-ons have for it. Each example is read as a log of its sourcetype and source
and searched with the built-in add-ons. Fields that Splunk gives every event (`host`, `punct`, `date_*`, ...) are left
out.
"""


def page(coverage: Coverage) -> str:
    """The page as Markdown."""
    total = len(coverage.own)
    parts = [
        _HEAD,
        f"**{coverage.whole} of {total} examples ({coverage.share:.1f} %) are covered wholly**; of all their fields "
        f"{coverage.field_share:.1f} % are there. Of the other {total - coverage.whole} examples, {coverage.explained} "
        "lack only fields whose reason is below.\n",
        *_misfiled(coverage),
        "## By sourcetype\n",
        _sourcetypes(coverage),
        "## Every field that is missing\n",
        _missing(coverage),
        "## Examples that say nothing\n",
        "They are cut off or absent in the public files, so they are not counted.\n",
        _table(("data source", "why"), [(one.name, one.flaw) for one in coverage.flawed]),
    ]
    return "\n".join(parts)


def _misfiled(coverage: Coverage) -> list[str]:
    """The examples that are not counted because they are events of something else, and the figure with them."""
    if not coverage.misfiled:
        return []
    rows = [(one.example.name, one.example.misfiled, f"{one.percent:.1f} %") for one in coverage.misfiled]
    return [
        f"{len(rows)} more examples are not events of the source that they are filed under, so nothing can make the "
        f"fields of that source from them. Counted too, it is {coverage.all_whole} of {len(coverage.checked)} "
        f"({coverage.all_share:.1f} %).\n",
        _table(("data source", "its example is", "fields"), rows),
    ]


def _sourcetypes(coverage: Coverage) -> str:
    groups: dict[str, list[Checked]] = defaultdict(list)
    for one in coverage.own:
        groups[one.example.sourcetype.lower()].append(one)
    rows = []
    for name, group in sorted(groups.items()):
        listed = sum(len(one.example.fields) for one in group)
        found = sum(len(one.covered) for one in group)
        whole = sum(one.whole for one in group)
        rows.append((name, str(len(group)), str(whole), f"{100 * found / max(1, listed):.1f} %"))
    return _table(("sourcetype", "examples", "covered wholly", "fields"), rows)


def _missing(coverage: Coverage) -> str:
    """Grouped by sourcetype and reason, so that what is missing for one reason stands once."""
    groups: dict[tuple[str, str], dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for one in coverage.own:
        for field, reason in one.missing.items():
            groups[(one.example.sourcetype.lower(), reason or "not made yet")][field].append(one.example.name)
    if not groups:
        return "None.\n"
    rows = []
    for (sourcetype, reason), fields in sorted(groups.items()):
        for field, names in sorted(fields.items()):
            shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
            rows.append((sourcetype, f"`{field}`", shown, reason))
    return _table(("sourcetype", "field", "data sources", "reason"), rows)


def _table(headers: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [_row(headers), _row(tuple("---" for _ in headers)), *map(_row, rows)]
    return "\n".join(lines) + "\n"


def _row(cells: tuple[str, ...]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"
