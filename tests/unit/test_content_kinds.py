"""Kinds of content that are kept and not run, and what the three generations say about deprecation."""

from __future__ import annotations

from pathlib import Path

from trapline.content import read
from trapline.content.model import Deprecation, Email, Generation, Observable, Phantom, Slack, Status

DETECTION = """
name: Gone Soon
id: 5f4b5b5e-0000-4000-8000-000000000001
status: deprecated
type: Hunting
search: index=x
tags: {manual_test: needs two hosts}
"""

PLAYBOOK = """
name: Lock An Account
id: 5f4b5b5e-0000-4000-8000-000000000002
version: 1
type: Response
playbook: Lock_An_Account
app_list: [LDAP]
tags:
  platform_tags: [user]
  playbook_type: Input
  vpe_type: Modern
  product: [Splunk SOAR]
"""


def write(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root


def test_playbooks_and_dashboards_with_what_lies_beside(tmp_path: Path) -> None:
    content = read.load(
        write(
            tmp_path,
            {
                "playbooks/lock.yml": PLAYBOOK,
                "playbooks/lock.json": "{}",
                "playbooks/lock.py": "",
                "playbooks/alone.yml": PLAYBOOK.replace("Lock An", "Alone"),
                "dashboards/board.yml": "name: Board\ntheme: dark\n",
                "dashboards/board.json": '{"title": "Board"}',
                "dashboards/odd.yml": "name: Odd\ntheme: pink\n",
            },
        )
    )
    lock = content.playbooks["lock an account"]
    assert (lock.type, lock.app_list, lock.playbook_type, lock.products) == (
        "Response",
        ("LDAP",),
        "Input",
        ("Splunk SOAR",),
    )
    assert [Path(name).name for name in lock.files] == ["lock.json", "lock.py"]
    board = content.dashboards["Board"]
    assert (board.theme, Path(board.definition).name) == ("dark", "board.json")
    assert [(Path(one.file).name, one.code, one.field) for one in content.problems] == [
        ("odd.yml", "value", "theme"),
        ("odd.yml", "beside", "name"),
        ("alone.yml", "beside", "name"),
    ]


def test_what_is_removed_keeps_its_name(tmp_path: Path) -> None:
    content = read.load(
        write(
            tmp_path,
            {
                "detections/endpoint/soon.yml": DETECTION,
                "removed/detections/old.yml": DETECTION.replace("Gone Soon", "Old").replace("deprecated", "removed"),
                "removed/stories/tale.yml": "name: Tale\nid: x\nanything: at all\n",
                "removed/deprecation_mapping.YML": (
                    "detections:\n"
                    "- {content: Gone Soon, removed_in_version: 5.2.0, reason: too noisy, replacement_content: [New]}\n"
                    "- {reason: of nothing}\n"
                    "stories:\n"
                    "- {content: Tale, removed_in_version: 5.1.0, reason: told enough}\n"
                ),
            },
        )
    )
    assert [one.name for one in content.detections] == ["Gone Soon"]
    assert [(one.name, one.kind, one.status) for one in content.removed] == [
        ("Old", "detections", Status.REMOVED),
        ("Tale", "stories", Status.REMOVED),
    ]
    assert content.deprecation_of(content.detections["Gone Soon"]) == Deprecation("too noisy", "5.2.0", ("New",))
    assert content.deprecation_of(content.removed["Tale"]) == Deprecation("told enough", "5.1.0")
    assert [(one.code, one.field, one.line) for one in content.problems] == [("missing", "detections[1].content", 3)]
    assert content.detections["Gone Soon"].manual_test == "needs two hosts"


def test_the_reason_in_the_file_itself(tmp_path: Path) -> None:
    text = DETECTION + "creation_date: '2026-01-02'\ndeprecation_info: {reason: replaced, removed_in_version: 6.1.0}\n"
    content = read.load(write(tmp_path, {"detections/endpoint/soon.yml": text}))
    found = content.detections["Gone Soon"]
    assert found.generation is Generation.S3
    assert content.deprecation_of(found) == Deprecation("replaced", "6.1.0")


def test_all_actions_of_a_deployment(tmp_path: Path) -> None:
    text = """
name: Mine
type: TTP
scheduling: {cron_schedule: 0 * * * *, earliest_time: -70m@m, latest_time: -10m@m, schedule_window: auto}
alert_action:
  email: {subject: S, to: a@example.com, message: M}
  slack: {channel: '#soc', message: Look}
  phantom: {cam_workers: '["w"]', label: l, phantom_server: p, sensitivity: red, severity: high}
  rba: {enabled: true}
tags: {team: one}
"""
    content = read.load(write(tmp_path, {"deployments/mine.yml": text}))
    mine = content.deployments["Mine"]
    assert content.problems == []
    assert (mine.email, mine.slack) == (Email("a@example.com", "S", "M"), Slack("#soc", "Look"))
    assert mine.phantom == Phantom("p", "l", "red", "high", '["w"]')
    assert mine.tags == {"team": "one"}


def test_the_generation_of_other_kinds(tmp_path: Path) -> None:
    content = read.load(
        write(
            tmp_path,
            {
                "lookups/csv/a.yml": "name: a\nlookup_type: csv\n",
                "lookups/kvstore/b.yml": "name: b\nlookup_type: kvstore\ncreation_date: '2026-01-01'\n",
                "lookups/c.yml": "name: c\nfilename: c.csv\ncase_sensitive_match: 'true'\n",
                "macros/m.yml": "name: m\nid: x\ndefinition: search *\n",
                "schedules/s.yml": "name: Default Baseline\ncron_schedule: 10 0 * * *\ncreation_date: '2026-01-01'\n",
            },
        )
    )
    made = {one.name: one.generation.value for one in content.items()}
    assert made == {"a": "S2", "b": "S3", "c": "S1", "m": "S2", "Default Baseline": "S3"}
    assert content.lookups["c"].case_given
    assert not content.lookups["a"].case_given


def test_observables_keep_their_order(tmp_path: Path) -> None:
    text = DETECTION.replace(
        "tags: {manual_test: needs two hosts}",
        """tags:
  message: $a$
  confidence: 50
  impact: 50
  observable:
  - {name: p, type: Process Name, role: [Attacker]}
  - {name: a, type: Hostname, role: [Victim]}""",
    )
    content = read.load(write(tmp_path, {"detections/endpoint/soon.yml": text}))
    rba = content.detections["Gone Soon"].rba
    assert rba is not None
    assert rba.observables == (Observable("p", "Process Name", "Attacker"), Observable("a", "Hostname", "Victim"))
