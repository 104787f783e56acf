"""Replays: same caller, key and request give the same bytes and one effect (after Stripe; IETF draft httpapi-07).

The first statement of a request takes an advisory lock on (caller, key) and reads the row; the row is written in the
business transaction and its primary key is the guard. Answers are sealed, because they may hold personal data.
"""

import base64
import hashlib
import json
from datetime import datetime
from uuid import UUID

from sqlalchemy import LargeBinary, String, Uuid
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column
from starlette.requests import Request
from starlette.responses import Response

from app import clock, sealing
from app.db import APP, HR, NOTHING, Model, Query, Timestamp
from app.edge.act import Act
from app.errors import AppError

KEY_MAX = 255
KEEP = Query(NOTHING, "edge.keep_answer", roles=(APP, HR))
KEEP_WITH_ACT = Query(NOTHING, "edge.keep_answer_and_act", roles=(APP, HR))
KEPT_HEADERS = ("etag", "location", "content-type", "content-language")
RETENTION_DAYS = 7
SEALED = (
    sealing.SealedColumn(
        "idempotency_key",
        "sealed_answer",
        "idempotency",
        context=("principal_id", "fingerprint", "key"),
        key=("principal_id", "key"),
    ),
)


class IdempotencyKey(Model):
    """One answered request; kept for a week."""

    __tablename__ = "idempotency_key"

    principal_id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    key: Mapped[str] = mapped_column(String(KEY_MAX), primary_key=True)
    fingerprint: Mapped[bytes] = mapped_column(LargeBinary)
    sealed_answer: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(Timestamp, index=True)


class KeyMissing(AppError, status=400, code="idempotency_key_missing"):
    """This request moves money or capacity: send an `Idempotency-Key` of 1 to 255 printable ASCII characters."""


class KeyInUse(AppError, status=409, code="idempotency_key_in_use", constraints=("idempotency_key_pkey",)):
    """A request with this key is being worked on: ask again in a moment."""


class KeyReused(AppError, status=422, code="idempotency_key_reused"):
    """This key was used for another request: choose a new one."""


def fingerprint(request: Request, raw: bytes) -> bytes:
    """Return what must be equal in a replay: method, path, query and body."""
    head = f"{request.method} {request.url.path}?{request.url.query}\n".encode()
    return hashlib.sha256(head + hashlib.sha256(raw).digest()).digest()


async def keep_and_commit(
    session: AsyncSession, principal_id: UUID, key: str, print_: bytes, answer: Response, act: Act | None = None
) -> None:
    """Write the answer under its key, and the act, and COMMIT; a duplicate key means that another answered first."""
    sealed = sealing.encrypt("idempotency", _pack(answer), sealing.context_of(principal_id, print_, key))
    row = {"principal_id": principal_id, "key": key, "fingerprint": print_, "sealed": sealed, "at": clock.real()}
    if act is None:
        await KEEP.run_and_commit(session, **row)
    else:
        await KEEP_WITH_ACT.run_and_commit(session, **row, **act.values())


def replay(principal_id: UUID, key: str, print_: bytes, sealed: bytes) -> Response:
    """Answer again; an answer that was moved to another caller, key or request does not open."""
    packed = json.loads(sealing.decrypt("idempotency", sealed, sealing.context_of(principal_id, print_, key)))
    answer = Response(base64.b64decode(packed["body"]), packed["status"], packed["headers"])
    answer.headers["Idempotent-Replayed"] = "true"
    return answer


def _pack(answer: Response) -> bytes:
    headers = {name: answer.headers[name] for name in KEPT_HEADERS if name in answer.headers}
    body = base64.b64encode(bytes(answer.body)).decode()
    return json.dumps({"status": answer.status_code, "headers": headers, "body": body}).encode()
