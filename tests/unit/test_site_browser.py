"""The static site in a real browser: what the page of a detection shows, and that its scripts run without an error."""

from __future__ import annotations

import functools
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.browserkit import CHROMIUM, DRIVER, NARROW, WIDE, Browser, browser
from trapline.content import read
from trapline.site.build import Options, build

pytestmark = pytest.mark.skipif(
    not (CHROMIUM and DRIVER), reason="needs Chromium and chromedriver (Debian: chromium-driver)"
)

NAME = "Windows Service Create RemComSvc"
SHOWN = {
    "search": [
        '`wineventlog_system` EventCode=7045 ServiceName="RemCom Service"',
        "| stats count min(_time) as firstTime max(_time) as lastTime by dest ImagePath ServiceName ServiceType",
        "| `security_content_ctime(firstTime)`",
        "| `security_content_ctime(lastTime)`",
        "| `windows_service_create_remcomsvc_filter`",
    ],
    "data-source": ["Windows Event Log System 7045", "Windows", "xmlwineventlog", "XmlWinEventLog:System"],
    "macros-used": [
        'convert timeformat="%Y-%m-%dT%H:%M:%S" ctime($field$)',
        "windows_service_create_remcomsvc_filter",
        "search *",
        "is an empty macro by default",
    ],
    "annotations": [
        *("T1543.003", "Windows Service", "T1543", "Create or Modify System Process"),
        *("Persistence", "Privilege Escalation", "Exploitation", "Installation", "DE.AE", "CIS 10"),
        *("Threat Actors (20)", "APT19", "APT3", "APT32", "APT38", "APT41", "Blue Mockingbird", "Carbanak"),
        *("Cinnamon Tempest", "Cobalt Group", "DarkVishnya", "Earth Lusca", "FIN7", "Ke3chang", "Kimsuky"),
        *("Lazarus Group", "PROMETHIUM", "TeamTNT", "Threat Group-3390", "Tropic Trooper", "Wizard Spider"),
    ],
    "default-configuration": [
        *("Disabled true", "Cron Schedule 0 * * * *", "Earliest Time -70m@m", "Latest Time -10m@m"),
        *("Schedule Window auto", "Creates Risk Event Yes"),
    ],
    "associated-analytic-story": ["Active Directory Discovery"],
    "risk-based-analytics-rba": [
        *("A new service was created related to RemCom on $dest$.", "Risk Score 32", "Impact 40", "Confidence 80"),
        *("40*80/100", "dest system 32"),
    ],
    "detection-testing": ["Validation", "Passing", "Unit", "Integration", "XmlWinEventLog:System", "XmlWinEventLog"],
    "drilldown-searches": [
        "View the detection results for $dest$",
        "%original_detection_search% | search dest = $dest$",
        "View risk events for the last 7 days for $dest$",
    ],
}
"""Text that a section shows, by the section's id."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("site")
    build(read.default_content(), out, Options(attack="15.1"))
    return out


@pytest.fixture(scope="module")
def page() -> str:
    found = read.default_content().find(NAME)
    return f"endpoint/{found.id}/index.html"


@pytest.fixture(scope="module")
def window() -> Iterator[Browser]:
    with browser() as opened:
        yield opened


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name in the base class
        pass


@pytest.fixture(scope="module")
def served(site: Path) -> Iterator[str]:
    handler = functools.partial(_Quiet, directory=str(site))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_the_page_of_a_detection_shows_every_value(window: Browser, site: Path, page: str) -> None:
    window.size(*WIDE)
    window.open(f"{site.as_uri()}/{page}")
    assert window.run("return document.querySelector('h1').innerText") == NAME
    for section, values in SHOWN.items():
        text = window.run("return document.getElementById(arguments[0])?.innerText ?? ''", section)
        text = " ".join(text.split())
        assert [value for value in values if value not in text] == [], f"{section}: {text}"
    assert window.errors() == []


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
def test_no_page_has_an_error_or_is_wider_than_the_window(
    window: Browser, site: Path, page: str, size: tuple[int, int]
) -> None:
    window.size(*size)
    one_of_each = [page, "index.html", "detections/index.html", "attack/T1543.003/index.html"]
    one_of_each += [f"{kind}/index.html" for kind in ("attack", "stories", "macros")]
    one_of_each += [str(next(site.glob(f"{kind}/*/index.html")).relative_to(site)) for kind in ("stories",)]
    for path in one_of_each:
        window.open(f"{site.as_uri()}/{path}")
        wide = "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert (path, window.run(wide), window.errors()) == (path, 0, [])


@pytest.mark.parametrize("over", ["file", "http"])
def test_search_filters_theme_and_copying(window: Browser, site: Path, served: str, page: str, over: str) -> None:
    root = site.as_uri() if over == "file" else served
    window.size(*WIDE)
    window.scheme("light")
    window.open(f"{root}/{page}")
    light = window.run("return getComputedStyle(document.body).backgroundColor")
    window.click("#theme")
    window.click("#theme")
    window.open(f"{root}/{page}")
    assert window.run("return document.documentElement.dataset.theme") == "dark"
    assert window.run("return getComputedStyle(document.body).backgroundColor") != light
    window.click("#theme")
    assert window.run("return document.documentElement.dataset.theme ?? 'system'") == "system"

    window.click(".copy")
    window.wait_for("return document.querySelector('.copy').textContent === 'Copied'")

    window.type("#q", "remcom")
    window.wait_for("return document.querySelectorAll('#found a').length > 1")
    first = window.run("return document.querySelector('#found a .name').textContent")
    assert first == NAME
    window.type("#q", "\ue007")
    window.wait_for("return location.pathname.endsWith(arguments[0])", page)

    window.open(f"{root}/detections/index.html#technique=T1543")
    window.wait_for("return document.getElementById('shown').textContent === '1 of 3 detections'")
    window.click("#clear")
    window.wait_for("return document.getElementById('shown').textContent === '3 detections'")
    window.type("#by-text", "threshold")
    window.wait_for("return document.getElementById('shown').textContent === '2 of 3 detections'")
    assert window.errors() == []
