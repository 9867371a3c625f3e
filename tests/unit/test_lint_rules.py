"""The rules of lint: for each what it finds, and what it must leave alone."""

from __future__ import annotations

import pytest

from tests.shared import ROOT
from trapline.errors import TraplineError
from trapline.lint.check import all_rules, check, chosen
from trapline.lint.finding import Severity
from trapline.search import Macro

MACROS = {
    "security_content_summariesonly": Macro("security_content_summariesonly", "summariesonly=false"),
    "installs": Macro("installs", "EventCode=7045"),
    "compare(1)": Macro("compare(1)", 'where $f$="CMD.exe"', ("f",)),
    "broken": Macro("broken", "`nowhere` a=1"),
}


def found(spl: str, *codes: str) -> list[tuple[str, str, str]]:
    """(code, severity, the text it is about), of these codes only."""
    wanted = chosen(codes) if codes else None
    return [
        (one.code, one.severity.value, spl[one.span.start : one.span.end])
        for one in check(spl, MACROS, wanted).findings
    ]


@pytest.mark.parametrize(
    ("spl", "place"),
    [
        ('index=a | stats count by host | where user="x"', "user"),
        ("index=a | stats count by host | eval user=lower(user)", "user"),
        ("index=a | rename src as source_ip | where src=1", "src"),
        ("index=a | table host | stats count by user", "user"),
        ("index=a | fields - user | search x=1 | dedup user", "user"),
        ("| tstats count from datamodel=M by D.host | rename D.* as * | eval x=user", "user"),
        ("index=a | stats count by host | append [search index=b | table x | where y=1]", "y"),
        ("index=a | stats sum(bytes) as total by host | eval mb=bytes/1024", "bytes"),
        ("index=a | stats count by host | sort - total", "total"),
        ('index=a | timechart count by user | where user="x"', "user"),
        ('index=a | timechart span=1h count by host | where host="x"', "host"),
        ('index=a | chart count over a by b | where b="x"', "b"),
        ("index=a | chart count by a b | eval c=b", "b"),
        ('index=a | timechart count | where host="x"', "host"),
        ("index=a | chart count by user | where alice>1", "alice"),
        ("index=a | chart sum(x) as y by user | eval z=x", "x"),
        ("index=a | stats count by host | timechart count by host", "timechart"),
        ("index=a | fields - _time | timechart count", "timechart"),
    ],
)
def test_dropped_field(spl: str, place: str) -> None:
    assert ("TL101", "warning", place) in found(spl, "TL101")


@pytest.mark.parametrize(
    "spl",
    [
        'index=a | where user="x" | stats count by host',
        'index=a | stats count values(user) as user by host | where user="x"',
        "index=a | chart count by host user | where alice>1",
        "index=a | chart count over user by host | where user=1 AND alice>1",
        "index=a | timechart avg(*) | where host>1",
        "index=a | timechart count eval(avg(x)/max(y)) as z | where count>1 AND z>1 AND _time>1",
        "index=a | chart avg(x) count by user | where 'avg(x)'>1 AND count>1 AND user=1",
        "index=a | timechart count | timewrap 1d | where x>1",
        "index=a | timechart count by user | lookup assets alice OUTPUT user | where user=1",
        "index=a | timechart count by user | eval user=1 | where user=1",
        "index=a | timechart count by user | untable _time user n | where user=1",
        'index=a | stats count by host | lookup assets host | where owner="x"',
        'index=a | stats count by host | lookup assets host OUTPUT owner | where owner="x"',
        "index=a | stats count by host | eval {host}=1 | where x=1",
        "index=a | stats count as n by host | rename n as total | where total>1",
        "index=a | stats count by host | eventstats avg(count) as mean | where count>mean",
        "index=a | table a b* | where bx=1",
        "index=a | stats count by host | eval user=if(count>1, null, 1)",
        'index=a | rex "(?<user>x)" | stats count by user | rex field=user "(?<first>.)" | where first=1',
        "index=a | stats count by host | join host [search index=b | stats count as n by host] | where n>1",
        "| inputlookup x | where y=1",
        "index=a | stats count by host | `unknown_macro` | where user=1",
        "index=a | stats count by host | fillnull value=0 user | where user=0",
        "index=a | stats list(x) as x by host | mvexpand x | spath input=x | where anything=1",
    ],
)
def test_no_field_is_dropped(spl: str) -> None:
    assert found(spl, "TL101") == []


def test_a_dropped_field_that_is_only_shown_is_a_remark() -> None:
    assert found("index=a | stats count by host | table host user", "TL101") == [("TL101", "info", "user")]


@pytest.mark.parametrize(
    ("spl", "expected"),
    [
        ("| tstats count from datamodel=Endpoint.Processes by Processes.dest", [("TL102", "warning", "tstats")]),
        (
            "| tstats summariesonly=true count from datamodel=Endpoint.Processes",
            [("TL102", "info", "summariesonly=true")],
        ),
        ("| tstats `security_content_summariesonly` count from datamodel=Endpoint.Processes", []),
        ("| tstats count where index=a by host", []),
        (
            "index=a | append [| tstats count from datamodel=Endpoint.Processes]",
            [("TL102", "warning", "tstats")],
        ),
    ],
)
def test_tstats_without_summariesonly(spl: str, expected: list[tuple[str, str, str]]) -> None:
    assert found(spl, "TL102") == expected


@pytest.mark.parametrize(
    ("spl", "expected"),
    [
        ("index=a *mimikatz", [("TL103", "warning", "*mimikatz")]),
        ("index=a process=*cmd.exe", [("TL103", "info", "process=*cmd.exe")]),
        ('index=a process IN ("a", "*b")', [("TL103", "info", 'process IN ("a", "*b")')]),
        ("index=a * x=* cmd*", []),
        ('index=a | where like(x, "%y")', []),
    ],
)
def test_leading_wildcard(spl: str, expected: list[tuple[str, str, str]]) -> None:
    assert found(spl, "TL103") == expected


@pytest.mark.parametrize(
    ("spl", "severities"),
    [
        ("index=a [search index=b | fields user]", ["warning"]),
        ("index=a | append [search index=b]", ["warning"]),
        ("index=a | join max=0 user [search index=b | stats count by user]", ["info"]),
        ("index=a [search index=b | head 100 | fields user]", []),
        ("index=a [search index=b | stats max(x) as x]", []),
        ("index=a [| inputlookup bad.csv | fields user]", ["info"]),
        ("index=a [| inputlookup bad.csv | head 5 | fields user]", []),
        ("index=a | appendpipe [stats count by x]", []),
    ],
)
def test_subsearch_cap(spl: str, severities: list[str]) -> None:
    assert [severity for _, severity, _ in found(spl, "TL104")] == severities


@pytest.mark.parametrize(
    ("spl", "count"),
    [
        ("index=a | join user [search index=b]", 1),
        ("index=a | join type=left user [search index=b | stats count by user, host]", 1),
        ("index=a | join max=0 user [search index=b]", 0),
        ("index=a | join user max=1 [search index=b]", 0),
        ("index=a | join user [search index=b | stats count by user | rename count as n]", 0),
        ("index=a | join user host [search index=b | dedup user]", 0),
    ],
)
def test_join_max(spl: str, count: int) -> None:
    assert len(found(spl, "TL105")) == count


@pytest.mark.parametrize(
    ("spl", "places"),
    [
        ("index=a user!=admin", ["user!=admin"]),
        ("index=a (x=1 OR user!=admin)", ["user!=admin"]),
        ("index=a user=* user!=admin", []),
        ("index=a user IN (a*, b*) user!=admin", []),
        ("index=a NOT user=admin", []),
        ('index=a user!="" src!="-" dest!=Unknown', []),
        ("index!=a host!=b", []),
        ("index=a | stats count by user | search user!=admin", []),
        ("index=a | search user!=admin", ["user!=admin"]),
        ("| tstats count from datamodel=M where D.user!=x by D.user", []),
    ],
)
def test_not_equal_absent(spl: str, places: list[str]) -> None:
    assert [place for _, _, place in found(spl, "TL106")] == places


@pytest.mark.parametrize(
    ("spl", "severities"),
    [
        ("index=a | sort _time | streamstats count by user", ["warning"]),
        ("index=a | sort - _time | table x | stats first(x) as x by user", ["warning"]),
        ("index=a | stats count by user | sort - count | dedup user", ["info"]),
        ("index=a | sort 0 _time | streamstats count", []),
        ("index=a | sort 10000 _time | streamstats count", []),
        ("index=a | sort - count | head 10 | stats count", []),
        ("index=a | sort - count | table user", []),
        ("index=a | head 100 | sort _time | streamstats count", []),
    ],
)
def test_sort_limit(spl: str, severities: list[str]) -> None:
    assert [severity for _, severity, _ in found(spl, "TL107")] == severities


@pytest.mark.parametrize(
    ("spl", "places"),
    [
        ('index=a | where process_name="CMD.exe"', ['process_name="CMD.exe"']),
        ('index=a | eval bad=if(user IN ("Bob", "Eve"), 1, 0)', ['user IN ("Bob", "Eve")']),
        ('index=a | where like(Image, "%\\\\cmd.exe")', ['like(Image, "%\\\\cmd.exe")']),
        ('index=a | where match(CommandLine, "-enc")', ['match(CommandLine, "-enc")']),
        ('index=a | where match(CommandLine, "(?i)-enc")', []),
        ('index=a | where match(CommandLine, "^\\d+\\s")', []),
        ('index=a | where lower(process_name)="cmd.exe"', []),
        ('index=a | eval process_name=lower(process_name) | where process_name="cmd.exe"', []),
        ('index=a | where count="many"', []),
        ('index=a | where user="4711"', []),
        ('index=a | where user!="unknown"', []),
        ('index=a process_name="CMD.exe"', []),
        ('index=a | where host="WIN10"', ['host="WIN10"']),
        ("index=a | where 'Processes.process_name'=\"CMD.exe\"", ["'Processes.process_name'=\"CMD.exe\""]),
    ],
)
def test_case_sensitive(spl: str, places: list[str]) -> None:
    assert [place for _, _, place in found(spl, "TL108")] == places


def test_a_field_that_is_gone_is_reported_once() -> None:
    spl = 'index=a | stats count by host | where process_name="cmd.exe"'
    assert [code for code, _, _ in found(spl, "TL101", "TL108")] == ["TL101"]


@pytest.mark.parametrize(
    ("spl", "count"),
    [
        ('index=a | where x="*y*"', 1),
        ('index=a | eval z=if(x IN ("a", "b*"), 1, 0)', 1),
        ('index=a | where x="*"', 0),
        ('index=a | where like(x, "*y")', 0),
        ("index=a x=*y*", 0),
    ],
)
def test_literal_wildcard(spl: str, count: int) -> None:
    assert len(found(spl, "TL109")) == count


# --- what stops the parser -----------------------------------------------------------------------------------------


def test_a_syntax_error_has_its_place() -> None:
    assert found("index=a | where (x=1") == [("TL001", "error", "(")]
    assert found("index=a | stast count")[0] == ("TL001", "error", "stast")
    assert not check("index=a | where (x=1", MACROS).parsed


def test_an_error_behind_a_comment_and_a_macro_has_its_place() -> None:
    spl = "```why``` `installs` | where (x=1 | head 1"
    assert found(spl) == [("TL001", "error", "(")]
    assert found('```a``` index=x | where x="y') == [("TL001", "error", '"')]


def test_a_command_of_ones_own_does_not_hide_the_rest() -> None:
    spl = 'index=a | mycommand x=1 "y" | where process_name="CMD.exe"'
    result = check(spl, MACROS)
    assert result.parsed
    assert result.unsupported == (("command", "mycommand"),)
    assert found(spl) == [("TL002", "warning", "mycommand"), ("TL108", "warning", 'process_name="CMD.exe"')]


def test_an_unknown_function_is_named() -> None:
    result = check("index=a | eval x=frobnicate(y)", MACROS)
    assert result.parsed
    assert result.unsupported == (("function", "frobnicate"),)
    assert [one.code for one in result.findings] == ["TL002"]


def test_an_unknown_macro_does_not_hide_the_rest() -> None:
    spl = '`here` x=1 | where `cond(1)` | stats count `things` by user | search user=* | where user="Bob"'
    result = check(spl, MACROS)
    assert result.parsed
    assert [one.code for one in result.findings] == ["TL003", "TL003", "TL003", "TL108"]


def test_a_macro_inside_a_macro_is_reported_where_it_was_called() -> None:
    assert found("index=a `broken`") == [("TL003", "warning", "`broken`")]
    (one,) = check("index=a `broken`", MACROS).findings
    assert "'nowhere'" in one.reason


@pytest.mark.parametrize(
    ("spl", "words"),
    [
        ("index=a user=x or user=y", ["or"]),
        ("index=a | search not (a and b)", ["not", "and"]),
        ('index=a user=x OR user=y "or" | where a=1 or not b=2', []),
        ("index=a [search index=b c or d | table u]", ["or"]),
    ],
)
def test_operators_in_lower_case(spl: str, words: list[str]) -> None:
    assert [place for _, _, place in found(spl, "TL110")] == words


def test_a_field_that_has_another_name_now() -> None:
    (one,) = check("index=a | stats count as n by host | eval x=count", MACROS, chosen(["TL101"])).findings
    assert one.hint == "stats calls it n"


@pytest.mark.parametrize(
    "spl",
    [
        "index=a | eval x=(1==1)",
        'index=a | eval e="0x1F"+1',
        'index=a | eval e=relative_time(now(), "garbage")',
        "index=a | eval n=len(a) + 1 | eval e=lower(n) + 1",
    ],
)
def test_what_a_command_refuses_whatever_the_data(spl: str) -> None:
    assert ("TL004", "error") in [one[:2] for one in found(spl)]


@pytest.mark.parametrize(
    "spl",
    ['index=a | eval e=a+1, f=a+b, g=a+"x"', "index=a | eval e=relative_time(now(), a)", "index=a | bin span=1h a"],
)
def test_what_depends_on_the_data_is_not_refused(spl: str) -> None:
    assert found(spl, "TL004") == []


def test_a_finding_inside_a_macro_is_at_its_call() -> None:
    spl = "index=a | `compare(process_name)`"
    assert found(spl) == [("TL108", "warning", "`compare(process_name)`")]
    (one,) = check(spl, MACROS).findings
    assert one.macro == "compare(1)"


@pytest.mark.parametrize(
    "spl", ["", "   ", "|", "[", '"', "```", "`", "a | ", "x=[", "a [b", "| | |", "`a`", "a\x00b|c"]
)
def test_nothing_but_findings_comes_of_odd_text(spl: str) -> None:
    for one in check(spl, MACROS).findings:
        assert 0 <= one.span.start <= max(one.span.end, len(spl))


# --- silence and choice --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spl", "codes"),
    [
        ("index=a user!=x | join user ```noqa: TL105, TL104``` [search index=b]", ["TL106"]),
        ("index=a user!=x | join user ```noqa: TL105``` [search index=b]", ["TL106", "TL104"]),
        ("```noqa: TL106``` index=a user!=x | join user max=0 [search index=b]", ["TL104"]),
        ("index=a user!=x ```NOQA``` | join user [search index=b] ```noqa```", []),
        ('index=a user!="```noqa```"', ["TL106"]),
        ("index=a user!=x ```noqa later```", ["TL106"]),
    ],
)
def test_a_comment_silences_its_command(spl: str, codes: list[str]) -> None:
    assert [code for code, _, _ in found(spl)] == codes


def test_codes_are_chosen_by_code_beginning_and_name() -> None:
    assert chosen(["TL105"]) == {"TL105"}
    assert chosen(["join-max", "TL00"], ["TL000"]) == {"TL105", "TL001", "TL002", "TL003", "TL004"}
    assert "TL103" not in chosen(ignore=["TL103"])
    with pytest.raises(TraplineError, match="there is no rule 'TL999'"):
        chosen(["TL999"])


# --- the family ----------------------------------------------------------------------------------------------------


def test_every_rule_says_what_it_is_about() -> None:
    rules = all_rules()
    assert len({one.code for one in rules}) == len(rules)
    assert len({one.name for one in rules}) == len(rules)
    for one in rules:
        assert one.summary.endswith("."), one.name
        assert one.text
        assert isinstance(one.severity, Severity)


def test_every_rule_has_a_test() -> None:
    text = (ROOT / "tests" / "unit" / "test_lint_rules.py").read_text(encoding="utf-8")
    for one in all_rules():
        assert one.code in text, f"show {one.code} in a test"


def test_the_context_without_data_answers_all_that_commands_may_ask() -> None:
    from trapline.lint.flow import Symbolic, _Flow
    from trapline.spl.command import Context

    context = Symbolic(_Flow("", (), set()))
    wanted = [name for name in {**vars(Context), **Context.__annotations__} if not name.startswith("_")]
    missing = [name for name in wanted if not hasattr(context, name)]
    assert not missing, f"add {missing} to lint.flow.Symbolic"


def test_the_page_lists_every_rule() -> None:
    page = (ROOT / "docs" / "lint.md").read_text(encoding="utf-8")
    for one in all_rules():
        assert f"| {one.code} | {one.name} | {one.severity} | {one.summary} |" in page


@pytest.mark.parametrize(
    ("spl", "places"),
    [
        ("index=a user=\u201cbob\u201d", ["\u201c", "\u201d"]),
        ("index=a | eval u\u200bser=1", ["\u200b"]),
        ('index=a file="*\u202e*" note="\u201cquoted\u201d"', []),
        ('index=a \\" user=\u201cbob', ["\u201c"]),
        ("index=a user=b\u00fcrger", []),
    ],
)
def test_characters_that_are_not_what_they_look_like(spl: str, places: list[str]) -> None:
    assert [place for _, _, place in found(spl, "TL111")] == places


@pytest.mark.parametrize(
    ("spl", "places", "hint"),
    [
        ("index=a | where user!=null()", ["user!=null()"], "write isnotnull(user)"),
        ('index=a | eval x=if(NULL()=host, "a", "b")', ["NULL()=host"], "write isnull(host)"),
        ("index=a | eval x=null() | where isnull(x) AND y!=1", [], None),
    ],
)
def test_a_comparison_with_null(spl: str, places: list[str], hint: str | None) -> None:
    assert [place for _, _, place in found(spl, "TL112")] == places
    assert [one.hint for one in check(spl, MACROS, chosen(["TL112"])).findings] == ([hint] if hint else [])
