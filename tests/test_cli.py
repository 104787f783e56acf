"""The command, as a process of its own where processes matter."""

import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import httpx
import pytest

from app import cli, clock, config
from app.audit import chain
from app.db import create_database
from app.mail import actions as mail
from tests.conftest import Beatrice, Cluster
from tests.production import random_key
from tests.world import World

REPOSITORY = Path(__file__).resolve().parent.parent
BEATRICE = [sys.executable, "-c", "from app.cli import main; main()"]
SECONDS = 60.0
SECRET = random_key("a command's")


def environment(**changes: str) -> dict[str, str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("BEATRICE_") and name not in {"DATABASE_URL", "PORT"}
    }
    return kept | {"PYTHONWARNINGS": "error"} | changes


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline, "the condition did not become true in time"
        time.sleep(0.05)


def runs(pid: int) -> bool:
    """Whether the process exists and is no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


class Running:
    """`beatrice run` on a data directory."""

    def __init__(self, folder: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.folder = folder
        self.log = (folder.parent / "log").open("w+")
        self.process = subprocess.Popen(
            [*BEATRICE, "run"],
            cwd=REPOSITORY,
            env=environment(BEATRICE_DATA_DIR=str(folder), PORT=str(self.port)),
            stdout=self.log,
            stderr=subprocess.STDOUT,
        )
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=30)

    def is_ready(self) -> bool:
        assert self.process.poll() is None, self.output()
        try:
            return self.client.get("/readyz").status_code == 200
        except httpx.TransportError:
            return False

    def output(self) -> str:
        self.log.seek(0)
        return self.log.read()

    @property
    def database_pid(self) -> int:
        return int((self.folder / "cluster" / "postmaster.pid").read_text().partition("\n")[0])

    @property
    def database_url(self) -> str:
        folder = (self.folder / "lock").read_text().partition(" ")[2]
        return f"postgresql+psycopg://beatrice_app@/beatrice?host={tempfile.gettempdir()}/{folder}&port=5432"

    def end(self) -> None:
        self.client.close()
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.log.close()


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that every account may enter; tmp_path is closed to the account that root drops to."""
    made = Path(tempfile.mkdtemp(prefix="b-"))
    made.chmod(0o755)
    yield made / "data"
    shutil.rmtree(made)


async def operator_and_mails(url: str) -> dict[str, str]:
    """Make a login of the demo's operator and let the application write five mails; return the login."""
    database = create_database(url)
    world = World(database)
    user_id, headers = await world.login("capo@gestione.example")
    operator = await world.scalar("SELECT id FROM organisation WHERE 'operator' = ANY (kinds)")
    await world.membership(user_id, operator, "operator")
    values = {"public_url": "http://beatrice.test", "token": "t"}
    async with database.begin() as session:
        await mail.send_many(
            session, [mail.NewMail("password_reset", f"{n}@example.test", "it", values) for n in range(5)]
        )
    await database.dispose()
    return headers


def test_run_serves_keeps_its_data_and_leaves_nothing_behind(folder: Path) -> None:
    first = Running(folder)
    try:
        wait_until(first.is_ready)
        database_pid = first.database_pid
        headers = asyncio.run(operator_and_mails(first.database_url))
        moved = first.client.post("/v1/sandbox/clock", headers=headers, json={"now": "2029-02-03T04:05:06Z"})
        assert moved.status_code == 200
        assert first.client.post("/v1/sandbox/jobs/run", headers=headers).status_code == 200
        for n in range(5):
            mails = first.client.get(f"/v1/sandbox/mail?to={n}@example.test", headers=headers).json()["data"]
            assert [row["sent_at"] is None for row in mails] == [False]
        first.process.send_signal(signal.SIGINT)
        assert first.process.wait(SECONDS) == 0
        assert not runs(database_pid)
        assert "Traceback" not in first.output()
        assert f"http://127.0.0.1:{first.port}/docs" in first.output()
    finally:
        first.end()

    second = Running(folder)
    try:
        wait_until(second.is_ready)
        database_pid = second.database_pid
        now = second.client.get("/v1/sandbox/clock", headers=headers).json()["now"]
        assert now.startswith("2029-02-03T04:")
        assert datetime.fromisoformat(now) > datetime.fromisoformat("2029-02-03T04:05:06Z")
        second.process.kill()
        second.process.wait(SECONDS)
        wait_until(lambda: not runs(database_pid))
    finally:
        second.end()


def test_worker_and_api_apart_end_on_sigterm(cluster: Cluster, fresh_database_name: str) -> None:
    changes = environment(DATABASE_URL=cluster.owner_url(fresh_database_name), BEATRICE_MODE="sandbox", PORT="0")
    processes = [
        subprocess.Popen([*BEATRICE, name], cwd=REPOSITORY, env=changes, stdout=subprocess.PIPE, text=True)
        for name in ("serve", "worker")
    ]
    try:
        started = []
        for process in processes:
            assert process.stdout is not None
            started.append(json.loads(process.stdout.readline())["event"])
        assert started == ["api_started", "worker_started"]
        for process in processes:
            process.send_signal(signal.SIGTERM)
        ends = [(process.communicate(timeout=SECONDS)[0], process.returncode) for process in processes]
        assert ends == [("", 0), ("", 0)]
    finally:
        for process in processes:
            process.kill()
            process.communicate()


def test_help_names_every_command(beatrice: Beatrice) -> None:
    answer = beatrice("--help", COLUMNS="200")
    assert answer.exit_code == 0
    names = {
        "run",
        "serve",
        "worker",
        "migrate",
        "verify-ledger",
        "verify-audit",
        "openapi",
        "activation-codes",
        "end-sessions",
        "role-sql",
    }
    listed = {line.split()[1] for line in answer.stdout.splitlines() if line.startswith("│ ") and len(line.split()) > 2}
    assert names <= listed


def test_openapi_needs_no_database(beatrice: Beatrice) -> None:
    answer = beatrice("openapi")
    assert (answer.exit_code, answer.stderr) == (0, "")
    document = json.loads(answer.stdout)
    assert document["paths"]["/v1/sandbox/clock"]["post"]["operationId"] == "clock_move"


def test_verify_ledger_tells_the_first_difference(
    beatrice: Beatrice, cluster: Cluster, fresh_database_name: str
) -> None:
    url = cluster.owner_url(fresh_database_name)
    sound = beatrice("verify-ledger", DATABASE_URL=url)
    assert (sound.exit_code, sound.stderr) == (0, "")
    assert sound.stdout == (
        "Every account adds up (1 accounts, 0 transfers, 0 holds, 0 hold ends, 0 slots, 0 lots, 0 company returns,"
        " 0 returns accounts, 0 fringe years, 0 payables, 0 owed transfers, 0 settlement lines, 0 settled payables,"
        " 0 settlements, 0 settlement runs, 0 bookings, 0 units, 0 fringe legs, 0 owed units,"
        " 0 disputes, 0 claims, 0 claim documents).\n"
    )
    account = "01a20311-a797-73c1-946b-8c3477d2f102"
    with cluster.admin(fresh_database_name) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute(
            # Attack
            "INSERT INTO ledger.account (id, kind, posted_cents, created_at) VALUES (%s, 'company_account', 5, now())",
            [account],
        )
    broken = beatrice("verify-ledger", DATABASE_URL=url)
    assert (broken.exit_code, broken.stdout) == (1, "")
    assert broken.stderr == (
        f"The ledger does not add up. First difference: account {account}, posted: 5 cents stored, 0 recomputed.\n"
    )
    with cluster.admin(fresh_database_name) as connection:
        kept = connection.execute("SELECT ok FROM ledger.verification ORDER BY id").fetchall()
    assert kept == [(True,), (False,)]


def test_verify_audit_tells_the_first_difference(
    beatrice: Beatrice, cluster: Cluster, fresh_database_name: str, tmp_path: Path
) -> None:
    url = cluster.owner_url(fresh_database_name)
    sound = beatrice("verify-audit", DATABASE_URL=url)
    assert (sound.exit_code, sound.stdout, sound.stderr) == (0, "The audit trail is whole (0 entries, 0 heads).\n", "")
    heads = tmp_path / "worker.log"
    heads.write_text('{"event":"api_started"}\n')
    none = beatrice("verify-audit", "--heads", str(heads), DATABASE_URL=url)
    assert (none.exit_code, none.stderr) == (1, "--heads: there is no head in this file.\n")
    with heads.open("a") as file:
        file.write(json.dumps({"event": "audit_head", **chain.sign(3, bytes(32), clock.real()).line()}) + "\n")
    cut = beatrice("verify-audit", "--heads", str(heads), DATABASE_URL=url)
    assert (cut.exit_code, cut.stdout) == (1, "")
    assert cut.stderr == "The audit trail was changed: the chain ends at 0, a head was exported at 3.\n"


def test_migrate_by_a_login_without_rights_prints_the_administrators_sql(
    beatrice: Beatrice, cluster: Cluster, fresh_database_name: str
) -> None:
    if cluster.login is None:
        pytest.skip("needs our own server, whose logins need no password")
    url = cluster.owner_url(fresh_database_name).replace("beatrice_admin@", "beatrice_worker@")
    answer = beatrice("migrate", DATABASE_URL=url)
    assert answer.exit_code == 1
    assert "CREATE ROLE beatrice_owner NOLOGIN;" in answer.stderr
    assert "Traceback" not in answer.stderr


def test_migrate_waits_only_briefly_for_a_table_in_use(
    beatrice: Beatrice, cluster: Cluster, fresh_database_name: str
) -> None:
    url = cluster.owner_url(fresh_database_name)
    with cluster.admin(fresh_database_name) as connection:
        connection.execute("DELETE FROM database_code WHERE path LIKE '%/lot_guards.sql'")
        with connection.transaction():
            connection.execute("SELECT FROM lot")
            refused = beatrice("migrate", DATABASE_URL=url)
    assert refused.exit_code == 1
    assert refused.stderr == "A table is in use: run the command again.\n"
    done = beatrice("migrate", DATABASE_URL=url)
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1] == "database code is up to date, files applied: 1"


def test_a_database_of_another_version_is_left_alone(
    beatrice: Beatrice, cluster: Cluster, fresh_database_name: str
) -> None:
    with cluster.admin(fresh_database_name) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    refused = beatrice("migrate", DATABASE_URL=cluster.owner_url(fresh_database_name))
    assert refused.exit_code == 1
    assert refused.stderr.startswith("Another version of Beatrice made this database (")
    assert "Traceback" not in refused.stderr


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"BEATRICE_MODE": "production"}, "BEATRICE_SECRET_KEYS: the sandbox's key is public"),
        ({"BEATRICE_MODE": "production", "BEATRICE_SECRET_KEYS": SECRET}, "DATABASE_URL: production needs its own"),
        ({"BEATRICE_SECRET_KEYS": "c2hvcnQ="}, "BEATRICE_SECRET_KEYS: each key is 32 bytes"),
        ({"DATABASE_URL": "mysql://root:s3cret@nowhere/x"}, "DATABASE_URL: Value error, a PostgreSQL URL is needed"),
        ({"DATABASE_URL": "postgresql://127.0.0.1:1/x"}, "The database cannot be reached: "),
    ],
)
def test_what_cannot_be_used_is_said_without_values(beatrice: Beatrice, changes: dict[str, str], message: str) -> None:
    answer = beatrice("migrate", **changes)
    assert (answer.exit_code, answer.stdout) == (1, "")
    assert message in answer.stderr
    assert "Traceback" not in answer.stderr
    assert "s3cret" not in answer.stderr
    assert "c2hvcnQ=" not in answer.stderr


def test_a_taken_port_is_said_at_once(beatrice: Beatrice, folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        answer = beatrice("run", PORT=port, BEATRICE_DATA_DIR=str(folder))
    assert answer.exit_code == 1
    assert answer.stderr.startswith(f"Cannot listen on 127.0.0.1:{port} (the port is in use)")
    assert not folder.exists()


async def test_production_refuses_a_login_that_could_change_the_tables(
    cluster: Cluster, fresh_database_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = cluster.owner_url(fresh_database_name)
    production = config.Settings.model_construct(mode="production", database_url=url)
    await cli._check_login(url)
    monkeypatch.setattr(cli, "settings", lambda: production)
    with pytest.raises(cli.Refused, match="is a superuser"):
        await cli._check_login(url)
    if cluster.login is not None:
        await cli._check_login(cluster.app_url(fresh_database_name))
        with cluster.admin() as connection:
            connection.execute("GRANT beatrice_owner TO beatrice_worker")
        try:
            with pytest.raises(cli.Refused, match="beatrice_worker is an owner of the tables"):
                await cli._check_login(url.replace("beatrice_admin@", "beatrice_worker@"))
        finally:
            with cluster.admin() as connection:
                connection.execute("REVOKE beatrice_owner FROM beatrice_worker")


async def test_an_empty_database_is_not_served(cluster: Cluster) -> None:
    name = f"{cluster.template}_empty"
    with cluster.admin() as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    try:
        with pytest.raises(cli.Refused, match="run `beatrice migrate` first"):
            await cli._check_login(cluster.owner_url(name))
    finally:
        cluster.drop(name)


def test_activation_codes_want_an_organisation(beatrice: Beatrice, cluster: Cluster, fresh_database_name: str) -> None:
    url = cluster.owner_url(fresh_database_name)
    wrong = beatrice("activation-codes", "--organisation", "emp_1", DATABASE_URL=url)
    assert (wrong.exit_code, wrong.stdout) == (1, "")
    assert wrong.stderr.startswith("--organisation wants an id such as org_")
    none = beatrice("activation-codes", "--organisation", "org_01h455vb4pex5vsknk084sn02q", DATABASE_URL=url)
    assert (none.exit_code, none.stdout.split()) == (0, ["employee", "code", "valid", "until"])


def test_role_sql_names_the_database(beatrice: Beatrice) -> None:
    answer = beatrice("role-sql", DATABASE_URL="postgresql://127.0.0.1/welfare")
    assert answer.exit_code == 0
    assert 'GRANT CREATE ON DATABASE "welfare" TO beatrice_owner;' in answer.stdout.splitlines()
