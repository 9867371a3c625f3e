"""Which searches need no store, because they make all their rows themselves."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.knowledgekit import addon
from trapline import app
from trapline.knowledge import Knowledge


@pytest.mark.parametrize(
    ("spl", "none"),
    [
        ("| makeresults | eval a=1", True),
        ('| makeresults format=csv data="p\na[1]z\n" | table p', True),
        ('| makeresults | rex field=a "(?<b>[a-z]+)"', True),
        ("| makeresults | append [search index=main]", False),
        ("| makeresults | eval a=[search index=main | return $host]", False),
        ("| makeresults | where a IN ([search index=main | return 5 $host])", False),
        ('| makeresults | map search="search index=main"', False),
        ("| makeresults | collect index=summary", False),
        ("index=main", False),
        ("| makeresults | append [| makeresults]", True),
        ("| makeresults | join a [| makeresults | append [search index=main]]", False),
        ("| makeresults | appendcols [| inputlookup security_services_lookup]", True),
        ("| makeresults | appendpipe [stats count]", True),
        ("| makeresults | appendpipe [stats count | append [search index=main]]", False),
        ("| union [| makeresults] [| makeresults]", True),
        ("| makeresults | union lookup:security_services_lookup", True),
        ("| makeresults | union savedsearch:x", False),
        ("| union [| makeresults] [search index=main]", False),
        ("union [| makeresults] [| makeresults]", False),
        ("| set diff [| makeresults] [| makeresults]", True),
        ("| multisearch [search index=a] [search index=b]", False),
        ("| makeresults | eval a=[| makeresults | eval b=1 | return $b]", True),
        ("| makeresults | head [| makeresults | eval b=1 | return $b]", True),
        ("| makeresults | foreach a* [eval <<FIELD>>=1]", True),
        ("| makeresults | foreach a* [eval <<FIELD>>=[search index=main | return $b]]", False),
        ('| makeresults | map search="| makeresults | eval a=$a$"', True),
        ("| makeresults | map saved", False),
        ("| makeresults | append [| tstats count where index=main]", False),
        ("| makeresults | append [| makeresults | collect index=summary]", False),
    ],
)
def test_a_search_that_reads_no_events(spl: str, none: bool) -> None:
    assert app.needs_no_events(spl, app.content(), Knowledge.built_in()) is none


def test_an_eval_macro_is_expanded_as_in_a_run(tmp_path: Path) -> None:
    file = tmp_path / "macros.conf"
    file.write_text('[m]\ndefinition = "now()"\niseval = 1\n')
    content = app.content((), [file])
    assert app.needs_no_events("| makeresults | eval x=`m`", content, Knowledge.built_in())
    assert not app.needs_no_events("index=main | eval x=`m`", content, Knowledge.built_in())


def test_a_macro_and_a_saved_search_of_an_addon_are_known(tmp_path: Path) -> None:
    own = addon(
        tmp_path,
        macros="[nine]\ndefinition = eval x=9\n[ours]\ndefinition = index=main\n",
        savedsearches="[of an add-on]\nsearch = | makeresults\n",
    )
    known = Knowledge.load([own])
    assert app.needs_no_events("| makeresults | `nine`", app.content(), known)
    assert not app.needs_no_events("`ours` | `nine`", app.content(), known)
    assert not app.needs_no_events('| savedsearch "of an add-on"', app.content(), known)
