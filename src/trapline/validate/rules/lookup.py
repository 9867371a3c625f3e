"""A lookup that nothing defines.

Lookups that Enterprise Security, the CIM add-on or a user supply are known by name and are notes (facts/CONTENT.md
§1.6).
"""

from __future__ import annotations

from collections.abc import Iterator

from trapline.content.model import Baseline, Detection, Investigation, Status
from trapline.errors import TraplineError
from trapline.knowledge import lookups
from trapline.knowledge.absent import absent_tables
from trapline.spl.commands.inputlookup import Appended, InputLookup
from trapline.spl.commands.lookup import LookupCommand
from trapline.validate.finding import Level, Report
from trapline.validate.subject import Subject

LEVEL = Level.ERROR
REFUSED = True

EXTERNAL = frozenset(
    (
        "outputlookup",
        "ut_shannon_lookup",
        "identity_lookup_expanded",
        "cim_corporate_web_domain_lookup",
        "cim_corporate_email_domain_lookup",
        "cim_cloud_domain_lookup",
        "alexa_lookup_by_str",
        "interesting_ports_lookup",
        "asset_lookup_by_str",
        "admon_groups_def",
        "asn_lookup_by_cidr",
        "mitre_attack_lookup",
        "other_lookups",
    )
)
"""Those that contentctl takes without a definition."""


def check(subject: Subject) -> Iterator[Report]:
    if not isinstance(subject.item, Detection | Baseline | Investigation) or subject.checked.subject is None:
        return
    tree = subject.tree
    fillers = tree.content.fillers()
    told: set[str] = set()
    for place in subject.checked.subject.places:
        name = _table(place.stage.command)
        if not name or name in told:
            continue
        told.add(name)
        try:
            lookups.find(name, tree.session.lookups, tree.knowledge.lookups)
        except TraplineError as error:
            if error.code != "lookup":
                yield Report(error.reason, error.hint, "search", level=Level.WARNING)
                continue
            used = isinstance(subject.item, Detection) and subject.item.status is not Status.DEPRECATED
            known = name in EXTERNAL or name in absent_tables() or name in fillers
            span = subject.checked.subject.origin.written(place.stage.span)
            level = Level.NOTE if known else None
            yield Report(error.reason, error.hint, "search", span, level, refused=used and name not in EXTERNAL)


def _table(command: object) -> str:
    """The table that a command reads."""
    if isinstance(command, LookupCommand):
        return command.table.text
    if isinstance(command, Appended):
        command = command.inner
    return command.table.text if isinstance(command, InputLookup) else ""
