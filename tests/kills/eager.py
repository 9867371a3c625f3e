"""`trapline`, with a crew that takes part from the first tick on; a line in $TRAPLINE_CREW for each answer it gave.

As it stands the crew of a few searches would only be started after seconds of work, and be killed before that.
"""

from __future__ import annotations

import os
import threading
import time

from trapline.cli import main
from trapline.detect import crew


def eager(log: str) -> None:
    """Start the crew for two searches already, and wait until it is there."""
    crew.MANY = 2
    put, start = crew._Work.put, crew.Crew._start

    def noted(self: crew._Work, number: int, answer: crew.Answer) -> None:
        if threading.current_thread().name.startswith("crew-"):
            with open(log, "a", encoding="utf-8") as file:  # noqa: PTH123
                file.write("answer\n")
        put(self, number, answer)

    def started(self: crew.Crew) -> None:
        start(self)
        while any(not child._ready and not child.gone for child in self._children.values()):
            time.sleep(0.01)

    crew._Work.put = noted  # type: ignore[method-assign]
    crew.Crew._start = started  # type: ignore[method-assign]


if __name__ == "__main__":
    eager(os.environ["TRAPLINE_CREW"])
    main()
