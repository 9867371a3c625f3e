"""Single settings of index time as what they say, with what is wrong with them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import regex

from trapline.errors import SplError, Warn
from trapline.knowledge.conf import Setting, truth
from trapline.pcre import python_pattern


class SettingReader:
    """Reads single settings, and keeps what was wrong with them."""

    def __init__(self, settings: Mapping[str, Setting]) -> None:
        self._settings = settings
        self.problems: list[Warn] = []

    def has(self, keys: Iterable[str]) -> bool:
        return any(key in self._settings for key in keys)

    def text(self, key: str) -> str | None:
        setting = self._settings.get(key)
        return setting.value if setting is not None else None

    def wrong(self, key: str, reason: str, hint: str | None = None) -> None:
        self.problems.append(Warn("conf", f"{key} {reason}; it is not followed", hint, self._settings[key].place))

    def pattern(self, key: str) -> regex.Pattern[str] | None:
        source = self.text(key)
        if source is None:
            return None
        try:
            return python_pattern(source)
        except SplError as error:
            self.wrong(key, f"is no regular expression: {error.reason}", error.hint)
            return None

    def flag(self, key: str, default: bool) -> bool:
        source = self.text(key)
        if source is None:
            return default
        value = truth(source)
        if value is None:
            self.wrong(key, f"is true or false, not '{source[:40]}'")
            return default
        return value

    def number(self, key: str, default: int | None) -> int | None:
        source = self.text(key)
        if source is None:
            return default
        try:
            return int(source)
        except ValueError:
            self.wrong(key, f"is a whole number, not '{source[:40]}'")
            return default
