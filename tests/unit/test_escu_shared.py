"""The public content as a whole: every search compiles, and gives over recorded events what it is known to give."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.shared import SHARED, shared
from trapline.content.catalog import Content
from trapline.content.read import default_content
from trapline.errors import TraplineError
from trapline.ingest.intake import Evidence, ingest
from trapline.knowledge.lookups import LookupFiles
from trapline.search import Query, Session
from trapline.store import Store

NOW = 1_772_700_000.0
CANNOT = {"lookup": 4, "model": 14, "unsupported": 1, "time": 1}
"""Searches that cannot run, by the code of the reason: they need lookups and models that the content does not hold, the
command `cyberchef` of an app, and a macro that is written in quotes."""
NAMED = {"admon_groups_def"}
"""Tables of other apps that are needed, among others."""
FIREWALL = (
    "splunk__attack_data/89162164/datasets/attack_techniques/T1112/firewall_modify_delete/firewall-mod-delete.log.txt"
)
SYSMON = "XmlWinEventLog:Microsoft-Windows-Sysmon/Operational"


def recorded() -> list[dict[str, str]]:
    """Detections with the recorded attack that each is to find."""
    path = SHARED / "data" / "escu_tests.tsv" if SHARED is not None else None
    if path is None or not path.exists():
        return []
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file, delimiter="\t"))


@pytest.fixture(scope="module")
def content() -> Content:
    return default_content([shared("content", "security_content")])


@contextmanager
def over(content: Content, *evidence: Evidence) -> Iterator[Session]:
    with Store.throwaway() as store:
        ingest(evidence, store)
        yield Session(tables=store.snapshot().tables, macros=content.macros(), lookups=LookupFiles(content.lookups))


def evidence(row: dict[str, str]) -> Evidence:
    return Evidence(str(shared("data", row["path"])), source=row["source"], sourcetype=row["sourcetype"])


def test_the_row_that_splunk_gave_for_a_recorded_event(content: Content) -> None:
    """facts/DATA.md §3.4: what a Splunk server gave, value for value."""
    event = Evidence(str(shared("data", FIREWALL)), source=SYSMON, sourcetype="xmlwineventlog")
    detection = content.detections.find("windows_modify_registry_to_add_or_modify_firewall_rule")
    assert detection is not None
    path = r"HKLM\System\CurrentControlSet\Services\SharedAccess\Parameters\FirewallPolicy\FirewallRules"
    rule = "{0D807408-8157-49B9-ACFC-0B5C15B1119E}"
    common = {
        "action": "modified",
        "dest": "ar-win-2.attackrange.local",
        "process_guid": "{848A6B75-314B-6675-1500-000000000B03}",
        "registry_key_name": "FirewallRules",
        "registry_path": rf"{path}\{rule}",
        "registry_value_data": r"v2.26|Action=Allow|Active=TRUE|Dir=In|App=C:\MyApp\MyApp1.exe|Name=Mytestfirewal1|",
        "registry_value_name": rule,
        "user": "LOCAL SERVICE",
    }
    with over(content, event) as session:
        (row,) = session.run(detection.search, now=NOW).rows
        assert row == common | {"count": 1, "_time": 1_718_960_400}
        # The newer text of the detection, of which that row is, reads more fields.
        more = ("process_id", "registry_hive", "registry_value_type", "status", *common)
        (row,) = session.run(
            "| tstats `security_content_summariesonly` count min(_time) as firstTime max(_time) as lastTime"
            ' from datamodel=Endpoint.Registry where Registry.registry_path="*FirewallRules*" Registry.action=modified'
            f" by {' '.join(f'Registry.{name}' for name in more)} Registry.user_id"
            " | `drop_dm_object_name(Registry)`"
            " | `security_content_ctime(firstTime)` | `security_content_ctime(lastTime)`",
            now=NOW,
        ).rows
        assert row == common | {
            "process_id": "1128",
            "registry_hive": r"HKEY_LOCAL_MACHINE\\System",
            "registry_value_type": "unknown",
            "status": "success",
            "user_id": "null",
            "count": 1,
            "firstTime": "2024-06-21T09:23:13",
            "lastTime": "2024-06-21T09:23:13",
        }


def test_every_search_compiles(content: Content, tmp_path: Path) -> None:
    event = Evidence(str(shared("data", FIREWALL)), source=SYSMON, sourcetype="xmlwineventlog")
    failed: list[TraplineError] = []
    with over(content, event) as session:
        session.folder = tmp_path
        for detection in content.detections:
            try:
                session.sql(detection.search, now=NOW, pretty=False)
            except TraplineError as error:
                failed.append(error)
    assert Counter(one.code for one in failed) == CANNOT, [one.reason for one in failed]
    told = " ".join(one.reason for one in failed)
    assert [name for name in NAMED if f"'{name}'" not in told] == []


def test_searches_give_together_what_each_gives_alone(content: Content, tmp_path: Path) -> None:
    """A sample over all recorded attacks: without a defect of the engine, and with shared datasets the same rows."""
    rows = {row["path"]: row for row in recorded()}.values()
    sample = [one.search for one in content.detections][::70]
    with over(content, *map(evidence, rows)) as session:
        session.folder = tmp_path
        alone = [_rows(session, one) for one in sample]
        with session.share([Query(one, now=NOW) for one in sample]) as sharing:
            assert len(sharing.found) >= 2
            together = [_rows(session, one) for one in sample]
    assert alone == together
    assert not [one for one in alone if isinstance(one, str) and "defect" in one]


def _rows(session: Session, search: str) -> object:
    try:
        return session.run(search, now=NOW).rows
    except TraplineError as error:
        return error.reason
