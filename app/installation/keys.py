"""Which keys sealed what is stored, and sealing it anew with the newest."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import ColumnElement, Table, bindparam, func, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.db import Database, Model
from app.sealing import (
    KEY_ID_BYTES,
    SealedColumn,
    Unreadable,
    context_of,
    decrypt,
    encrypt,
    keyed_hash,
    newest_and_known,
)

OWNER = "beatrice_owner"
BATCH = 500
Value = UUID | bytes | str
Row = Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Batch:
    """What became of some rows; `last` is the key of the last one, None at the end."""

    resealed: int
    unreadable: int
    last: tuple[Value, ...] | None


def _table(sealed: SealedColumn) -> Table:
    return Model.metadata.tables[sealed.table]


def _key_id(sealed: SealedColumn) -> ColumnElement[bytes]:
    return func.substr(_table(sealed).c[sealed.column], 1, KEY_ID_BYTES)


def _columns(sealed: SealedColumn) -> list[str]:
    return list(dict.fromkeys((*sealed.key, *sealed.context, sealed.column)))


async def keys_in_use(session: AsyncSession, sealed: SealedColumn) -> list[tuple[bytes, Row]]:
    """Return each key id that a column's values name, with one row of it."""
    found: list[tuple[bytes, Row]] = []
    table = _table(sealed)
    while True:
        another = select(*(table.c[name] for name in _columns(sealed))).where(
            table.c[sealed.column].is_not(None), _key_id(sealed).not_in([key_id for key_id, _ in found])
        )
        row = (await session.execute(another.limit(1))).mappings().first()
        if row is None:
            return found
        values = {name: row[name] for name in _columns(sealed)}
        found.append((bytes(values[sealed.column])[:KEY_ID_BYTES], values))


def opens(sealed: SealedColumn, row: Row) -> bool:
    try:
        _plain(sealed, row)
    except Unreadable:
        return False
    return True


def _plain(sealed: SealedColumn, row: Row) -> bytes:
    value = row[sealed.column]
    return decrypt(sealed.purpose, value if isinstance(value, bytes) else b"", _context(sealed, row))


def _context(sealed: SealedColumn, row: Row) -> bytes:
    return context_of(*(row[name] for name in sealed.context))


async def left(session: AsyncSession, sealed: SealedColumn) -> int:
    """Return how many values another key than the newest sealed."""
    newest, _ = newest_and_known()
    counted = select(func.count()).select_from(_table(sealed)).where(_key_id(sealed) != newest)
    return await session.scalar(counted) or 0


async def reseal(database: Database, sealed: SealedColumn) -> AsyncIterator[Batch]:
    """Seal a column anew, a batch in each transaction; begun again it goes on with what is left."""
    after: tuple[Value, ...] | None = None
    while True:
        async with database.begin(OWNER) as session:
            batch = await _reseal_batch(session, sealed, after)
        yield batch
        if batch.last is None:
            return
        after = batch.last


async def _reseal_batch(session: AsyncSession, sealed: SealedColumn, after: tuple[Value, ...] | None) -> Batch:
    table, (newest, _) = _table(sealed), newest_and_known()
    key, at_once = [table.c[name] for name in sealed.key], min(BATCH, sealed.at_once)
    waiting = select(*(table.c[name] for name in _columns(sealed))).where(_key_id(sealed) != newest)
    if after is not None:
        waiting = waiting.where(tuple_(*key) > tuple_(*after))
    rows = (await session.execute(waiting.order_by(*key).limit(at_once).with_for_update())).mappings().all()
    changed = []
    for row in rows:
        try:
            changed.append(_anew(sealed, {name: row[name] for name in _columns(sealed)}))
        except Unreadable:
            continue
    if changed:
        anew = update(table).where(*(table.c[name] == bindparam(f"key_{name}") for name in sealed.key))
        await session.execute(anew.values({name: bindparam(f"new_{name}") for name in _written(sealed)}), changed)
    last = tuple(rows[-1][name] for name in sealed.key) if len(rows) == at_once else None
    return Batch(len(changed), len(rows) - len(changed), last)


def _written(sealed: SealedColumn) -> Sequence[str]:
    return [sealed.column] if sealed.hash_column is None else [sealed.column, sealed.hash_column]


def _anew(sealed: SealedColumn, row: Row) -> dict[str, Value]:
    plain = _plain(sealed, row)
    values: dict[str, Value] = {f"key_{name}": row[name] for name in sealed.key}
    values[f"new_{sealed.column}"] = encrypt(sealed.purpose, plain, _context(sealed, row))
    if sealed.hash_column is not None:
        values[f"new_{sealed.hash_column}"] = keyed_hash(sealed.purpose, plain)
    return values
