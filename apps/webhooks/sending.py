"""One try of a delivery: its body of ids and links, its signature, and what the other side said to it."""

from __future__ import annotations

from datetime import UTC
from typing import Any

from django.conf import settings

from apps.core import clock, jsontext
from apps.core.errors import Invalid
from apps.vault.errors import KeyGone, Tampered
from apps.webhooks.models import Delivery
from apps.webhooks.outside import post, read_address
from apps.webhooks.queries import open_hook, open_secret, own_networks
from apps.webhooks.signing import headers_of
from apps.webhooks.types import Answered, Happening, Trouble

_AGENT = "Ownlog-Webhooks/1"
# Where a person looks at it. By ids: names are content.
_PLACES = {
    Happening.RUN_ALERT: "/go/alerts/{alert}",
    Happening.RUN_FINISHED: "/go/runs/{run}",
    Happening.ARTIFACT_LINKED: "/go/versions/{version}",
    Happening.ERASURE_DONE: "/settings/erasures/{erasure}",
}


def send(delivery: Delivery) -> Answered:
    """Whatever goes wrong is an answer: the caller writes down what came of it."""
    try:
        hook, secret = open_hook(delivery.hook), open_secret(delivery.hook)
        # Anew each time: what the operator allows may have changed since it was typed.
        destination = read_address(hook.address, own_networks())
    except Invalid:
        return Answered(trouble=Trouble.INSIDE)
    except (KeyGone, Tampered):
        return Answered(trouble=Trouble.UNREADABLE)
    body = body_of(delivery)
    signed = headers_of(
        secret, message_id=delivery.public_id, timestamp=int(clock.now().timestamp()), body=body
    )
    headers = {"Content-Type": "application/json", "User-Agent": _AGENT, **signed}
    return post(destination, body, headers, own=own_networks())


def body_of(delivery: Delivery) -> bytes:
    """The same bytes at each try."""
    happening = Happening(delivery.happening)
    data: dict[str, Any] = dict(delivery.facts)
    if happening in _PLACES:
        # Without an address that the operator declared it begins with a slash.
        data["url"] = str(settings.OWNLOG_BASE_URL) + _PLACES[happening].format(**delivery.facts)
    moment = f"{delivery.created_at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}Z"
    return jsontext.dumps({"type": happening.value, "timestamp": moment, "data": data}).encode()
