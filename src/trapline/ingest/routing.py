"""Events on their way through the TRANSFORMS- settings of add-ons (`knowledge.routing`): a new sourcetype, source or
host, or none of it all.

Bounded: a regular expression that runs into its time limit counts as not found, and after a few of those its transform
is left out for the rest of the file, which is said.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from trapline.knowledge.indextime import IndexTime
from trapline.knowledge.routing import HEADER_HOST, NOTHING, NULL_QUEUE, PREFIXES, Key, Route, Routing
from trapline.pcre import SECONDS

_PATIENCE = 3
"""Times that a transform may run into its time limit in a file."""
MOST_SOURCETYPES = 200
"""Sourcetypes that transforms may make of the events of a file: the text of events may be in their names, and each is a
table of the store."""

Origin = tuple[str, str, str]
"""sourcetype, source, host"""


class Router:
    """The transforms of one file. `dropped`: events by the transform that sent them to the null queue."""

    def __init__(self, rules: IndexTime, warn: Callable[[str], None], *, host_given: bool = False) -> None:
        """`host_given`: the host is what the user said, whatever a syslog header says."""
        self._rules = rules
        self._host_given = host_given
        self._warn = warn
        self._last: Origin | None = None
        self._routing = NOTHING
        self._told: set[str] = set()
        self._slow = Counter[str]()
        self._made: set[str] = set()
        self.dropped = Counter[str]()

    def __call__(self, raw: str, origin: Origin) -> Origin | None:
        """What the event is to be called, None where it is dropped."""
        if origin != self._last:
            self._last = origin
            self._routing = self.routing(origin)
        if not self._routing.routes:
            return origin
        sourcetype, source, host = origin
        values = {
            Key.RAW: raw,
            Key.SOURCETYPE: PREFIXES[Key.SOURCETYPE] + sourcetype,
            Key.SOURCE: PREFIXES[Key.SOURCE] + source,
            Key.HOST: PREFIXES[Key.HOST] + host,
            Key.QUEUE: "",
        }
        by = ""
        for route in self._routing.routes:
            if self._host_given and route.name in HEADER_HOST:
                continue
            value = self._value(route, values)
            if value is None:
                continue
            values[route.dest] = value
            if route.dest is Key.QUEUE:
                by = route.name
        if values[Key.QUEUE] == NULL_QUEUE:
            self.dropped[by] += 1
            return None
        return (
            self._bounded(values[Key.SOURCETYPE].removeprefix(PREFIXES[Key.SOURCETYPE]), sourcetype),
            values[Key.SOURCE].removeprefix(PREFIXES[Key.SOURCE]),
            values[Key.HOST].removeprefix(PREFIXES[Key.HOST]),
        )

    def _bounded(self, made: str, given: str) -> str:
        """The new sourcetype, or the given one where a file has made too many."""
        if made == given or made in self._made:
            return made
        if len(self._made) >= MOST_SOURCETYPES:
            self._tell(f"transforms make more than {MOST_SOURCETYPES} sourcetypes: further events keep theirs")
            return given
        self._made.add(made)
        return made

    def routing(self, origin: Origin) -> Routing:
        """The transforms for events of an origin. Those that cannot be followed are told, once for a file."""
        found = self._rules.routing(*origin)
        for problem in found.problems:
            self._tell(f"{problem.where}: {problem.reason}")
        return found

    def end(self) -> None:
        """The file is read: tell what was dropped."""
        for name, count in self.dropped.items():
            self._warn(f"{count} events are left out: the transform [{name}] sends them to the null queue")

    def _value(self, route: Route, values: dict[Key, str]) -> str | None:
        """What a transform writes, None where it writes nothing."""
        if self._slow[route.name] >= _PATIENCE:
            return None
        try:
            found = route.pattern.search(values[route.source][: route.lookahead], timeout=SECONDS)
        except TimeoutError:
            self._slow[route.name] += 1
            if self._slow[route.name] == _PATIENCE:
                self._tell(
                    f"the transform [{route.name}] took more than {SECONDS:g} s on each of {_PATIENCE} events: it is "
                    "not applied to them, nor to the rest of the file"
                )
            else:
                self._tell(f"the transform [{route.name}] took too long on an event and was not applied to it")
            return None
        if found is None:
            return route.default
        groups = (
            part if isinstance(part, str) else values[route.dest] if part == 0 else found[part] or ""
            for part in route.parts
        )
        value = "".join(groups)
        prefix = PREFIXES.get(route.dest, "")
        if not value.startswith(prefix) or len(value) == len(prefix):
            self._tell(
                f"the transform [{route.name}] makes a value for {route.dest} that does not begin with '{prefix}' or "
                "is nothing else: it is not used"
            )
            return None
        return value

    def _tell(self, reason: str) -> None:
        if reason not in self._told:
            self._told.add(reason)
            self._warn(reason)
