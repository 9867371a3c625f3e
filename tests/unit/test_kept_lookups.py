"""Lookup tables of the user's own: the store keeps them from one command to the next."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tests.unit.knowledgekit import addon, session
from trapline.cli import cli
from trapline.errors import TraplineError
from trapline.knowledge import Knowledge
from trapline.knowledge.check import check
from trapline.knowledge.identities import asset_tables, identity_tables, tables
from trapline.knowledge.kept import Kept, typed
from trapline.search import Session

CONTENT = {
    "lookups/tools.yml": "name: tools\nfilename: tools.csv\ndescription: x\nmatch_type: WILDCARD(tool)\n",
    "lookups/tools.csv": "tool,what\n*psexec*,remote\n",
    "lookups/seen.yml": "name: seen\ncollection: seen_before\ndescription: x\nfields_list: _key, user, first\n",
}


@pytest.fixture
def content(tmp_path: Path) -> Path:
    for name, text in CONTENT.items():
        path = tmp_path / "content" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path / "content"


def run(*args: str | Path, fails: bool = False) -> Any:
    done = CliRunner().invoke(cli, [*map(str, args), "--json"])
    if fails:
        return done.exception
    assert done.exit_code == 0, done.exception
    return json.loads(done.stdout)


def test_a_collection_lives_in_the_store(tmp_path: Path, content: Path) -> None:
    rest = ("--content", content, "--store", tmp_path / "store")
    empty = tmp_path / "none.csv"
    empty.write_text("user,first\n")
    run("lookups", "import", "seen", empty, *rest)
    write = '| makeresults | eval user="{}", first=1 | fields - _time | outputlookup append=t seen'
    run("search", write.format("ann"), *rest)
    run("search", write.format("bob"), *rest)
    found = run("search", "| inputlookup seen | table user first", *rest)
    assert found["rows"] == [{"user": "ann", "first": "1"}, {"user": "bob", "first": "1"}]
    assert found["warnings"] == []
    found = run("search", '| makeresults | eval user="bob" | lookup seen user OUTPUT first | table first', *rest)
    assert found["rows"] == [{"first": "1"}]
    listed = {one["name"]: one for one in run("lookups", "list", *rest)["lookups"]}
    assert listed["seen"] == {
        "name": "seen",
        "kind": "collection",
        "of": "content",
        "kept_in": "seen_before",
        "rows": 2,
    }
    assert listed["tools"]["rows"] is None
    assert [row["user"] for row in run("lookups", "export", "seen", *rest)["rows"]] == ["ann", "bob"]
    run("lookups", "delete", "seen", *rest)
    assert run("search", "| inputlookup seen", *rest)["rows"] == []
    assert "keeps nothing" in str(run("lookups", "delete", "seen", *rest, fails=True))


def test_a_file_of_ones_own_stands_before_that_of_the_content(tmp_path: Path, content: Path) -> None:
    rest = ("--content", content, "--store", tmp_path / "store")
    mine = tmp_path / "mine.csv"
    mine.write_text("tool,what\n*netcat*,mine\n")
    assert run("lookups", "show", "tools", *rest)["shown"] == [{"tool": "*psexec*", "what": "remote"}]
    run("lookups", "import", "tools", mine, *rest)
    spl = (
        '| makeresults | eval p=split("a-netcat.exe,psexec.exe", ",") | mvexpand p | lookup tools tool AS p OUTPUT what'
    )
    assert [row.get("what") for row in run("search", spl + " | table what", *rest)["rows"]] == ["mine", None]
    run("search", '| makeresults | eval tool="x*", what="new" | table tool what | outputlookup append=t tools', *rest)
    assert (content / "lookups/tools.csv").read_text() == CONTENT["lookups/tools.csv"]
    assert (tmp_path / "store/lookups/tools.csv").read_text().splitlines() == ["tool,what", "*netcat*,mine", "x*,new"]
    run("lookups", "delete", "tools", *rest)
    assert run("lookups", "show", "tools", *rest)["shown"] == [{"tool": "*psexec*", "what": "remote"}]


def test_tables_without_a_definition(tmp_path: Path) -> None:
    rest = ("--store", tmp_path / "store")
    mine = tmp_path / "mine.csv"
    mine.write_text("k,v\na,1\n")
    run("lookups", "import", "mine", mine, *rest)
    for name in ("mine", "mine.csv"):
        assert run("search", f"| inputlookup {name}", *rest)["rows"] == [{"k": "a", "v": "1"}]
    run("lookups", "import", "mine", mine, "--append", *rest)
    assert run("lookups", "show", "mine", *rest)["rows"] == 2
    assert "plain file name" in str(run("lookups", "import", "../mine", mine, *rest, fails=True))


def test_assets_of_the_store_and_of_the_command_line(tmp_path: Path) -> None:
    rest = ("--store", tmp_path / "store", "--data", tmp_path / "events.json")
    (tmp_path / "events.json").write_text('{"time": 1700000000, "dest": "ws1", "user": "ann"}\n')
    assets, users = tmp_path / "a.csv", tmp_path / "u.csv"
    assets.write_text("nt_host,priority\nWS1,high\n")
    users.write_text("identity,priority\nann,low\n")
    spl = "* | table dest_priority user_priority"
    assert run("search", spl, *rest)["rows"] == [{}]
    run("lookups", "import", "assets.csv", assets, *rest[:2])
    assert run("search", spl, *rest, "--identities", users)["rows"] == [
        {"dest_priority": "high", "user_priority": "low"}
    ]
    assets.write_text("nt_host,priority\nws1,critical\n")
    assert run("search", spl, *rest, "--assets", assets)["rows"] == [{"dest_priority": "critical"}]
    assert "has no column identity" in str(run("lookups", "import", "identities.csv", assets, *rest[:2], fails=True))
    assert "has no column ip, mac, nt_host, dns" in str(run("search", spl, *rest, "--assets", users, fails=True))


def test_a_hunt_sees_the_tables_of_the_store_and_writes_none(tmp_path: Path, content: Path) -> None:
    store = tmp_path / "store"
    (tmp_path / "a.csv").write_text("nt_host,priority\nws1,high\n")
    run("lookups", "import", "assets.csv", tmp_path / "a.csv", "--store", store)
    (tmp_path / "events.json").write_text('{"time": 1700000000, "dest": "ws1"}\n')
    (content / "detections").mkdir()
    (content / "detections/d.yml").write_text(
        "name: D\nid: 8a1f7c1e-0b1c-4f8e-9d1a-2b3c4d5e6f70\nversion: 1\ndate: '2025-01-01'\nauthor: A\n"
        "status: production\ntype: Hunting\ndescription: d\nhow_to_implement: h\nknown_false_positives: k\n"
        "data_source: []\nsearch: dest_priority=high | table dest dest_priority | outputlookup found.csv\n"
        "tags:\n  analytic_story: []\n  asset_type: Endpoint\n"
        "  security_domain: endpoint\n  product: [Splunk Enterprise]\n"
    )
    done = run("hunt", tmp_path / "events.json", "--content", content, "--detection", "D", "--store", store)
    assert done["summary"]["findings"] == 1
    assert [path.name for path in (store / "lookups").glob("*.csv")] == ["assets.csv"]


WRITER = """
import sys
from pathlib import Path
from trapline.knowledge.kept import Kept
from trapline.search import Session
session = Session(events=[{"n": sys.argv[2]}], kept=Kept((Path(sys.argv[1]),)))
for _ in range(15):
    session.run("table n | outputlookup append=t seen.csv")
"""


def test_two_searches_append_to_a_file_and_lose_nothing(tmp_path: Path) -> None:
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path), name]) for name in "ab"]
    assert [one.wait() for one in writers] == [0, 0]
    rows = Session(events=[], kept=Kept((tmp_path,))).run("| inputlookup seen.csv | stats count by n").rows
    assert rows == [{"n": "a", "count": 15}, {"n": "b", "count": 15}]


def test_types_of_collections_conf(tmp_path: Path) -> None:
    conf = "[stock]\nfield.n = number\nfield.ok = bool\nfield.net = cidr\nfield.all = array\nfield.at = time\n"
    transforms = (
        "[stock_lookup]\nexternal_type = kvstore\ncollection = stock\nfields_list = _key, n, ok, net, all, at\n"
    )
    events: list[dict[str, Any]] = [
        {"_key": "1", "n": "5", "ok": "1", "net": "10.0.0.0/8", "all": "x", "at": "17.5"},
        {"_key": "2", "n": "five", "ok": "maybe", "net": "10.0.0.0/99", "all": ["x", "y"]},
    ]
    for extra, left in (("", ["1", "2"]), ("enforceTypes = true\n", ["1"])):
        folder = addon(tmp_path / str(len(extra)), transforms=transforms, collections=conf + extra)
        kept = Kept((), tmp_path / f"{len(extra)}.db")
        made = Session(events=events, knowledge=Knowledge.load([folder]), kept=kept)
        result = made.run("outputlookup stock_lookup")
        assert len(result.warnings) == 3
        state = kept.state(create=False)
        assert state is not None
        documents = state.documents("stock")
        assert [one["_key"] for one in documents] == left
        assert documents[0] == {"_key": "1", "n": 5, "ok": True, "net": "10.0.0.0/8", "all": ["x"], "at": 17.5}
        if not extra:
            assert documents[1] == {"_key": "2", "all": ["x", "y"]}
    assert typed("x", None) == "x"
    assert typed(["1", "2"], "number") is None


def test_automatic_lookups_follow_what_the_user_keeps(tmp_path: Path) -> None:
    folder = addon(
        tmp_path,
        props="[app]\nLOOKUP-x = codes code OUTPUT action\nLOOKUP-y = known code OUTPUT who\n",
        transforms="[codes]\nfilename = codes.csv\n[known]\nexternal_type = kvstore\nfields_list = code, who\n",
        codes_csv="code,action\n1,shipped\n",
    )
    kept = Kept((tmp_path / "own",), tmp_path / "state.db")
    knowledge = Knowledge.load([folder]).over(kept, {})
    with session(tmp_path, [{"code": "1"}], knowledge, sourcetype="app") as made:
        made.kept = kept
        assert made.run("* | table code action").rows == [{"code": "1", "action": "shipped"}]
        made.run('| makeresults | eval code=1, action="mine" | table code action | outputlookup codes')
        assert made.run("* | table code action").rows == [{"code": "1", "action": "mine"}]
        made.run('| makeresults | eval code=1, who="me" | table code who | outputlookup known')
        assert made.run("* | table who").rows == [{"who": "me"}]


def test_rows_are_one_asset_through_a_chain_of_keys_but_not_across_zones() -> None:
    rows: list[dict[str, Any]] = [
        {"ip": "10.0.0.1", "owner": "a"},
        {"nt_host": "h2", "owner": "b"},
        {"ip": "10.0.0.1", "nt_host": "H2", "owner": "c"},
        {"ip": "10.0.0.1", "owner": "z", "cim_entity_zone": "lab"},
        {"owner": "no key"},
    ]
    found = asset_tables(rows)["asset_lookup_by_str"].rows
    assert [row["owner"] for row in found] == [["a", "b", "c"], "z"]
    assert found[0]["asset"] == ["10.0.0.1", "h2"]


def test_an_identity_is_found_by_its_mail_address() -> None:
    table = identity_tables([{"identity": "a|A", "email": "x.y@lab.example", "own": "1"}], ("identity", "email", "own"))
    row = table["identity_lookup_expanded"].rows[0]
    assert row["identity"] == ["a", "x.y@lab.example", "x.y"]
    assert row["own"] == "1"


def test_odd_addresses_are_names() -> None:
    rows: list[dict[str, Any]] = [{"ip": "10.0.0.9-10.0.0.1|web-01|1.2.3.4/99|::1-::2", "owner": "a"}]
    found = asset_tables(rows)
    assert found["asset_lookup_by_str"].rows[0]["asset"] == ["10.0.0.9-10.0.0.1", "web-01", "1.2.3.4/99"]
    assert [row["asset"] for row in found["asset_lookup_by_cidr"].rows] == ["::1/128", "::2/128"]


def test_no_file_no_table(tmp_path: Path) -> None:
    assert tables(None, None) == {}
    with pytest.raises(TraplineError, match="cannot be read"):
        tables(tmp_path / "none.csv", None)


@pytest.mark.parametrize("filename", ["../../escaped.csv", "/tmp/escaped.csv", "sub/escaped.csv", "..", ".hidden.csv"])
def test_a_stanza_that_names_a_path_writes_no_file_and_reads_none(tmp_path: Path, filename: str) -> None:
    store = tmp_path / "store"
    own = addon(store / "addons", transforms=f"[far]\nfilename = {filename}\n", escaped_csv="k\nv\n")
    rest = ("--store", store)
    lookups = store / "lookups"
    lookups.mkdir()
    (lookups / "escaped.csv").write_text("k\nkept\n")
    failed = run("search", "| makeresults | eval k=1 | outputlookup far", *rest, fails=True)
    assert isinstance(failed, TraplineError)
    assert "no plain file name" in failed.reason
    found = run("search", "| inputlookup far", *rest)
    assert found["rows"] == []
    assert "no plain file name" in found["warnings"][0]["reason"]
    assert sorted(one.name for one in lookups.iterdir()) == ["escaped.csv"]
    assert (lookups / "escaped.csv").read_text() == "k\nkept\n"
    assert not list(tmp_path.parent.glob("escaped.csv"))
    (doubt,) = check([own])
    assert f"'{filename}'" in doubt.reason
