"""An analytic story that does not exist, or a story without members.

Stories group detections for Enterprise Security and for the site (facts/CONTENT.md §1.6, §1.7).
"""

from __future__ import annotations

from collections.abc import Iterator

from trapline.content.model import Baseline, Detection, Investigation, Status, Story
from trapline.validate.finding import Level, Report
from trapline.validate.subject import Subject

LEVEL = Level.WARNING
REFUSED = True


def check(subject: Subject) -> Iterator[Report]:
    one = subject.item
    if isinstance(one, Story):
        content = subject.tree.content
        used = any(
            name.lower() == one.name.lower()
            for other in (*content.detections, *content.baselines, *content.investigations)
            for name in other.stories
        )
        if not used and one.status is not Status.DEPRECATED:
            reason = "no detection, baseline or investigation names this story"
            yield Report(
                reason, "name it in tags.analytic_story, or retire it", "name", level=Level.NOTE, refused=False
            )
    elif isinstance(one, Detection | Baseline | Investigation):
        for place, name in enumerate(one.stories):
            if name not in subject.tree.content.stories:
                near = subject.tree.near("stories", name)
                hint = f"did you mean '{near}'?" if near else "add a file to stories/, or correct the name"
                path = f"{subject.at('analytic_story')}[{place}]"
                yield Report(f"the analytic story '{name}' is not defined", hint, path)
