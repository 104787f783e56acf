"""Reads and locks of slots; tenant scope is in every statement."""

from sqlalchemy import text

_SLOT = (
    "SELECT s.id, s.provider_id, s.offering_id, s.starts_at, s.ends_at, s.capacity, s.taken,"
    " s.capacity - s.taken AS seats_left, s.status, s.created_at, s.version FROM slot s"
)
_OWN = _SLOT + " WHERE s.provider_id = :provider"
_PAGE = (
    " AND s.starts_at >= :period_from AND s.starts_at < :period_to"
    " AND (s.starts_at, s.id) > (CAST(:after_start AS timestamptz), CAST(:after_id AS uuid))"
    " ORDER BY s.starts_at, s.id LIMIT :limit"
)
# Whether the offering is visible at all was asked before.
BOOKABLE = text(
    _SLOT + " JOIN offering o ON o.id = s.offering_id"
    " WHERE s.offering_id = :offering AND s.status = 'open' AND s.taken < s.capacity"
    " AND s.starts_at > :now + make_interval(hours => o.min_notice_hours)" + _PAGE
)
OF_OFFERING = text(_OWN + " AND s.offering_id = :offering" + _PAGE)
ONE = text(_OWN + " AND s.id = :id")
ONE_LOCKED = text(_OWN + " AND s.id = :id FOR NO KEY UPDATE")
# A slot asked for twice needs two seats. Locks are taken in id order, whatever order was asked in. The new number comes
# from the locked row: counting up slot.taken would check the CHECK against the statement's older snapshot first.
TAKE = text("""
    WITH asked AS MATERIALIZED (
        SELECT given.id, count(*) AS seats FROM unnest(CAST(:slots AS uuid[])) AS given (id) GROUP BY given.id
    ), locked AS MATERIALIZED (
        SELECT s.id, s.status, s.capacity, s.taken
        FROM slot s WHERE s.id = ANY(CAST(:slots AS uuid[])) ORDER BY s.id FOR NO KEY UPDATE
    ), took AS (
        UPDATE slot SET taken = locked.taken + asked.seats
        FROM locked JOIN asked ON asked.id = locked.id
        WHERE slot.id = locked.id AND locked.status = 'open' AND locked.taken + asked.seats <= locked.capacity
        RETURNING slot.id
    )
    SELECT asked.id, locked.status, took.id IS NOT NULL AS took
    FROM asked LEFT JOIN locked ON locked.id = asked.id LEFT JOIN took ON took.id = asked.id
""")
LOCK = text("SELECT id FROM slot WHERE id = ANY(CAST(:slots AS uuid[])) ORDER BY id FOR NO KEY UPDATE")
GIVE_BACK = text("""
    WITH given AS MATERIALIZED (
        SELECT row.id, count(*) AS seats FROM unnest(CAST(:slots AS uuid[])) AS row (id) GROUP BY row.id
    ), locked AS MATERIALIZED (
        SELECT s.id, s.taken FROM slot s WHERE s.id = ANY(CAST(:slots AS uuid[])) ORDER BY s.id FOR NO KEY UPDATE
    )
    UPDATE slot SET taken = locked.taken - given.seats
    FROM locked JOIN given ON given.id = locked.id WHERE slot.id = locked.id
""")
