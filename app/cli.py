"""The command `beatrice`: run, serve, work, migrate, verify.

Exit codes: 0 done or stopped on request, 1 refused or failed with a message, 2 wrong use.
"""

import asyncio
import importlib
import importlib.util
import json
import socket
import sys
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, ParamSpec, TypeVar
from uuid import UUID

import psycopg
import structlog
import typer
import uvicorn
from pydantic import ValidationError
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table
from sqlalchemy import func, select
from sqlalchemy.engine import make_url

import migrations
from app import api, clock, ids, jobs, logs
from app.actor import SYSTEM
from app.audit import verify as verify_chain
from app.audit.chain import Head
from app.command_line import err, fail, out, told
from app.config import Mode, settings
from app.db import APP, APP_TIMEOUTS, WORKER, WORKER_TIMEOUTS, Model, Role, create_database, login_of
from app.errors import StateConflict
from app.identity import activation_codes as activation_codes_of
from app.identity.invitations import pending_activation_codes
from app.identity.lost_factors import remove_at_once
from app.identity.password_rules import DEMO_PASSWORD
from app.identity.proof import account_by_email
from app.identity.second_factor import is_confirmed
from app.identity.sessions import end_by_command
from app.installation import checks, keys
from app.ledger import verify
from app.main import create_app
from app.organisations import onboarding
from app.organisations.schemas import MemberInvite, OperatorCreate
from app.rule_commands import rules, tell_unsigned
from app.sandbox.logins import LOGINS
from app.serving import Addresses, Refused, conninfo, listen, open_database, serve_until_stopped, work_until_stopped
from migrations.roles import administrator_sql

log = structlog.get_logger()
cli = typer.Typer(
    help="Territorial welfare: company credit, local care, booking and settlement.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
cli.add_typer(rules, name="rules")
DATABASE_NAME = "beatrice"
T = TypeVar("T")
P = ParamSpec("P")


def command(function: Callable[P, None]) -> Callable[P, None]:
    """Register a command of its own."""
    return cli.command()(told(function))


@contextmanager
def _database_server() -> Iterator[Addresses]:
    """Give the addresses of the configured database, or of our own server while the block lasts."""
    configured = settings()
    if configured.database_url is not None:
        url = configured.database_url
        yield Addresses(app=url, worker=url, migration=configured.migration_url or url)
        return
    from app.sandbox import embedded_postgres  # production names its database and never loads this

    try:
        server = embedded_postgres.start(configured.data_dir)
    except embedded_postgres.EmbeddedPostgresError as error:
        raise Refused(str(error)) from None
    with server:
        with psycopg.connect(conninfo(server.url("postgres")), autocommit=True) as connection:
            exists = connection.execute("SELECT FROM pg_database WHERE datname = %s", [DATABASE_NAME]).fetchone()
            if exists is None:
                connection.execute(f'CREATE DATABASE "{DATABASE_NAME}"')
        yield Addresses(
            app=server.url(DATABASE_NAME, "beatrice_app"),
            worker=server.url(DATABASE_NAME, "beatrice_worker"),
            migration=server.url(DATABASE_NAME),
        )


def _run(main: Coroutine[None, None, T]) -> T:
    """Run on the fastest loop there is."""
    with asyncio.Runner(loop_factory=uvicorn.Config("app", log_config=None).get_loop_factory()) as runner:
        return runner.run(main)


# What serves


@command
def run() -> None:
    """Start everything: database, demo world, API and worker, in one process."""
    logs.configure(console=sys.stdout.isatty())
    configured = settings()
    if not configured.sandbox:
        raise Refused("`beatrice run` is for the sandbox; in production use `beatrice serve` and `beatrice worker`.")
    tell_unsigned()
    with listen(configured.host, configured.port) as listening, _database_server() as addresses:
        out.print("Preparing the database ...", style="dim")
        migrations.upgrade(addresses.migration)
        _run(_mark(addresses.migration, "sandbox"))
        has_demo = _run(_load_demo(addresses))
        _run(serve_until_stopped(addresses, listening, work=True, ready=lambda: _welcome(listening, has_demo=has_demo)))


@command
def serve(
    worker: Annotated[bool, typer.Option("--worker", help="Run the worker in this process too.")] = False,  # noqa: FBT002
) -> None:
    """Serve the API on a database that `beatrice migrate` prepared."""
    logs.configure()
    configured = settings()
    _require_mode()
    tell_unsigned()
    with listen(configured.host, configured.port) as listening, _database_server() as addresses:
        _run(_check_login(addresses.app))
        _run(_check_database(addresses.app))
        _run(serve_until_stopped(addresses, listening, work=worker, ready=lambda: _started(listening)))


@command
def worker() -> None:
    """Run jobs and deadlines until stopped."""
    logs.configure()
    _require_mode()
    tell_unsigned()
    with _database_server() as addresses:
        _run(_check_login(addresses.worker))
        _run(_check_database(addresses.worker, WORKER))
        _run(work_until_stopped(addresses))


async def _check_login(url: str) -> None:
    """Refuse an empty database, and in production a login that could change the tables."""
    async with open_database(url, APP_TIMEOUTS) as database, database.session() as session:
        login = await login_of(session)
    if not login.has_tables:
        raise Refused("The database is empty: run `beatrice migrate` first.")
    if settings().mode == "production" and (login.is_superuser or login.may_be_owner):
        kind = "a superuser" if login.is_superuser else "an owner of the tables"
        raise Refused(
            f"The login {login.name} is {kind}. In production DATABASE_URL names beatrice_app (serve) or"
            " beatrice_worker (worker); only `beatrice migrate` uses the owner, by BEATRICE_MIGRATION_URL."
        )


def _require_mode() -> None:
    """Refuse to serve somebody's database in a mode that nobody chose: the default one publishes its secrets."""
    configured = settings()
    if configured.database_url is not None and not configured.mode_given:
        raise Refused("DATABASE_URL names a database of your own: say BEATRICE_MODE=production, or =sandbox.")


async def _check_database(url: str, role: Role = APP) -> None:
    """Refuse a database that is not fit to be served: of the other mode, a demo's, or sealed with other keys."""
    async with open_database(url, WORKER_TIMEOUTS) as database, database.begin(role) as session:
        problem = await checks.mark_problem(session, settings().mode)
        if problem is None and role == APP:
            problem = await checks.content_problem(session, settings().mode, api.SEALED)
    if problem is not None:
        raise Refused(problem)


async def _mark(url: str, mode: Mode) -> None:
    """Let the database say what it is, from now on."""
    async with open_database(url, WORKER_TIMEOUTS) as database:
        async with database.begin() as session:
            problem = await checks.leftovers_problem(session, mode)
        if problem is not None:
            raise Refused(problem)
        found = migrations.mark(url, mode)
    if found != mode:
        raise Refused(f"This database was marked as one of {found} before: that never changes.")


async def _load_demo(addresses: Addresses) -> bool:
    """Load the demo world into an empty database; tell whether there is one."""
    if importlib.util.find_spec("app.sandbox.demo") is None:
        out.print("There is no demo world in this version: the database stays as it is.", style="dim")
        return False
    demo = importlib.import_module("app.sandbox.demo")
    async with open_database(addresses.app, WORKER_TIMEOUTS) as database:
        if await demo.is_empty(database):
            await demo.load(database, lambda line: out.print(f"  {line}", style="dim", markup=False))
    return True


def _address(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _welcome(listening: socket.socket, *, has_demo: bool) -> None:
    address = _address(listening)
    out.print(f"\nBeatrice is ready: [bold]{address}[/bold] (Ctrl-C ends)", soft_wrap=True)
    out.print(f"The API's documentation: {address}/docs (Authorize logs in)\n", soft_wrap=True)
    if has_demo:
        table = Table("log in as", "who that is", box=None, pad_edge=False)
        for login, who in LOGINS:
            table.add_row(login, who)
        out.print(table)
        out.print(f"The password of every login is [bold]{DEMO_PASSWORD}[/bold]\n")


def _started(listening: socket.socket) -> None:
    log.info("api_started", address=_address(listening))


# What administers


@command
def migrate() -> None:
    """Create missing roles, bring tables and database code up to date; safe to repeat."""
    configured = settings()
    with _database_server() as addresses:
        migrations.upgrade(addresses.migration, out.print)
        if configured.mode_given:
            _run(_mark(addresses.migration, configured.mode))


@command
def reseal() -> None:
    """Seal everything anew with the newest key, so that older keys can go; safe to break off and repeat."""
    with _database_server() as addresses:
        waiting = _run(_reseal(addresses.migration))
    if waiting:
        fail("Not sealed with the newest key: " + ", ".join(f"{name} {count}" for name, count in waiting.items()))
    out.print("Everything is sealed with the newest key: the older ones may go.", soft_wrap=True)


async def _reseal(url: str) -> dict[str, int]:
    """Return what is still sealed with an older key, by column: what no key opens, or was written meanwhile."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    waiting: dict[str, int] = {}
    async with open_database(url, WORKER_TIMEOUTS) as database:
        with Progress(*columns, console=err, transient=True, disable=not sys.stderr.isatty()) as progress:
            for sealed in api.SEALED:
                name = f"{sealed.table}.{sealed.column}"
                async with database.begin(keys.OWNER) as session:
                    task = progress.add_task(name, total=await keys.left(session, sealed))
                async for batch in keys.reseal(database, sealed):
                    progress.advance(task, batch.resealed)
                async with database.begin(keys.OWNER) as session:
                    if count := await keys.left(session, sealed):
                        waiting[name] = count
    return waiting


@command
def verify_ledger() -> None:
    """Recompute every account from its transfers; exit code 1 if one does not add up."""
    with _database_server() as addresses:
        report = _run(_verify(addresses.worker))
    rows = ", ".join(f"{count} {table.replace('_', ' ')}s" for table, count in report.checked.items())
    if report.ok:
        out.print(f"Every account adds up ({rows}).", soft_wrap=True)
        return
    first = report.differences[0]
    amounts = "" if first.stored is None else f": {first.stored} cents stored, {first.recomputed} recomputed"
    fail(f"The ledger does not add up. First difference: {first.table} {first.id}, {first.problem}{amounts}.")


async def _verify(url: str) -> verify.Report:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    async with open_database(url, WORKER_TIMEOUTS) as database:
        with Progress(*columns, console=err, transient=True, disable=not sys.stderr.isatty()) as progress:
            async with database.begin(jobs.WORKER_ROLE) as session:
                tasks = {}
                for each in api.PASSES:
                    total = await session.scalar(select(func.count()).select_from(Model.metadata.tables[each.table]))
                    tasks[each.name] = progress.add_task(each.name.replace("_", " ") + "s", total=total)
                report = await verify.verify(
                    session, api.PASSES, progress=lambda name, done: progress.update(tasks[name], completed=done)
                )
                await verify.record(session, report)
    return report


@command
def verify_audit(
    heads: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="Exported heads: their file, or the worker's log.")
    ] = None,
) -> None:
    """Recompute the chain of the audit trail; exit code 1 with the first difference, a tail that was cut included."""
    exported = [] if heads is None else verify_chain.heads_in(heads)
    if heads is not None and not exported:
        raise Refused("--heads: there is no head in this file.")
    with _database_server() as addresses:
        verdict = _run(_verify_audit(addresses.worker, exported))
    if verdict.problem is not None:
        fail(f"The audit trail was changed: {verdict.problem}.")
    out.print(f"The audit trail is whole ({verdict.entries} entries, {verdict.heads} heads).", soft_wrap=True)


async def _verify_audit(url: str, exported: list[Head]) -> verify_chain.Verdict:
    async with open_database(url, WORKER_TIMEOUTS) as database, database.begin(jobs.WORKER_ROLE) as session:
        return await verify_chain.verify(session, exported)


@command
def openapi() -> None:
    """Print the OpenAPI document."""
    app = create_app(create_database("postgresql+psycopg://"))
    sys.stdout.write(json.dumps(app.openapi(), indent=2, ensure_ascii=False) + "\n")


@command
def activation_codes(
    organisation: Annotated[str, typer.Option("--organisation", help="The organisation's id (org_...).")],
    forgive: Annotated[str | None, typer.Option("--forgive", help="An employee (emp_...) who may try again.")] = None,
) -> None:
    """List the activation codes of open invitations, for the letters or the help desk; HR never sees them."""
    try:
        organisation_id = ids.decode("org", organisation)
        forgiven = None if forgive is None else ids.decode("emp", forgive)
    except ValueError:
        raise Refused("--organisation wants an id such as org_01h455vb4pex5vsknk084sn02q, --forgive emp_...") from None
    with _database_server() as addresses:
        table = _run(_activation_codes(addresses.app, organisation_id, forgiven))
    out.print(table)


async def _activation_codes(url: str, organisation_id: UUID, forgiven: UUID | None) -> Table:
    async with open_database(url, APP_TIMEOUTS) as database, database.begin() as session:
        if forgiven is not None:
            await activation_codes_of.forgive(session, organisation_id, forgiven)
        codes = await pending_activation_codes(session, organisation_id)
    table = Table("employee", "code", "valid until", box=None, pad_edge=False)
    for code in codes:
        table.add_row(ids.encode("emp", code.employee_id), code.code, clock.rfc3339(code.expires_at))
    return table


@command
def remove_second_factor(
    email: Annotated[str, typer.Option("--email", help="Whose device and recovery codes are lost.")],
) -> None:
    """Take a lost second factor away, for the operator's own people; she is told by mail."""
    with _database_server() as addresses:
        _run(_remove_second_factor(addresses.app, email.strip().lower()))
    out.print(f"{email} logs in with the password alone, until there is a new second factor.", markup=False)


async def _remove_second_factor(url: str, email: str) -> None:
    async with open_database(url, APP_TIMEOUTS) as database, database.begin() as session:
        account = await account_by_email(session, email)
        if account is None or not await is_confirmed(session, account.id):
            raise Refused("This address has no login with a second factor.")
        await remove_at_once(session, SYSTEM, account.id)


@command
def end_sessions(email: Annotated[str, typer.Option("--email", help="Whose sessions end.")]) -> None:
    """End all sessions of one person at once: a token was stolen, a device is lost."""
    with _database_server() as addresses:
        _run(_end_sessions(addresses.app, email.strip().lower()))
    out.print(f"{email} has no session any more.", markup=False)


async def _end_sessions(url: str, email: str) -> None:
    async with open_database(url, APP_TIMEOUTS) as database, database.begin() as session:
        account = await account_by_email(session, email)
        if account is None:
            raise Refused("This address has no login.")
        await end_by_command(session, SYSTEM, account.id)


@command
def create_operator(
    name: Annotated[str, typer.Option("--name", help="The operator's legal name, as bank transfers show it.")],
    tax_code: Annotated[str, typer.Option("--tax-code", help="11 digits.")],
    email: Annotated[str, typer.Option("--email", help="Who is invited as its first administrator.")],
) -> None:
    """Create the operator of an empty installation and invite its first administrator by mail; once."""
    try:
        wanted = OperatorCreate(name=name, tax_code=tax_code)
        invited = MemberInvite(email=email, roles=list(onboarding.OPERATOR_ROLES))
    except ValidationError as error:
        wrong = error.errors(include_input=False, include_url=False)[0]
        option = str(wrong["loc"][0]).replace("_", "-")
        raise Refused(f"--{option}: {wrong['msg']}") from None
    with _database_server() as addresses:
        organisation_id = _run(_create_operator(addresses.app, wanted, invited.email))
    out.print(f"{organisation_id} is the operator; the worker mails the invitation to {invited.email}.", markup=False)


async def _create_operator(url: str, wanted: OperatorCreate, email: str) -> str:
    async with open_database(url, APP_TIMEOUTS) as database, database.begin() as session:
        try:
            created = await onboarding.create_operator(session, wanted, email)
        except StateConflict as error:
            raise Refused(error.detail) from None
    return ids.encode("org", created.id)


@command
def role_sql() -> None:
    """Print the SQL with which an administrator creates the database roles."""
    url = settings().migration_url or settings().database_url
    name = (make_url(url).database if url else None) or DATABASE_NAME
    sys.stdout.write(administrator_sql(name) + "\n")


def main() -> None:
    cli()
