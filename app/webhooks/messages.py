"""What is sent for an event: the same body at every try, signed for the time of this one (Standard Webhooks)."""

import base64
from datetime import datetime
from uuid import UUID

from standardwebhooks import Webhook

from app import ids, sealing
from app.events import schemas
from app.webhooks.models import SECRET
from app.webhooks.queries import Due
from app.webhooks.sending import Message

PREFIX = "whsec_"
USER_AGENT = "Beatrice-Webhooks/1"


def message_of(due: Due, at: datetime) -> Message:
    """Return an event as its endpoint gets it now; while a secret is being replaced, the signatures of both."""
    body = schemas.read(due).model_dump_json().encode()
    event_id = ids.encode("evt", due.event_id)
    signatures = [Webhook(secret).sign(event_id, at, body.decode()) for secret in _secrets(due, at)]
    headers = {
        "content-type": "application/json",
        "user-agent": USER_AGENT,
        "connection": "close",
        "webhook-id": event_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(signatures),
    }
    return Message(due.url, list(headers.items()), body)


def seal(secret: bytes, endpoint_id: UUID) -> bytes:
    return sealing.encrypt(SECRET, secret, endpoint_id.bytes)


def shown(secret: bytes) -> str:
    """Return a secret as people copy it."""
    return PREFIX + base64.b64encode(secret).decode()


def _secrets(due: Due, at: datetime) -> list[bytes]:
    sealed = [due.sealed_secret]
    if due.sealed_previous_secret is not None and due.previous_until is not None and at < due.previous_until:
        sealed.append(due.sealed_previous_secret)
    return [sealing.decrypt(SECRET, each, due.endpoint_id.bytes) for each in sealed]
