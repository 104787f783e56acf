"""Recompute the chain from its entries, and compare it with the heads that left the database."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncSession

from app.audit import chain, queries

BATCH = 5_000


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was checked, and the first difference, if any."""

    entries: int
    heads: int
    problem: str | None = None


def heads_in(file: Path) -> list[chain.Head]:
    """Read the heads of an exported file, or of a log among whose lines they are."""
    with file.open(encoding="utf-8", errors="replace") as lines:
        return [head for line in lines if (head := chain.head_of(line)) is not None]


async def verify(session: AsyncSession, exported: Iterable[chain.Head] = ()) -> Verdict:
    """Check hashes, gaps and heads: those kept here and those that were exported, which show a tail that was cut."""
    heads = [*await queries.HEADS.all(session), *exported]
    wanted: dict[int, bytes] = {}
    for head in heads:
        if not chain.is_signed(head):
            return Verdict(0, len(heads), f"the head at position {head.position} is not signed by a configured key")
        if wanted.setdefault(head.position, head.hash) != head.hash:
            return Verdict(0, len(heads), f"two heads at position {head.position} differ")
    position, before, problem = 0, chain.GENESIS, None
    while links := await queries.CHAIN_AFTER.all(session, position=position, at_most=BATCH):
        for link in links:
            before = chain.hash_of(link, position + 1, before)
            problem = _problem(link, position + 1, before, wanted)
            if problem is not None:
                return Verdict(position, len(heads), problem)
            position += 1
    cut = [at for at in wanted if at > position]
    return Verdict(
        position, len(heads), f"the chain ends at {position}, a head was exported at {min(cut)}" if cut else None
    )


def _problem(link: chain.Link, position: int, expected: bytes, wanted: dict[int, bytes]) -> str | None:
    if link.position != position:
        return f"position {position} is missing"
    if link.hash != expected:
        return f"position {position} is not what was recorded"
    if wanted.get(position, expected) != expected:
        return f"position {position} is not what its exported head says"
    return None
