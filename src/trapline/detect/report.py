"""What a hunt found, as one file: HTML for people, JSON for programs, CSV for spreadsheets.

Everything a log says is hostile here. The HTML loads nothing and runs nothing (a Content-Security-Policy with the hash
of its one style sheet), every text is escaped and control characters are made visible. CSV cells that a spreadsheet
would take for a formula get an apostrophe in front.
"""

from __future__ import annotations

import base64
import csv
import errno
import hashlib
import html
import io
import json
import os
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import IO

from trapline.detect.finding import Finding, iso, moment, number
from trapline.detect.hunt import HuntResult
from trapline.detect.rank import Ranked
from trapline.errors import TraplineError
from trapline.values import Value, to_number, value_text

FINDINGS_SHOWN = 100
"""Findings of one detection in the HTML; the rest are counted there and listed in JSON and CSV."""
OBJECTS_SHOWN = 200
WARNINGS_SHOWN = 500
SOURCES_SHOWN = 2_000
MESSAGE_SHOWN = 600
TEXT_SHOWN = 2_000
"""Characters of one value in the HTML."""

_ORDER = ("critical", "high", "medium", "low", "informational")
_TECHNIQUE = re.compile(r"T(\d{4})(?:\.(\d{3}))?\Z", re.ASCII)
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def write(result: HuntResult, path: Path) -> None:
    """Write the report in the form that the suffix names: .html (.htm), .json or .csv.

    The file appears whole or not at all. Raises TraplineError for another suffix or when it cannot be written.
    """
    text = renderer(path)(result).encode("utf-8", "replace")
    with replacing(path) as out:
        out.write(text)


def check(path: Path) -> None:
    """Raises what `write` would raise, before the work that the report is about."""
    renderer(path)
    check_folder(path)


def check_folder(path: Path) -> None:
    """Raises TraplineError where a file cannot be written there."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        tempfile.TemporaryFile(dir=path.parent).close()
    except OSError as error:
        raise _unwritable(path, error) from error


@contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """A file that takes the place of `path` when the block ends well."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as out:
                yield out
            mask = os.umask(0)
            os.umask(mask)
            Path(name).chmod(0o666 & ~mask)  # mkstemp gives 0600 whatever the umask
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise _unwritable(path, error) from error


def _unwritable(path: Path, error: OSError) -> TraplineError:
    reason = f"cannot write {path}: {error.strerror or error}"
    return TraplineError(reason, hint="give a path in a folder that can be written", code="output")


def renderer(path: Path) -> Callable[[HuntResult], str]:
    """What makes the text of a report with this name. Raises TraplineError for a suffix that is none of the three."""
    found = _RENDERERS.get(path.suffix.lower())
    if found is None:
        reason = f"the report '{path.name}' has no known form"
        raise TraplineError(reason, hint="end the name in .html, .json or .csv", code="output")
    return found


# -- JSON and CSV


def to_json(result: HuntResult) -> str:
    """The object that `trapline hunt --json` prints."""
    return json.dumps(result.to_json(), ensure_ascii=False, indent=2) + "\n"


CSV_COLUMNS = (
    "time", "last", "detection", "type", "severity", "score", "risk_object", "risk_object_type", "message",
    "mitre_attack", "tactics", "stories", "row",
)  # fmt: skip


def to_csv(result: HuntResult) -> str:
    """One line per finding and risk object, one with empty risk columns for a finding without; `row` is JSON."""
    out = io.StringIO()
    sheet = csv.writer(out, lineterminator="\r\n")
    sheet.writerow(CSV_COLUMNS)
    for one in result.findings:
        objects = [(entry.score, entry.value, entry.type) for entry in one.risk_objects] or [(one.score, "", "")]
        for score, value, kind in objects:
            cells = [
                iso(one.time) or "", iso(one.last) or "", one.detection, one.type, one.severity, str(number(score)),
                value, kind, one.message, " ".join(one.mitre), ", ".join(one.tactics), ", ".join(one.stories),
                json.dumps(one.row, ensure_ascii=False, separators=(",", ":")),
            ]  # fmt: skip
            sheet.writerow([cell(text) for text in cells])
    return out.getvalue()


def cell(text: str) -> str:
    """A text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text


# -- HTML


def to_html(result: HuntResult) -> str:
    css = (files("trapline.detect") / "templates" / "report.css").read_text("utf-8")
    digest = base64.b64encode(hashlib.sha256(css.encode("utf-8")).digest()).decode("ascii")
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    parts = [
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n',
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n',
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n',
        '<meta name="referrer" content="no-referrer">\n',
        f"<title>Trapline hunt: {_e(_headline(result))}</title>\n<style>{css}</style>\n</head>\n<body>\n",
        *_header(result),
        "<main>\n",
        *_hosts(result.hosts),
        *_tactics(result),
        *_findings(result),
        *_sources(result),
        *_warnings(result),
        *_made(result),
        "</main>\n<footer>A risk score says how much a finding weighs, not that something is proven. ",
        "Look at the events behind it before acting.</footer>\n</body>\n</html>\n",
    ]
    return "".join(parts)


def _e(text: object, limit: int = TEXT_SHOWN) -> str:
    """A text for HTML: escaped, control and direction characters visible, cut when it is very long."""
    shown = str(text).replace("\r\n", "\n")
    if len(shown) > limit:
        shown = f"{shown[:limit]}… ({len(shown):,} characters)"
    return html.escape(_CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", shown), quote=True)


def _field(name: str, value: Value) -> str:
    """A field of a result row. Epoch seconds in the fields that hold a time are shown as a time."""
    text = value_text(value)
    at = (
        moment(value)
        if name in ("_time", "_indextime", "firstTime", "lastTime") and to_number(text) is not None
        else None
    )
    return _e(iso(at) or text)


def _plural(count: int, one: str, many: str | None = None) -> str:
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + "."


def _headline(result: HuntResult) -> str:
    if not result.events:
        return "no event was read"  # that nothing was found then says nothing
    if not result.ran:
        return "no detection could run"
    if not result.found:
        return "no findings"
    systems = sum(one.type == "system" for one in result.hosts)
    text = _plural(result.found, "finding")
    if systems:
        return f"{text}, {_plural(systems, 'host')} at risk"
    return f"{text}, {_plural(len(result.hosts), 'risk object')}" if result.hosts else text


def _header(result: HuntResult) -> Iterator[str]:
    first = min((one.first for one in result.sources if one.first is not None), default=None)
    last = max((one.last for one in result.sources if one.last is not None), default=None)
    yield f'<header>\n<p class="brand">Trapline hunt</p>\n<h1>{_e(_headline(result).capitalize())}</h1>\n'
    span = f"Evidence from {_time(first)} to {_time(last)}. " if first is not None else ""
    yield f'<p class="soft">{span}Hunted {_time(result.started)}.</p>\n<dl class="cards">\n'
    missing = result.selected - result.ran
    detections = sum(one.rows > 0 for one in result.outcomes)
    top = f"highest score {number(result.hosts[0].score)}" if result.hosts else ""
    cards = [
        ("Findings", result.found, f"by {_plural(detections, 'detection')}"),
        ("Risk objects", len(result.hosts), top),
        ("Detections run", result.ran, f"of {result.selected:,}" + (f", {missing:,} could not" if missing else "")),
        ("Events read", result.events, f"from {_plural(len(result.sources), 'source')}"),
        ("Bad records", result.bad_records, "lost, see sources" if result.bad_records else "nothing lost"),
    ]
    for name, value, small in cards:
        yield f'<div class="card"><dt>{name}</dt><dd>{value:,}<small>{_e(small)}</small></dd></div>\n'
    yield "</dl>\n"
    if missing:
        text = f"This hunt is not complete: {result.coverage()}. See the warnings below."
        yield f'<p class="card notice">{_e(text)}</p>\n'
    yield "</header>\n"


def _hosts(hosts: Sequence[Ranked]) -> Iterator[str]:
    yield "<h2>Who is at risk</h2>\n"
    if not hosts:
        yield '<p class="card empty">No finding names a risk object.</p>\n'
        return
    top = max(hosts[0].score, 1)
    columns = ("Risk object", "Score", "Findings", "Detections", "Tactics", "Seen")
    yield _table_head(columns, right={"Findings"})
    for one in hosts[:OBJECTS_SHOWN]:
        width = round(100 * max(one.score, 0) / top, 1)
        bar = (
            '<svg class="bar" viewBox="0 0 100 9" preserveAspectRatio="none" aria-hidden="true">'
            f'<rect class="fill" width="{width:g}" height="9"/></svg>'
        )
        yield _row(
            columns,
            (f'<div class="name">{_e(one.risk_object)}<small>{_e(one.type)}</small></div>', "object"),
            (f'<div class="score"><span>{number(one.score)}</span>{bar}</div>', ""),
            (f"{one.findings:,}", "num"),
            (_lines(one.detections), "wide"),
            (_lines(one.tactics), "tactic"),
            (_span(one.first, one.last), "time"),
        )
    yield "</tbody></table></div>\n"
    yield from _more(len(hosts) - OBJECTS_SHOWN, "risk objects of lower score")


def _tactics(result: HuntResult) -> Iterator[str]:
    tactics = result.tactics()
    if not tactics:
        return
    yield '<h2>ATT&amp;CK tactics</h2>\n<div class="tactics">\n'
    for name, count, techniques in tactics:
        links = ", ".join(_technique(one) for one in techniques)
        yield f'<div class="card"><b>{_e(name)}</b><span class="soft">{_plural(count, "finding")}</span>'
        yield f"<div>{links}</div></div>\n"
    yield "</div>\n"


def _technique(text: str) -> str:
    found = _TECHNIQUE.match(text)
    if found is None:
        return _e(text)
    path = f"T{found[1]}/{found[2]}" if found[2] else f"T{found[1]}"
    return f'<a href="https://attack.mitre.org/techniques/{path}/" rel="noopener noreferrer">{text}</a>'


def _findings(result: HuntResult) -> Iterator[str]:
    yield "<h2>Findings</h2>\n"
    if not result.found:
        yield f'<p class="card empty">Nothing was found. {_e(_sentence(result.coverage()))}</p>\n'
        return
    groups: dict[str, list[Finding]] = {}
    for finding in result.findings:
        groups.setdefault(finding.detection, []).append(finding)
    totals = {one.detection: one.rows for one in result.outcomes}
    order = sorted(groups, key=lambda name: (_severity(groups[name]), -max(one.score for one in groups[name]), name))
    for at, name in enumerate(order):
        yield from _detection(name, groups[name], totals.get(name, len(groups[name])), opened=at < 20)


def _severity(findings: Iterable[Finding]) -> int:
    return min(_ORDER.index(one.severity) for one in findings)


def _detection(name: str, findings: list[Finding], total: int, *, opened: bool) -> Iterator[str]:
    severity = _ORDER[_severity(findings)]
    first = findings[0]
    yield f'<details class="card detection"{" open" if opened else ""}>\n<summary><h3>{_e(name)}</h3>'
    yield f'<span class="soft">{_e(first.type)}</span><span class="badge {severity}">{severity}</span>'
    yield f'<span class="soft">{_plural(total, "finding")}</span></summary>\n'
    about = [
        ", ".join(_technique(one) for one in first.mitre),
        _e(", ".join(first.tactics)),
        _e(", ".join(first.stories)),
    ]
    told = " · ".join(part for part in about if part)
    if told:
        yield f'<div class="about">{told}</div>\n'
    for finding in findings[:FINDINGS_SHOWN]:
        yield from _finding(finding)
    yield from _more(total - FINDINGS_SHOWN, "findings of this detection")
    yield "</details>\n"


def _finding(finding: Finding) -> Iterator[str]:
    yield '<div class="finding">\n<div class="head">'
    yield f"<span>{_span(finding.time, finding.last)}</span>"
    for one in finding.risk_objects:
        yield f'<span>{_e(one.type)} <b class="name">{_e(one.value, 200)}</b>, score {number(one.score)}</span>'
    for threat in finding.threat_objects:
        yield f"<span>threat {_e(threat.type)} {_e(threat.value, 200)}</span>"
    yield f'</div>\n<p class="message">{_e(finding.message, MESSAGE_SHOWN)}</p>\n<dl class="fields">'
    for name, value in finding.row.items():
        yield f"<dt>{_e(name, 200)}</dt><dd>{_field(name, value)}</dd>"
    yield "</dl>\n"
    if finding.drilldowns:
        yield '<details class="next"><summary>Searches to go on with</summary>'
        for drilldown in finding.drilldowns:
            yield f"<div>{_e(drilldown.name)}</div><pre>{_e(drilldown.search)}</pre>"
        yield "</details>\n"
    yield "</div>\n"


def _sources(result: HuntResult) -> Iterator[str]:
    # what something is to be said about first, so that it is not in the part left out
    sources = sorted(result.sources, key=lambda one: not (one.lost or one.bad_records))
    folder = result.folder
    yield "<h2>Sources</h2>\n"
    if folder:
        yield f'<p class="soft">Names are below {_e(folder)}</p>\n'
    columns = ["Source", "Format", "Events", "Bad records", "Time range"]
    noted = any(one.bad or one.note for one in sources)
    if noted:
        columns.append("Note")
    yield _table_head(columns, right={"Events", "Bad records"})
    for one in sources[:SOURCES_SHOWN]:
        why = "; ".join(f"{count:,} {reason}" for reason, count in one.bad.items())
        note = "; ".join(part for part in (why, one.note) if part)
        cells = [
            (f'<span class="name">{_e(one.name[len(folder) :])}</span>', ""),
            (_e(one.format), "short"),
            (f"{one.events:,}", "num"),
            (f"{one.bad_records:,}", "num"),
            (_span(one.first, one.last), "time"),
        ]
        yield _row(columns, *cells, *([(_e(note), "")] if noted else []))
    yield "</tbody></table></div>\n"
    yield from _more(len(sources) - SOURCES_SHOWN, "sources")


def _warnings(result: HuntResult) -> Iterator[str]:
    yield "<h2>Warnings</h2>\n"
    if not result.warnings:
        yield '<p class="card empty">None.</p>\n'
        return
    why = result.not_runnable
    if why:
        grouped = ("Detections", "Not runnable because")
        yield _table_head(grouped, right={"Detections"})
        for reason, count in why[:WARNINGS_SHOWN]:
            yield _row(grouped, (f"{count:,}", "num"), (_e(reason), ""))
        yield "</tbody></table></div>\n"
    title = "All " + _plural(len(result.warnings), "warning") if len(result.warnings) > 1 else "1 warning"
    yield f'<details class="next"{"" if why else " open"}><summary>{title}</summary>\n'
    columns = ("Where", "What", "Next step")
    yield _table_head(columns)
    for warn in result.warnings[:WARNINGS_SHOWN]:
        yield _row(columns, (_e(warn.where or ""), ""), (_e(warn.reason), ""), (_e(warn.hint or ""), ""))
    yield "</tbody></table></div></details>\n"
    yield from _more(len(result.warnings) - WARNINGS_SHOWN, "warnings")


def _made(result: HuntResult) -> Iterator[str]:
    yield '<h2>How this was made</h2>\n<dl class="card made">\n'
    pairs = [
        ("Trapline", result.version),
        ("Started", _time(result.started)),
        ("Took", result.took),
        ("Content", ", ".join(result.content)),
        ("Detections", result.coverage()),
        ("ATT&CK", result.attack_version),
        ("Time range", "all time"),
        ("Times", "UTC"),
    ]
    for name, value in pairs:
        yield f"<dt>{_e(name)}</dt><dd>{_e(value)}</dd>\n"
    yield "</dl>\n"


def _table_head(columns: Sequence[str], right: frozenset[str] | set[str] = frozenset()) -> str:
    heads = "".join(f'<th scope="col"{" class=num" if one in right else ""}>{one}</th>' for one in columns)
    return f'<div class="card"><table class="stack"><thead><tr>{heads}</tr></thead><tbody>\n'


def _row(columns: Sequence[str], *cells: tuple[str, str]) -> str:
    """A table row out of ready HTML and classes. Empty cells vanish where the table is stacked (narrow screens)."""
    out = []
    for name, (body, kind) in zip(columns, cells, strict=True):
        classes = " ".join(part for part in (kind, "" if body else "none") if part)
        out.append(f'<td data-label="{name}"' + (f' class="{classes}"' if classes else "") + f">{body}</td>")
    return f"<tr>{''.join(out)}</tr>\n"


def _lines(texts: Sequence[str], most: int = 8) -> str:
    if not texts:
        return ""
    rows = [f"<li>{_e(one, 200)}</li>" for one in texts[:most]]
    if len(texts) > most:
        rows.append(f'<li class="soft">and {len(texts) - most:,} more</li>')
    return f'<ul class="list">{"".join(rows)}</ul>'


def _time(seconds: float | None) -> str:
    text = iso(None if seconds is None else int(seconds))
    return text.replace("T", " ").removesuffix("Z") + " UTC" if text else "time unknown"


def _span(first: float | None, last: float | None) -> str:
    """A time range in HTML, two lines if it is one."""
    if first is None and last is None:
        return ""
    begin, end = _time(first).removesuffix(" UTC"), _time(last).removesuffix(" UTC")
    return begin if begin == end else f"{begin}<br>{end}"


def _more(count: int, what: str) -> Iterator[str]:
    if count > 0:
        yield f'<p class="more">{count:,} more {what} are not shown here; the JSON report has what was kept.</p>\n'


_RENDERERS: dict[str, Callable[[HuntResult], str]] = {
    ".html": to_html,
    ".htm": to_html,
    ".json": to_json,
    ".csv": to_csv,
}
