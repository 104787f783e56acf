import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from email import message_from_bytes, policy

import pytest

from app import config
from app.db import Database
from app.mail import actions
from app.sandbox.actions import database_url, run_jobs
from tests.world import World

INVITATION = actions.NewMail(
    "invitation",
    "anna@example.test",
    "it",
    {"organisation_name": "Orobia Stampi", "days": 14, "public_url": "http://beatrice.test", "token": "s3cret"},
)


@dataclass
class Post:
    """An SMTP server on the loopback that keeps what it is given."""

    port: int = 0
    received: list[tuple[str, bytes]] = field(default_factory=list)

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        recipient = ""
        writer.write(b"220 post.test\r\n")
        while line := (await reader.readline()).decode().strip():
            verb = line.partition(" ")[0].upper()
            if verb == "RCPT":
                recipient = line.partition("<")[2].partition(">")[0]
            if verb == "DATA":
                writer.write(b"354 go on\r\n")
                self.received.append((recipient, await reader.readuntil(b"\r\n.\r\n")))
            writer.write(b"221 bye\r\n" if verb == "QUIT" else b"250 post.test\r\n")
            if verb == "QUIT":
                break
        writer.close()
        await writer.wait_closed()


@pytest.fixture
async def post() -> AsyncIterator[Post]:
    made = Post()
    server = await asyncio.start_server(made.talk, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    yield made
    server.close()
    await server.wait_closed()


def use_smtp(monkeypatch: pytest.MonkeyPatch, port: int) -> None:
    chosen = config.Settings(smtp_url=f"smtp://127.0.0.1:{port}")
    monkeypatch.setattr(actions, "settings", lambda: chosen)


async def write(database: Database) -> None:
    async with database.begin() as session:
        await actions.send(session, INVITATION)


async def test_mail_leaves_and_its_text_is_emptied(
    fresh_database: Database, fresh_world: World, post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_smtp(monkeypatch, post.port)
    await write(fresh_database)
    assert await run_jobs(database_url(fresh_database), ()) == {"mail.send": 1}
    [(recipient, raw)] = post.received
    message = message_from_bytes(raw, policy=policy.default)
    assert recipient == "anna@example.test"
    assert (message["From"], message["To"]) == ("Beatrice <noreply@beatrice.example>", "anna@example.test")
    assert "http://beatrice.test/invitations/s3cret" in message.get_content()
    [(text, sent)] = await fresh_world.execute("SELECT text, sent_at IS NOT NULL FROM outgoing_mail")
    assert (text, sent) == ("", True)


async def test_a_refused_connection_keeps_the_mail_and_plans_a_retry(
    fresh_database: Database, fresh_world: World, post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    listener = await asyncio.start_server(post.talk, "127.0.0.1", 0)
    closed_port = listener.sockets[0].getsockname()[1]
    listener.close()
    await listener.wait_closed()
    use_smtp(monkeypatch, closed_port)
    await write(fresh_database)
    assert await run_jobs(database_url(fresh_database), ()) == {}
    [(text, sent)] = await fresh_world.execute("SELECT text, sent_at IS NOT NULL FROM outgoing_mail")
    assert ("s3cret" in text, sent) == (True, False)
    [job] = await fresh_world.execute(
        "SELECT status::text, attempts, scheduled_at > statement_timestamp() FROM procrastinate_jobs"
    )
    assert tuple(job) == ("todo", 1, True)

    use_smtp(monkeypatch, post.port)
    await fresh_world.execute("UPDATE procrastinate_jobs SET scheduled_at = NULL")
    assert await run_jobs(database_url(fresh_database), ()) == {"mail.send": 1}
    assert [recipient for recipient, _ in post.received] == ["anna@example.test"]
    assert await fresh_world.scalar("SELECT text FROM outgoing_mail") == ""


async def test_without_a_server_many_mails_are_kept_by_one_job(
    fresh_database: Database, fresh_world: World, post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sandbox's thousands of reminders take no job each; a server takes each mail by itself."""
    many = [INVITATION] * 5
    async with fresh_database.begin() as session:
        await actions.send_many(session, many[1:])
        await actions.send_many(session, many, together=True)
    assert await run_jobs(database_url(fresh_database), ()) == {"mail.send": 4, "mail.keep": 1}
    kept = "SELECT count(*) FILTER (WHERE sent_at IS NOT NULL AND text <> ''), count(*) FROM outgoing_mail"
    [counts] = await fresh_world.execute(kept)
    assert tuple(counts) == (2 * len(many) - 1, 2 * len(many) - 1)
    use_smtp(monkeypatch, post.port)
    async with fresh_database.begin() as session:
        await actions.send_many(session, many, together=True)
    assert await run_jobs(database_url(fresh_database), ()) == {"mail.send": len(many)}
    assert len(post.received) == len(many)
