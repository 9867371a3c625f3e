"""The whole public tree of 2024-10: every file is read, every oddity is named."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.shared import shared
from trapline.content import enrich, page, read
from trapline.content.catalog import Content, calls
from trapline.content.model import DetectionType, Generation, Status


@pytest.fixture(scope="module")
def alone() -> Content:
    return read.load(shared("content", "security_content"))


@pytest.fixture(scope="module")
def content(alone: Content) -> Content:
    """As `default_content` makes it."""
    both = read.default_content()
    both.lay(alone)
    return both


def test_everything_is_read(alone: Content) -> None:
    assert read.errors(alone.problems) == []
    assert len(alone.detections) == 1711
    assert len(alone.macro_defs) == 189
    assert len(alone.lookups) == 79
    assert len(alone.stories) == 261
    assert len(alone.data_sources) == 205
    assert len(alone.baselines) == 66
    assert len(alone.investigations) == 47
    assert len(alone.deployments) == 5
    assert Counter(item.type for item in alone.detections) == {
        DetectionType.TTP: 987,
        DetectionType.ANOMALY: 481,
        DetectionType.HUNTING: 228,
        DetectionType.CORRELATION: 15,
    }
    assert Counter(item.status for item in alone.detections) == {
        Status.PRODUCTION: 1472,
        Status.EXPERIMENTAL: 141,
        Status.DEPRECATED: 98,
    }
    assert {item.generation for item in alone.detections} == {Generation.S1}
    assert len([item for item in alone.detections if not item.tests]) == 202


def test_what_is_doubtful(content: Content) -> None:
    assert [(problem.code, Path(problem.file).stem) for problem in content.problems] == [
        ("risk-score", "o365_cross_tenant_access_change"),
        ("risk-score", "linux_auditd_auditd_service_stop"),
        ("risk-score", "linux_auditd_find_credentials_from_password_stores"),
        ("risk-score", "linux_auditd_find_ssh_private_keys"),
        ("risk-score", "linux_auditd_unix_shell_configuration_modification"),
        ("risk-score", "windows_multiple_ntlm_null_domain_authentications"),
        ("type", "internal_vertical_port_scan"),  # update_timestamp: trues
    ]


def test_every_macro_is_defined(content: Content) -> None:
    macros = content.macros()
    missing = {call.key for item in content.detections for call in calls(item.search) if call.key not in macros}
    missing |= {call.key for item in macros.values() for call in calls(item.definition) if call.key not in macros}
    assert missing == set()


def test_the_file_version_replaces_the_built_in_one(content: Content) -> None:
    assert content.find("Windows Service Create RemComSvc").version == 3


def test_every_page_can_be_made(content: Content) -> None:
    warnings: Counter[str] = Counter()
    for item in content.detections:
        made = page.describe(content, item)
        made.to_json()
        warnings.update(warn.code for warn in made.warnings)
        if "\n" not in item.search:
            assert "".join("".join(made.search_lines).split()) == "".join(item.search.split())
    assert warnings == {
        "content.risk-score": 6,
        "content.type": 1,
        "content.attack-revoked": 12,
        "content.unknown-data-source": 79,
    }


def test_all_techniques_are_in_v15_1(content: Content) -> None:
    assert not any(enrich.enrich(item, "15.1").warnings for item in content.detections)


def test_escu6() -> None:
    newer = read.default_content([shared("content", "escu6")])
    assert newer.problems == []
    found = newer.find("AWS Bedrock Invoke Model Access Denied")
    assert found.generation is Generation.S3
    assert found.rba is not None
    assert [(item.field, item.type, item.score, item.finding) for item in found.rba.risk_objects] == [
        ("user", "user", 50, True)
    ]
    assert newer.deployment_of(found).schedule.cron == "0 * * * *"
