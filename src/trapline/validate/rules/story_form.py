"""A category or use case that stories do not have.

The lists are those of contentctl (facts/CONTENT.md §1.7).
"""

from __future__ import annotations

from collections.abc import Iterator

from trapline.content.model import Story
from trapline.validate.finding import Level, Report
from trapline.validate.subject import Subject

LEVEL = Level.WARNING
REFUSED = True
APPS = False

CATEGORIES = (
    "Abuse",
    "Adversary Tactics",
    "Best Practices",
    "Cloud Security",
    "Compliance",
    "Malware",
    "Uncategorized",
    "Vulnerability",
    "Account Compromise",
    "Data Destruction",
    "Lateral Movement",
    "Privilege Escalation",
    "Ransomware",
    "Unauthorized Software",
)
USECASES = (
    "Fraud Detection",
    "Compliance",
    "Application Security",
    "Security Monitoring",
    "Advanced Threat Detection",
    "Insider Threat",
    "Other",
)


def check(subject: Subject) -> Iterator[Report]:
    one = subject.item
    if not isinstance(one, Story):
        return
    for place, name in enumerate(one.category):
        if name not in CATEGORIES:
            yield Report(
                f"'{name}' is no category",
                f"one of {', '.join(CATEGORIES)}",
                f"{subject.story_at('category')}[{place}]",
            )
    if one.usecase and one.usecase not in USECASES:
        yield Report(f"'{one.usecase}' is no use case", f"one of {', '.join(USECASES)}", subject.story_at("usecase"))
