"""webhook: each notable as JSON, posted to a URL, signed with HMAC-SHA256.

`X-Trapline-Signature: t=<epoch seconds>,v1=<hex>` is the HMAC of `<epoch seconds>.<body>`: a receiver refuses what is
old or does not match. `Idempotency-Key` is the key of the message.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from dataclasses import dataclass, field

from trapline.outputs.message import Message
from trapline.outputs.options import Options, Secret
from trapline.outputs.wire import Poster

HELP = "JSON posted to a URL, signed (url, secret)"


@dataclass(frozen=True, slots=True)
class Webhook:
    poster: Poster
    secret: Secret | None
    authorization: Secret | None = field(repr=False)

    @property
    def target(self) -> str:
        return self.poster.url.target

    def send(self, message: Message) -> None:
        body = message.dumps().encode()
        headers = {"Idempotency-Key": message.key}
        if self.secret is not None:
            now = int(time.time())
            headers["X-Trapline-Signature"] = f"t={now},v1={signature(self.secret.reveal(), now, body)}"
        if self.authorization is not None:
            headers["Authorization"] = self.authorization.reveal()
        self.poster.post(body, headers)


def make(options: Options) -> Webhook:
    return Webhook(Poster.of(options), options.secret("secret"), options.secret("authorization"))


def signature(secret: str, now: int, body: bytes) -> str:
    """What a receiver computes too."""
    return hmac.new(secret.encode(), str(now).encode() + b"." + body, hashlib.sha256).hexdigest()
