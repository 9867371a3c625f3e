"""slack: a message for Slack's incoming webhooks, and what understands them (Mattermost, Rocket.Chat).

What attackers wrote makes no link, mention or format: `&`, `<` and `>` are escaped as Slack asks ("Formatting text for
app surfaces"), values are shown as code, and addresses and `@` are broken up for clients that would find them in plain
text.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from trapline.outputs.message import Message, shown, visible
from trapline.outputs.options import Options
from trapline.outputs.wire import Poster

HELP = "a message for Slack-compatible webhooks (url, fields)"
MAX_FIELDS = 20
MAX_VALUE = 300
"""Characters of a value, before escaping."""
MAX_TEXT = 12_000
"""Characters of the message; Slack cuts at 40,000, others earlier."""
# They look alike and format nothing.
_MARKS = str.maketrans({"*": "∗", "_": "＿", "~": "∼", "`": "ˋ"})
_ICONS = {"critical": ":red_circle:", "high": ":large_orange_circle:", "medium": ":large_yellow_circle:"}


@dataclass(frozen=True, slots=True)
class Slack:
    poster: Poster

    @property
    def target(self) -> str:
        return self.poster.url.target

    def send(self, message: Message) -> None:
        body = {"text": text(message), "unfurl_links": False, "unfurl_media": False, "link_names": False}
        self.poster.post(json.dumps(body).encode(), {"Idempotency-Key": message.key})


def make(options: Options) -> Slack:
    return Slack(Poster.of(options))


def text(message: Message) -> str:
    """The message in mrkdwn."""
    icon = _ICONS.get(message.urgency.lower(), ":white_circle:")
    lines = [f"{icon} *{plain(visible(message.title, MAX_VALUE))}*"]
    if message.description:
        lines.append(plain(visible(message.description, 1000)))
    pairs = [("urgency", message.urgency), ("search", message.search)]
    if message.entity:
        pairs.append((message.entity_type or "entity", message.entity))
    pairs += [(name, shown(value, MAX_VALUE)) for name, value in list(message.body.items())[:MAX_FIELDS]]
    size = sum(map(len, lines))
    left = max(0, len(message.body) - MAX_FIELDS)
    for number, (name, value) in enumerate(pairs):
        line = f"• {plain(visible(name, 100))}: {code(visible(value, MAX_VALUE))}"
        size += len(line) + 1
        if size > MAX_TEXT:
            left += len(pairs) - number
            break
        lines.append(line)
    if left:
        lines.append(f"and {left} more fields")
    lines.append(f"{message.when} {code(message.key)}")
    return "\n".join(lines)


def escape(value: str) -> str:
    """The three characters that Slack reads as its own."""
    return value.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def plain(value: str) -> str:
    """A text that formats, links and mentions nothing."""
    return escape(_broken(value).translate(_MARKS))


def code(value: str) -> str:
    """A text as code, in which only a backtick would count."""
    return f"`{escape(_broken(value).replace('`', 'ˋ')) or ' '}`"


def _broken(value: str) -> str:
    return value.replace("://", "[:]//").replace("@", "@\u200b")
