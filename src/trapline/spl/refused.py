"""Why a documented command is refused: what it would need that is not here."""

from __future__ import annotations

_GROUPS = {
    "it trains or applies statistical models; bring a trained one with apply": (
        "fit predict kmeans x11 arules associate correlate contingency ctable analyzefields anomalies "
        "anomalousvalue cofilter concurrency erex findtypes typelearner typer relevancy overlap"
    ),
    "it asks a Splunk server about itself, and there is none": (
        "rest history dbinspect audit ingestpreview searchtxn metasearch require rtorder walklex mcatalog bucketdir"
    ),
    "it sends something out of the search": "sendemail sendalert awssnsalert snowevent snoweventstream snowincident "
    "snowincidentstream runshellscript script run",
    "it writes summaries or metrics for later searches": (
        "sichart sirare sistats sitimechart sitop tscollect mcollect meventcollect"
    ),
    "it changes or hides stored events": "delete scrub",
    "it draws maps or gauges, which are for a dashboard": "geom geomfilter geostats gauge iconify",
    "it asks another system, through an app that is not here": "dbxquery inputintelligence",
    "it is of the app CyberChef for Splunk, which is not here": "cyberchef",
    "it shows metrics without aggregating them": "mpreview msearch",
    "it reads the contexts of the Extreme Search app, which is not here": (
        "xsdisplayconcept xsdisplaycontext xsfindbestconcept xslistconcepts xslistcontexts xsupdateddcontext xswhere"
    ),
}
_REASONS = {name: reason for reason, names in _GROUPS.items() for name in names.split()}

COMMON = "no detection of the public content uses it, so it has waited"


def reason_for(name: str) -> str:
    """What stands in the way of a command, in words that go on after its name."""
    return _REASONS.get(name, COMMON)
