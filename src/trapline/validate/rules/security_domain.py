"""A security domain or product that there is none of.

endpoint, network, threat, identity, access or audit; products are Splunk Enterprise, Splunk Enterprise Security and
Splunk Cloud, in ESCU 6 always the three (facts/CONTENT.md §1.3, §1.5).
"""

from __future__ import annotations

from collections.abc import Iterator

from trapline.content.model import Detection, Generation
from trapline.validate.finding import Level, Report
from trapline.validate.subject import Subject

LEVEL = Level.WARNING
REFUSED = True
APPS = False

DOMAINS = ("endpoint", "network", "threat", "identity", "access", "audit")
PRODUCTS = ("Splunk Enterprise", "Splunk Enterprise Security", "Splunk Cloud")
OLD_PRODUCTS = (*PRODUCTS, "Splunk Security Analytics for AWS", "Splunk Behavioral Analytics")


def check(subject: Subject) -> Iterator[Report]:
    one = subject.item
    if not isinstance(one, Detection):
        return
    if one.security_domain and one.security_domain not in DOMAINS:
        reason = f"'{one.security_domain[:40]}' is no security domain"
        yield Report(reason, f"one of {', '.join(DOMAINS)}", subject.at("security_domain"))
    for place, name in enumerate(one.products):
        if name not in OLD_PRODUCTS:
            reason = f"'{name[:60]}' is no product of Splunk"
            yield Report(reason, f"one of {', '.join(PRODUCTS)}", f"{subject.at('product')}[{place}]")
    if one.generation is Generation.S3 and set(one.products) != set(PRODUCTS):
        yield Report("the products are not the three that ESCU 6 wants", ", ".join(PRODUCTS), "product")
