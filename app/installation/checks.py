"""Whether this program may serve this database: asked before the first request."""

from collections.abc import Iterator, Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from app.config import Mode
from app.installation import queries
from app.installation.keys import keys_in_use, opens
from app.sealing import SealedColumn, newest_and_known


async def mark_problem(session: AsyncSession, mode: Mode) -> str | None:
    """Say why a database of its kind is not for this mode."""
    found = await queries.STATE.one(session)
    if mode == "sandbox":
        return "This is a database of production: the sandbox leaves it alone." if found.mode == "production" else None
    if found.mode is None:
        return "This database is not marked as production's: run `beatrice migrate` with BEATRICE_MODE=production."
    if found.mode == "sandbox":
        return "This database is a sandbox's and stays one: production needs a database of its own."
    return "The clock of this database was moved." if found.clock_moved else None


async def content_problem(session: AsyncSession, mode: Mode, columns: Sequence[SealedColumn]) -> str | None:
    """Say why what is stored is not for this mode, or not for these keys."""
    problem = await leftovers_problem(session, mode)
    if problem is None and (unfit := await sealed_problems(session, columns)):
        problem = "BEATRICE_SECRET_KEYS do not fit this database:\n" + "\n".join(unfit)
    return problem


async def leftovers_problem(session: AsyncSession, mode: Mode) -> str | None:
    """Say what of a demo world is in a database for production."""
    if mode == "sandbox":
        return None
    state = await queries.STATE.one(session)
    found = list(_leftovers(await queries.LEFTOVERS.one(session), clock_moved=state.clock_moved))
    return f"Not a database for production: {'; '.join(found)}." if found else None


def _leftovers(found: queries.Leftovers, *, clock_moved: bool) -> Iterator[str]:
    if clock_moved:
        yield "its clock was moved"
    if found.example_logins:
        yield "logins with addresses under .example"
    if found.shared_passwords:
        yield "logins that share one stored password"
    if found.test_keys:
        yield "live API keys of a sandbox (bea_test_...)"


async def sealed_problems(session: AsyncSession, columns: Sequence[SealedColumn]) -> list[str]:
    """Say which sealed columns the configured keys do not open, trying one value of each key that was used."""
    newest, _ = newest_and_known()
    problems = []
    for sealed in columns:
        for key_id, row in await keys_in_use(session, sealed):
            where = f"{sealed.table}.{sealed.column}"
            if not opens(sealed, row):
                problems.append(f"{where}: nothing opens what key {key_id.hex()} sealed")
            elif sealed.hash_column is not None and key_id != newest:
                problems.append(f"{where}: its index uses an older key; run `beatrice reseal`")
    return problems
