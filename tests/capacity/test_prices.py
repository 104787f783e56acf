"""The price of a day: search and lists ask SQL, a quote asks Python; both say the same."""

from datetime import date, timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.capacity.queries import DatedPrice

FIRST = date(2026, 11, 23)


async def test_sql_and_python_agree_on_the_price_of_a_day(session: AsyncSession) -> None:
    days = [FIRST + timedelta(days=offset) for offset in range(-1, 4)]
    for begins, ends in ((0, None), (0, 1), (0, 2), (1, 2)):
        price = DatedPrice(
            22_50, FIRST + timedelta(days=begins), None if ends is None else FIRST + timedelta(days=ends)
        )
        found = await session.execute(
            text(
                "SELECT price_holds(CAST(:valid_from AS date), CAST(:valid_to AS date), day)"
                " FROM unnest(CAST(:days AS date[])) WITH ORDINALITY AS asked (day, place) ORDER BY place"
            ),
            {"valid_from": price.valid_from, "valid_to": price.valid_to, "days": days},
        )
        expected = [begins <= offset and (ends is None or offset < ends) for offset in range(-1, 4)]
        assert list(found.scalars()) == [price.holds_on(day) for day in days] == expected
