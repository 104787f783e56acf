"""Money: integer euro cents, rates in basis points, one rounding rule (half up, largest remainder)."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

MAX_CENTS = 100_000_000
"""At most one million euro in one field of a request."""

Cents = Annotated[int, Field(ge=0, le=MAX_CENTS, examples=[2250])]
PositiveCents = Annotated[int, Field(ge=1, le=MAX_CENTS, examples=[2250])]
BasisPoints = Annotated[int, Field(ge=0, le=10_000, examples=[200])]


def half_up(numerator: int, denominator: int) -> int:
    """Divide non-negative integers, rounding half up."""
    return (2 * numerator + denominator) // (2 * denominator)


def share_bps(amount_cents: int, bps: int) -> int:
    return half_up(amount_cents * bps, 10_000)


def included_vat(gross_cents: int, rate_bps: int) -> int:
    """Return the VAT contained in a gross amount (157.50 at 5 % contains 7.50)."""
    return gross_cents - half_up(gross_cents * 10_000, 10_000 + rate_bps)


def split(total_cents: int, weights: Sequence[int]) -> list[int]:
    """Split a total in proportion to weights: every cent is placed, spare cents by largest remainder, then position."""
    whole = sum(weights)
    if whole == 0:
        return [0] * len(weights)
    shares = [total_cents * weight // whole for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda index: (-(total_cents * weights[index] % whole), index))
    for index in by_remainder[: total_cents - sum(shares)]:
        shares[index] += 1
    return shares


def euro(amount_cents: int) -> str:
    """Format cents as Italian text (`1.234,50`)."""
    euros, cents = divmod(abs(amount_cents), 100)
    sign = "-" if amount_cents < 0 else ""
    return f"{sign}{euros:,}".replace(",", ".") + f",{cents:02d}"
