"""A Splunk app as content: what its stanzas become, whose settings win, and what is told of the rest."""

from __future__ import annotations

import json
import random
from contextlib import suppress
from datetime import date
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.unit.appkit import MACROS, REMCOM, SEARCHES, TRANSFORMS, app, log
from trapline import app as composed
from trapline.cli import cli
from trapline.content import read
from trapline.content.catalog import Content
from trapline.content.convert import convert
from trapline.content.enrich import annotations_of, enrich
from trapline.content.model import (
    Detection,
    DetectionType,
    Generation,
    Level,
    Notable,
    Relation,
    RiskObject,
    Schedule,
    Severity,
    Status,
    ThreatObject,
    Throttle,
    Trigger,
)
from trapline.content.tree import files
from trapline.detect import risk
from trapline.detect.actions import Decided, decide
from trapline.detect.hunt import profiles
from trapline.detect.jobs import jobs
from trapline.errors import InputError
from trapline.values import Row

NAME = "Windows Service Create RemComSvc"


def of(tmp_path: Path, searches: str) -> Content:
    """The content of an app with this savedsearches.conf."""
    return read.load(app(tmp_path, {"default/savedsearches.conf": searches}))


def one(tmp_path: Path, lines: str, name: str = "X") -> Detection:
    return of(tmp_path, f"[{name}]\nsearch = index=main\n{lines}\n").find(name)


def told(content: Content) -> list[tuple[str, int | None, str | None]]:
    return [(problem.code, problem.line, problem.field) for problem in content.problems]


def cli_run(*words: str | Path) -> Result:
    return CliRunner().invoke(cli, [str(word) for word in words], catch_exceptions=False)


def test_a_detection_of_escu(tmp_path: Path) -> None:
    content = read.load(app(tmp_path))
    assert content.problems == []
    found = content.find(NAME)
    assert (found.generation, found.type, found.status) == (Generation.APP, DetectionType.ANOMALY, Status.PRODUCTION)
    assert (found.id, found.version) == ("0be4b5d6-c449-4084-b945-2392b519c33b", 2)
    assert (found.created, found.modified) == (date(2024, 3, 1), date(2024, 9, 30))
    assert found.rule_name == REMCOM
    assert found.search.split("\n")[1].startswith("| stats count min(_time)")
    assert not any(line.endswith((" ", "\\")) for line in found.search.split("\n"))
    message = "A new service was created related to RemCom on $dest$."
    assert found.rba is not None
    assert found.rba.risk_objects == (RiskObject("dest", "system", 32, message),)
    assert found.rba.threat_objects == (ThreatObject("ImagePath", "file_path"),)
    assert (found.severity, found.enabled) == (Severity.LOW, False)
    assert found.throttle == Throttle(("dest", "ImagePath"), "2h")
    deployment = content.deployment_of(found)
    assert deployment.schedule == Schedule("0 * * * *", "-70m@m", "-10m@m", "auto")
    assert (deployment.rba, deployment.notable) == (True, None)
    assert (found.mitre, found.stories) == (("T1543.003",), ("Active Directory Discovery",))
    assert found.data_source == ("Windows Event Log System 7045",)
    assert found.products == ("Splunk Enterprise", "Splunk Cloud")
    assert found.drilldowns[0].earliest == "$info_min_time$"
    annotations = annotations_of(found, enrich(found))
    assert annotations == {
        "data_source": ["Windows Event Log System 7045"],
        "impact": 40,
        "mitre_attack": ["T1543.003"],
        "nist": ["DE.AE"],
        "our_own": ["x"],
        "type": "Anomaly",
        "type_list": ["Anomaly"],
    }


def test_a_plain_search(tmp_path: Path) -> None:
    content = read.load(app(tmp_path))
    found = content.find("Plain Search")
    assert (found.type, found.rba, found.enabled, found.rule_name) == (DetectionType.HUNTING, None, True, found.name)
    assert annotations_of(found, enrich(found)) == {}
    assert (enrich(found).nist, enrich(found).cis) == ((), ())
    deployment = content.deployment_of(found)
    assert (deployment.schedule.cron, deployment.notable, deployment.rba) == ("*/5 * * * *", None, False)
    assert content.macro_defs["least(1)"].args == ("level",)
    assert content.lookups["known_hosts"].max_matches == 1


def test_local_over_default(tmp_path: Path) -> None:
    local = f"[{REMCOM}]\ncron_schedule = 5 * * * *\ndisabled = 0\n\n[Plain Search]\ndisabled = 1\n"
    root = app(
        tmp_path,
        {
            "local/savedsearches.conf": local,
            "local/macros.conf": "[system_log]\ndefinition = sourcetype=WinEventLog\n",
        },
    )
    content = read.load(root)
    assert content.problems == []
    found = content.find(NAME)
    assert found.enabled
    assert content.deployment_of(found).schedule.cron == "5 * * * *"
    assert content.deployment_of(found).schedule.earliest == "-70m@m"
    assert not content.find("Plain Search").enabled
    assert content.macro_defs["system_log"].definition == "sourcetype=WinEventLog"
    assert found.file.endswith("default/savedsearches.conf")  # where its search is


def test_splunks_own_defaults(tmp_path: Path) -> None:
    found = one(tmp_path, "cron_schedule = 0 * * * *")
    assert found.deployment is not None
    assert found.deployment.schedule == Schedule("0 * * * *", "", "", "0", continuous=False)
    assert not found.enabled  # enableSched is 0


def test_windows_line_ends_a_byte_order_mark_and_comments(tmp_path: Path) -> None:
    text = "\ufeff# note \\\r\n[A]\r\n  # search = no\r\nsearch = index=a \\\r\n | head 1\r\ndescription = x = y\r\n"
    content = read.load(app(tmp_path, {"default/savedsearches.conf": text.encode()}))
    found = content.find("A")
    assert (found.search, found.description, content.problems) == ("index=a\n | head 1", "x = y", [])


def test_default_gives_what_a_stanza_does_not_say_but_no_search(tmp_path: Path) -> None:
    content = of(tmp_path, "[default]\ndisabled = 1\nsearch = | makeresults\n[A]\ndescription = x\n[B]\nsearch = x\n")
    assert [found.name for found in content.detections] == ["B"]
    problem = content.problems[0]
    assert (problem.level, problem.code, problem.field) == (Level.ERROR, "missing", "[A] search")


@pytest.mark.parametrize(
    ("lines", "kind", "notable", "rba"),
    [
        ("action.notable = 1\naction.risk = 1", DetectionType.TTP, True, True),
        ("action.risk = 1", DetectionType.ANOMALY, False, True),
        ("action.notable = 1", DetectionType.CORRELATION, True, False),
        ("actions = notable,email\naction.email = 0", DetectionType.CORRELATION, True, False),
        ("action.email = 1", DetectionType.HUNTING, False, False),
        ('action.correlationsearch.annotations = {"type": "ttp"}', DetectionType.TTP, False, False),
        ('action.correlationsearch.annotations = {"type_list": ["Hunting"]}', DetectionType.HUNTING, False, False),
    ],
)
def test_types(tmp_path: Path, lines: str, kind: DetectionType, notable: bool, rba: bool) -> None:
    found = one(tmp_path, lines)
    assert found.deployment is not None
    assert (found.type, found.deployment.notable is not None, found.deployment.rba) == (kind, notable, rba)


def test_what_a_search_is_for(tmp_path: Path) -> None:
    content = of(
        tmp_path,
        "[Fill]\nsearch = index=a | outputlookup t.csv\n"
        "[Both]\nsearch = index=a | outputlookup t.csv\nalert.track = 1\n"
        "[Sum]\nsearch = index=a | stats count\naction.summary_index = 1\n"
        "[ESCU - Base]\nsearch = index=b\naction.escu.search_type = support\n"
        "[ESCU - Look - Response Task]\nsearch = index=c user=$user$\naction.escu.search_type = investigative\n",
    )
    assert [found.name for found in content.detections] == ["Both"]
    assert [found.name for found in content.baselines] == ["Fill", "Sum", "Base"]
    assert [(found.name, found.inputs) for found in content.investigations] == [("Look", ("user",))]
    assert content.searches()["ESCU - Base"] == "index=b"


def test_names(tmp_path: Path) -> None:
    marked = "search = x\naction.correlationsearch.enabled = 1\n"
    content = of(
        tmp_path,
        f"[Access - Same - Rule]\n{marked}[Threat - Same - Rule]\n{marked}[Threat - Other - Rule]\n{marked}"
        f"[No Label - Rule]\n{marked}[A - Plain - Rule]\nsearch = x\n",
    )
    names = [found.name for found in content.detections]
    assert names == ["Access - Same - Rule", "Threat - Same - Rule", "Other", "No Label - Rule", "A - Plain - Rule"]
    assert content.find("threat - other - rule").name == "Other"


def test_a_notable(tmp_path: Path) -> None:
    lines = (
        "action.notable = 1\naction.notable.param.severity = critical\n"
        "action.notable.param.rule_title = It was $user$\n"
        "action.notable.param.nes_fields = user, dest\naction.notable.param.security_domain = access\n"
        "action.notable.param.drilldown_name = Look\naction.notable.param.drilldown_search = index=main | head 5\n"
        "action.notable.param.drilldown_earliest_offset = $info_min_time$\n"
        'action.notable.param.next_steps = {"version": 1, "data": "Ask $user$."}\n'
    )
    found = one(tmp_path, lines)
    assert found.deployment is not None
    assert found.deployment.notable == Notable(
        "It was $user$", "%description%", ("user", "dest"), "critical", "Ask $user$."
    )
    assert (found.severity, found.security_domain) == (Severity.CRITICAL, "access")
    (drilldown,) = found.drilldowns
    assert (drilldown.name, drilldown.search) == ("Look", "%original_detection_search% | head 5")


def test_the_form_of_escu_6(tmp_path: Path) -> None:
    risk = [
        {"risk_object_field": "dest", "risk_object_type": "system", "risk_score": 20, "risk_message": "On $dest$"},
        {"threat_object_field": "process", "threat_object_type": "process"},
    ]
    entity = [{"risk_object_field": "user", "risk_object_type": "user", "risk_score": 50.0}]
    found = one(
        tmp_path,
        "action.risk = 1\naction.notable = 1\naction.notable.param.rule_title = By $user$\n"
        f"action.risk.param._risk = {json.dumps(risk)}\naction.risk.param._risk_message = On $dest$\n"
        f"action.notable.param._entities = {json.dumps(entity)}\n",
    )
    assert found.rba is not None
    assert found.rba.risk_objects == (
        RiskObject("user", "user", 50, "By $user$", finding=True),
        RiskObject("dest", "system", 20, "On $dest$"),
    )
    assert (found.title, found.rba.score) == ("By $user$", 50)


def test_the_form_before_lists(tmp_path: Path) -> None:
    found = one(
        tmp_path,
        "action.risk = 1\naction.risk.param._risk_object = user\naction.risk.param._risk_object_type = user\n"
        "action.risk.param._risk_score = 60\n",
    )
    assert found.rba is not None
    assert found.rba.risk_objects == (RiskObject("user", "user", 60, ""),)


def test_the_warning_before_a_description(tmp_path: Path) -> None:
    theirs = (
        "**WARNING**, this detection is marked **EXPERIMENTAL** by the Splunk Threat Research Team. It was tried. "
        "Mail us at: research@splunk.com. Finds it."
    )
    found = one(tmp_path, f"description = {theirs}")
    assert (found.status, found.description) == (Status.EXPERIMENTAL, "Finds it.")


@pytest.mark.parametrize(
    ("lines", "code", "key", "reason"),
    [
        ("action.risk = 1\naction.risk.param._risk = [{", "json", "action.risk.param._risk", "not valid JSON"),
        ('action.risk = 1\naction.risk.param._risk = [{"a": 1}]', "risk", "action.risk.param._risk", "names neither"),
        ("action.risk = 1", "risk", "action.risk", "no risk object"),
        (
            'action.risk = 1\naction.risk.param._risk = [{"risk_object_field": "u", "risk_score": "high"}]',
            "type",
            "action.risk.param._risk",
            "whole number",
        ),
        ("alert.suppress = 1\nalert.suppress.period = soon", "throttling", "alert.suppress.period", "needs a period"),
        (
            "action.notable = 1\naction.notable.param.default_owner = anna",
            "unsupported",
            "action.notable.param.default_owner",
            "begins as every other",
        ),
        ("alert.suppress.group_name = g", "unsupported", "alert.suppress.group_name", "not shared"),
        ("dispatch.earliest_time = rt-5m", "realtime", "dispatch.earliest_time", "real-time"),
        ("counttype = number of hosts\nrelation = greater than\nquantity = 5", "condition", "counttype", "of hosts"),
        ("counttype = number of events\nrelation = rises by\nquantity = 5", "condition", "counttype", "rises by 5"),
        ("counttype = number of events\nrelation = equal to\nquantity = 0", "condition", "counttype", "nothing here"),
        ("counttype = custom\nalert_condition = search count > 5", "condition", "counttype", "over the results"),
        ("action.webhook = 1\naction.webhook.param.url = x", "action", "action.webhook", "not taken here"),
        ("cron_shedule = 0 * * * *", "unknown-key", "cron_shedule", "not known"),
        ("disabled = maybe", "type", "disabled", "true or false"),
        ("action.escu.modification_date = soon", "date", "action.escu.modification_date", "not a date"),
        ('action.correlationsearch.annotations = ["x"]', "json", "action.correlationsearch.annotations", "JSON object"),
    ],
)
def test_what_is_doubtful_is_told_with_its_place(tmp_path: Path, lines: str, code: str, key: str, reason: str) -> None:
    content = of(tmp_path, f"[X]\nsearch = index=main\n{lines}\n")
    assert content.find("X").search == "index=main"
    problem = next(one for one in content.problems if one.code == code)
    line = next(at for at, text in enumerate(lines.split("\n"), 3) if text.startswith(f"{key} ="))
    assert (problem.level, problem.code, problem.line) == (Level.WARNING, code, line)
    assert problem.field == f"[X] {key}"
    assert problem.file.endswith("default/savedsearches.conf")
    assert reason in problem.reason


@pytest.mark.parametrize(
    ("lines", "trigger"),
    [
        ("counttype = number of events\nrelation = greater than\nquantity = 5", Trigger(Relation.MORE, 5)),
        ("counttype = number of events\nrelation = equal to\nquantity = 2", Trigger(Relation.SAME, 2)),
        ("counttype = number of events\nrelation = greater than\nquantity = 0", None),
        ("counttype = always\nrelation = greater than\nquantity = 5", None),
        ("", None),
    ],
)
def test_the_condition_of_an_alert(tmp_path: Path, lines: str, trigger: Trigger | None) -> None:
    content = of(tmp_path, f"[X]\nsearch = index=main\n{lines}\n")
    assert (content.find("X").trigger, content.problems) == (trigger, [])


def test_results_below_the_number_are_no_finding(tmp_path: Path) -> None:
    """In a hunt and on the schedule alike."""
    condition = "counttype = number of events\nrelation = greater than\nquantity = {}"
    for number, findings in ((0, 1), (1, 0)):
        text = SEARCHES.replace(condition.format(0), condition.format(number))
        root = app(tmp_path / str(number), {"default/savedsearches.conf": text})
        done = cli_run("hunt", log(tmp_path), "--content", root, "--detection", NAME, "--json")
        found = json.loads(done.stdout)
        assert len(found["findings"]) == findings
        assert ("detect.condition" in json.dumps(found)) == (not findings)
        decided = decisions(root, [{"dest": "a", "ImagePath": "x"}])
        assert len(decided.risk_events) == findings


def decisions(root: Path, rows: list[Row]) -> Decided:
    """What comes of rows of the seed on its schedule."""
    content = read.default_content([root])
    (job,), _ = jobs(content, [content.find(NAME)], profiles(content))
    run = risk.Run(3_600.0, "sid")
    common = {"by": (), "throttles": {}, "known": {}, "guid": "g"}
    return decide(job, rows, run, 3_600.0, urgency=lambda severity, row: severity, **common)  # type: ignore[arg-type]


def test_what_changes_nothing_is_not_told(tmp_path: Path) -> None:
    lines = (
        "display.general.type = statistics\nrequest.ui_dispatch_app = search\nalert.severity = 4\naction.x.param.y = 1"
    )
    content = of(tmp_path, f"[X]\nsearch = index=main\ncounttype = always\n{lines}\nalert.track = 0\n")
    assert content.problems == []


def test_lines_that_are_none_and_keys_given_twice(tmp_path: Path) -> None:
    content = of(tmp_path, "[A]\nsearch = x\nsearch = y\njunk\n[B\nsearch = z\n")
    assert [found.name for found in content.detections] == ["A"]
    assert content.find("A").search == "y"
    assert sorted(told(content)) == [("conf", 4, None), ("conf", 5, None), ("repeated-key", 3, "[A] search")]


def test_several_apps_and_a_bare_file(tmp_path: Path) -> None:
    first = app(tmp_path / "b_apps")
    first.rename(first.with_name("a_first"))
    app(tmp_path / "b_apps", {"default/macros.conf": "[system_log]\ndefinition = index=last\n"})
    content = read.load(tmp_path / "b_apps")
    assert content.macro_defs["system_log"].definition == "index=last"  # our_app sorts after a_first
    bare = tmp_path / "bare"
    bare.mkdir()
    (bare / "savedsearches.conf").write_text(SEARCHES)
    (bare / "macros.conf").write_text(MACROS)
    for given in (bare, bare / "savedsearches.conf"):
        assert {found.name for found in read.load(given).detections} == {NAME, "Plain Search"}
    with pytest.raises(InputError, match="holds 2 detections"):
        read.find_or_read(read.default_content(), str(bare / "savedsearches.conf"))
    (bare / "savedsearches.conf").write_text("[One]\nsearch = index=x\n")
    assert read.find_or_read(read.default_content(), str(bare / "savedsearches.conf")).name == "One"


def test_a_content_tree_with_a_conf_file_beside_stays_one(tmp_path: Path) -> None:
    (tmp_path / "tree" / "macros").mkdir(parents=True)
    (tmp_path / "tree" / "macros" / "m.yml").write_text("name: m\ndefinition: x\n")
    (tmp_path / "tree" / "savedsearches.conf").write_text("[One]\nsearch = index=x\n")
    content = read.load(tmp_path / "tree")
    assert set(content.macro_defs) == {"m"}
    assert [found.name for found in content.detections] == ["One"]


def test_an_add_on_is_named(tmp_path: Path) -> None:
    content = read.load(app(tmp_path, {"default/props.conf": "[x]\nEVAL-a = 1\n"}))
    assert [(problem.code, problem.hint) for problem in content.problems] == [
        ("add-on", "give it with --addon our_app, too")
    ]


def test_hostile_stanzas(tmp_path: Path) -> None:
    deep = "[" * 100_000
    content = of(
        tmp_path,
        f"[../../etc/passwd]\nsearch = index=x\naction.risk.param._risk = {deep}\n"
        f'[a\x00b]\nsearch = index=x\naction.correlationsearch.metadata = {{"publish_time": 1e300}}\n'
        f"[{'n' * 500}]\nsearch = index=x\n"
        '[half]\nsearch = index=x\naction.correlationsearch.annotations = {"mitre_attack": ["T1\\ud800"]}\n',
    )
    assert {found.name for found in content.detections} == {"../../etc/passwd", "a\x00b", "half"}
    assert [problem.code for problem in content.problems] == ["json", "name"]
    content.find("half").mitre[0].encode()
    out = tmp_path / "out"
    found = cli_run("content", "convert", tmp_path / "our_app", "--to", "s2", "--out", out, "--author", "us")
    assert found.exit_code == 0, found.output
    assert sorted(path.name for path in (out / "detections").iterdir()) == [
        "______etc_passwd.yml",
        "a_b.yml",
        "half.yml",
    ]


def test_from_the_event_to_risk(tmp_path: Path) -> None:
    """An hour of the schedule over one event: the risk of the app, under the name of its saved search."""
    store = tmp_path / "store"
    source = "XmlWinEventLog:System"
    given = ("--store", store, "--sourcetype", "XmlWinEventLog", "--source", source)
    assert cli_run("ingest", log(tmp_path), *given).exit_code == 0
    root = app(tmp_path, {"local/savedsearches.conf": f"[{REMCOM}]\ndisabled = 0\n[Plain Search]\ndisabled = 1\n"})
    clock = ("--clock", "2026-03-02T10:30:00..2026-03-02T11:30:00")
    done = cli_run("run", "--store", store, "--content", root, *clock)
    assert done.exit_code == 0, done.output
    rows = json.loads(cli_run("search", "index=risk", "--store", store, "--json").stdout)["rows"]
    (event,) = rows
    assert (event["risk_object"], event["risk_score"], event["search_name"]) == ("ws1.corp.example", "32.0", REMCOM)
    assert event["risk_message"] == "A new service was created related to RemCom on ws1.corp.example."
    assert (event["owner"], event["annotations.our_own"]) == ("anna", "x")
    for name in (REMCOM, NAME):
        assert len(json.loads(cli_run("runs", name, "--store", store, "--json").stdout)) == 1


def test_commands(tmp_path: Path) -> None:
    root = app(tmp_path)
    listed = json.loads(cli_run("content", "list", "--content", root, "--json").stdout)
    assert {row["name"] for row in listed} >= {NAME, "Plain Search"}
    stats = json.loads(cli_run("content", "stats", "--content", root, "--only", "--json").stdout)
    assert (stats["kinds"]["detections"], stats["kinds"]["macros"], stats["generations"]) == (2, 2, {"app": 5})
    assert "Finds the install of RemCom's service." in cli_run("show", REMCOM, "--content", root).output
    refused = cli_run("content", "convert", root, "--to", "s2", "--write")
    assert (refused.exit_code, "--out DIR" in refused.output) == (2, True)
    valid = cli_run("content", "validate", "--content", root, "--json")
    found = json.loads(valid.stdout)["findings"]
    assert [(row["rule"], row["name"]) for row in found if row["level"] == "error"] == []


def test_lint_knows_the_macros_of_an_app(tmp_path: Path) -> None:
    root = app(tmp_path)
    for given in (root, root / "default" / "savedsearches.conf"):
        found = json.loads(cli_run("lint", given, "--json").stdout)
        assert "TL003" not in json.dumps(found)


def test_validation_names_the_line(tmp_path: Path) -> None:
    text = SEARCHES.replace("on $dest$.", "on $dst$.").replace("| stats count min", "| stts count min")
    root = app(tmp_path, {"default/savedsearches.conf": text})
    rows = json.loads(cli_run("content", "validate", "--content", root, "--json").stdout)["findings"]
    lines = text.split("\n")
    (compiled,) = [row for row in rows if row["rule"] == "compile"]
    assert lines[compiled["line"] - 1].startswith("| stts")
    fixed = app(tmp_path, {"default/savedsearches.conf": text.replace("stts", "stats")})
    rows = json.loads(cli_run("content", "validate", "--content", fixed, "--json").stdout)["findings"]
    (token,) = [row for row in rows if row["rule"] == "message-token"]
    assert lines[token["line"] - 1].startswith("action.risk.param._risk =")
    assert "$dst$" in token["reason"]


def test_settings_of_the_run_come_from_the_app(tmp_path: Path) -> None:
    content = read.default_content([app(tmp_path)])
    (job,), refused = jobs(content, [content.find("Plain Search")], profiles(content))
    assert (job.name, job.cron.text, job.earliest, refused) == ("Plain Search", "*/5 * * * *", "-5m@m", [])
    unscheduled = of(tmp_path / "more", "[Report]\nsearch = index=main\n")
    made, refused = jobs(unscheduled, list(unscheduled.detections), profiles(unscheduled))
    assert (made, len(refused)) == ([], 1)
    assert composed.enabled(content, tmp_path / "store")


def test_no_app_breaks_the_reader(tmp_path: Path) -> None:
    """Whatever stands in the files: content, problems or an error of ours, and files that can be written."""
    bits = ["[", "]", "=", "\\", "\n", '"', "\x00", "\u2028", "[]", "null", "1e999", "[default]\n", "9" * 30, "\ud800"]
    chance = random.Random(11)
    story = '[analytic_story://A]\nversion = 1\nmaintainers = [{"name": "x"}]\n'
    given = {"savedsearches": SEARCHES, "macros": MACROS, "transforms": TRANSFORMS, "analyticstories": story}
    for _ in range(40):
        files_of: dict[str, str | bytes] = {}
        for name, text in given.items():
            letters = list(text)
            for _ in range(chance.randint(1, 20)):
                letters[chance.randrange(len(letters))] = chance.choice(bits)
            files_of[f"default/{name}.conf"] = "".join(letters).encode("utf-8", "surrogatepass")
        with suppress(InputError):
            content = read.load(app(tmp_path, files_of))
            made = convert(content, Generation.S2, author="us")
            for file in files(made, content, Generation.S2):
                assert ".." not in Path(file.path).parts
