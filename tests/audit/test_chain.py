"""The chain: gapless, whoever sequences; what was changed, left out, made anew or cut is found."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from app import clock, ids
from app.actor import SYSTEM
from app.audit import chain
from app.audit.actions import record
from app.audit.jobs import FILE, MAIL_HEAD, SWEEPS
from app.audit.verify import Verdict, heads_in, verify
from app.config import settings
from app.db import Database
from app.identity.notices import tell_of_head
from app.jobs import run_sweeps
from tests.conftest import Cluster
from tests.world import World

WHOLE = "ALTER TABLE {table} {what} TRIGGER USER"


@pytest.fixture
async def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Path]:
    monkeypatch.setenv("BEATRICE_AUDIT_HEADS_DIR", str(tmp_path / "heads"))
    settings.cache_clear()
    yield tmp_path / "heads"
    monkeypatch.undo()
    settings.cache_clear()


async def act(database: Database, count: int) -> None:
    async with database.begin() as session:
        for number in range(count):
            await record(session, SYSTEM, f"test.act_{number}", "test", ids.new_id())


async def verdict(worker: Database, folder: Path | None = None) -> Verdict:
    async with worker.begin("beatrice_worker") as session:
        return await verify(session, [] if folder is None else heads_in(folder / FILE))


async def tampered(
    cluster: Cluster, name: str, worker: Database, *statements: str, folder: Path | None = None
) -> Verdict:
    """Let an owner without scruples change rows; return what verifying says then."""
    with cluster.admin(name) as owner:
        for table in ("audit_entry", "audit_head"):
            owner.execute(WHOLE.format(table=table, what="DISABLE").encode())
        for statement in statements:
            owner.execute(statement.encode())
        for table in ("audit_entry", "audit_head"):
            owner.execute(WHOLE.format(table=table, what="ENABLE").encode())
    return await verdict(worker, folder)


async def test_entries_are_chained_and_the_head_leaves_once_a_day(
    fresh_database: Database, fresh_worker: Database, folder: Path
) -> None:
    await act(fresh_database, 3)
    assert await run_sweeps(fresh_worker, SWEEPS) == {"audit.chain": 3, "audit.export_head": 1}
    await act(fresh_database, 2)
    assert await run_sweeps(fresh_worker, SWEEPS) == {"audit.chain": 2}
    assert await run_sweeps(fresh_worker, SWEEPS) == {}
    (line,) = (folder / FILE).read_text().splitlines()
    assert json.loads(line)["position"] == 3
    assert await verdict(fresh_worker, folder) == Verdict(5, 2)


async def test_the_head_is_mailed_and_the_mail_verifies(
    fresh_database: Database,
    fresh_worker: Database,
    fresh_world: World,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """To named addresses and to those who administer the operator and leads, but to nobody of an employer."""
    operator = await fresh_world.operator()
    await fresh_world.membership(operator.users["operator"], operator.id, "admin")
    lead = await fresh_world.organisation(["municipality", "company"], ("admin",))
    await fresh_world.found_alliance(lead=lead)
    monkeypatch.setenv("BEATRICE_AUDIT_HEADS_MAIL", "archivio@lead.example, administrators")
    settings.cache_clear()
    try:
        await act(fresh_database, 3)
        await run_sweeps(fresh_worker, SWEEPS)
        (job,) = await fresh_world.execute(
            "SELECT args FROM procrastinate_jobs WHERE task_name = :name", name=MAIL_HEAD
        )
        async with fresh_worker.begin("beatrice_worker") as session:
            await tell_of_head(session, int(job.args["position"]))
    finally:
        monkeypatch.undo()
        settings.cache_clear()
    mails = await fresh_world.execute("SELECT recipient, subject, text FROM outgoing_mail ORDER BY recipient")
    named = await fresh_world.scalar("SELECT email FROM user_account WHERE id = :id", id=operator.users["operator"])
    assert [mail.recipient for mail in mails] == ["archivio@lead.example", named]
    saved = tmp_path / "mail.txt"
    saved.write_text(mails[0].text)
    (head,) = heads_in(saved)
    async with fresh_worker.begin("beatrice_worker") as session:
        assert (await verify(session, [head])).problem is None
    other = replace(head, position=head.position + 9)
    async with fresh_worker.begin("beatrice_worker") as session:
        assert "is not signed" in str((await verify(session, [other])).problem)


async def test_two_sequencers_make_one_chain(fresh_database: Database, fresh_worker: Database) -> None:
    await act(fresh_database, 20)
    sweep = SWEEPS[0]

    async def once() -> int:
        async with fresh_worker.begin("beatrice_worker") as session:
            return await sweep.run(session, clock.now())

    assert sorted(await asyncio.gather(once(), once(), once())) == [0, 0, 20]
    assert await verdict(fresh_worker) == Verdict(20, 0)


@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        ("UPDATE audit_entry SET actor_kind = 'anonymous' WHERE position = 2", "position 2 is not what was recorded"),
        ("UPDATE audit_entry SET address = '192.0.2.1' WHERE position = 3", "position 3 is not what was recorded"),
        ("DELETE FROM audit_entry WHERE position = 2", "position 2 is missing"),
        ("DELETE FROM audit_entry WHERE position = 1", "position 1 is missing"),
        ("DELETE FROM audit_entry WHERE position > 2", "the chain ends at 2, a head was exported at 4"),
        (
            "UPDATE audit_head SET signature = sha256('x')",
            "the head at position 4 is not signed by a configured key",
        ),
    ],
)
async def test_what_was_changed_is_found(
    cluster: Cluster,
    fresh_database_name: str,
    fresh_database: Database,
    fresh_worker: Database,
    statement: str,
    problem: str,
) -> None:
    await act(fresh_database, 4)
    await run_sweeps(fresh_worker, SWEEPS)
    assert (await verdict(fresh_worker)).problem is None
    assert (await tampered(cluster, fresh_database_name, fresh_worker, statement)).problem == problem


async def test_a_tail_cut_with_its_heads_is_found_by_the_exported_ones(
    cluster: Cluster, fresh_database_name: str, fresh_database: Database, fresh_worker: Database, folder: Path
) -> None:
    await act(fresh_database, 4)
    await run_sweeps(fresh_worker, SWEEPS)
    cut = ("DELETE FROM audit_entry WHERE position > 2", "DELETE FROM audit_head")
    assert await tampered(cluster, fresh_database_name, fresh_worker, *cut) == Verdict(2, 0)
    assert (await verdict(fresh_worker, folder)).problem == "the chain ends at 2, a head was exported at 4"


async def test_a_chain_made_anew_does_not_fit_the_exported_head(
    cluster: Cluster, fresh_database_name: str, fresh_database: Database, fresh_worker: Database, folder: Path
) -> None:
    await act(fresh_database, 4)
    await run_sweeps(fresh_worker, SWEEPS)
    kept = (folder / FILE).read_text()
    await tampered(
        cluster, fresh_database_name, fresh_worker, "UPDATE audit_entry SET action = 'test.other' WHERE position = 2",
        "UPDATE audit_entry SET position = NULL, hash = NULL", "DELETE FROM audit_head",
    )  # fmt: skip
    assert (await run_sweeps(fresh_worker, SWEEPS))["audit.chain"] == 4
    (folder / FILE).write_text(kept)  # the copy that went elsewhere
    changed = await verdict(fresh_worker, folder)
    assert changed.problem == "two heads at position 4 differ"
    await tampered(cluster, fresh_database_name, fresh_worker, "DELETE FROM audit_head")
    assert (await verdict(fresh_worker, folder)).problem == "position 4 is not what its exported head says"


async def test_nobody_but_the_owner_touches_chain_or_secret(fresh_database: Database, fresh_worker: Database) -> None:
    await act(fresh_database, 2)
    await run_sweeps(fresh_worker, SWEEPS)
    attacks = {
        "UPDATE audit_entry SET position = 9, hash = sha256('x') WHERE position = 2": "append_only|place in the chain",
        "UPDATE audit_head SET position = 9": "permission denied",
        "DELETE FROM audit_entry": "permission denied",
        "SELECT secret FROM principal_secret": "permission denied",
        "SELECT seal_principal('user', NULL, NULL, NULL, NULL, NULL, NULL, NULL)": "permission denied",
    }
    for attack, refusal in attacks.items():
        async with fresh_worker.session() as session:
            await session.execute(text("SELECT set_config('role', 'beatrice_worker', true)"))
            with pytest.raises(DBAPIError, match=refusal):
                await session.execute(text(attack))
            await session.rollback()
    await act(fresh_database, 1)
    async with fresh_worker.session() as session:
        await session.execute(text("SELECT set_config('role', 'beatrice_worker', true)"))
        with pytest.raises(DBAPIError, match="no gaps"):
            await session.execute(
                text("UPDATE audit_entry SET position = 9, hash = sha256('x') WHERE position IS NULL")
            )
        await session.rollback()
    assert (await verdict(fresh_worker)).problem is None


def test_a_head_of_another_key_is_not_signed() -> None:
    head = chain.sign(1, bytes(32), clock.real())
    assert chain.is_signed(chain.Head(head.position, head.hash, head.exported_at, "00000000", head.signature)) is False
    assert chain.is_signed(chain.Head(2, head.hash, head.exported_at, head.key_id, head.signature)) is False
