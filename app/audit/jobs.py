"""The chain grows by what is committed; once a real day its signed head leaves the database."""

import asyncio
import json
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from app import clock
from app.audit import chain, queries
from app.config import settings
from app.jobs import Sweep, defer

log = structlog.get_logger()
BATCH = 1_000
FILE = "audit-heads.jsonl"
MAIL_HEAD = "identity.mail_head"
"""The job of a module above, which knows people and mails."""


async def _chain_due(session: AsyncSession, now: datetime) -> datetime | None:  # noqa: ARG001 - what is recorded happened
    return await queries.UNPLACED_SINCE.maybe(session)


async def _chain(session: AsyncSession, upto: datetime) -> int:  # noqa: ARG001 - as above
    """Give positions and hashes to entries; one pass at a time, so that nobody builds on the same head."""
    await queries.LOCK_CHAIN.one(session)
    links = await queries.UNPLACED.all(session, at_most=BATCH)
    last = await queries.LAST.maybe(session)
    position, before = (0, chain.GENESIS) if last is None else (last.position or 0, last.hash or b"")
    hashes = chain.linked(links, position, before)
    if links:
        positions = list(range(position + 1, position + len(links) + 1))
        await queries.PLACE.run(session, ids=[link.id for link in links], positions=positions, hashes=hashes)
    return len(links)


async def _export_due(session: AsyncSession, now: datetime) -> datetime | None:
    """Wait for nobody: once a real day in which something was added."""
    head, last = await queries.LAST_HEAD.maybe(session), await queries.LAST.maybe(session)
    if last is None or (
        head is not None
        and (head.position == last.position or clock.day_of(head.exported_at) >= clock.day_of(clock.real()))
    ):
        return None
    return now


async def _export(session: AsyncSession, upto: datetime) -> int:  # noqa: ARG001 - by real time
    await queries.LOCK_CHAIN.one(session)
    last = await queries.LAST.maybe(session)
    if last is None or last.position is None or last.hash is None or await _export_due(session, clock.now()) is None:
        return 0
    head = chain.sign(last.position, last.hash, clock.real())
    # First out, then kept: what was exported twice is as good, what never was is not.
    if (folder := settings().audit_heads_dir) is not None:
        await asyncio.to_thread(_append, folder, json.dumps(head.line()) + "\n")
    log.info("audit_head", **head.line())
    await queries.KEEP_HEAD.run(session, **asdict(head))
    if settings().audit_heads_mail:
        await defer(session, MAIL_HEAD, position=str(head.position))
    return 1


def _append(folder: Path, line: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / FILE).open("a", encoding="utf-8") as file:
        file.write(line)


SWEEPS = (Sweep("audit.chain", _chain_due, _chain), Sweep("audit.export_head", _export_due, _export))
