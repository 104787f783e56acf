"""What a person has chosen on her way to a booking: it goes along while she looks at another week or adds somebody."""

import re
from dataclasses import dataclass
from urllib.parse import urlencode

from starlette.datastructures import ImmutableMultiDict
from starlette.requests import Request

from app.portal import forms

SLOTS = "slot_ids[]"
NAMES = ("week", SLOTS, "beneficiary_id", "credit", "at_home")
"""The last: whether somebody comes home, so that an address is needed."""
OFFERING = re.compile(r"off_[0-9a-z]{26}")
MOST_SLOTS = 60


@dataclass(frozen=True)
class Chosen:
    """An offering (`""`: none), and what was chosen there, in the order of its form."""

    offering: str
    pairs: tuple[tuple[str, str], ...]

    @property
    def slots(self) -> list[str]:
        return [value for name, value in self.pairs if name == SLOTS]

    def first(self, name: str) -> str:
        """Return the first value of a name, `""` where there is none."""
        return next((value for known, value in self.pairs if known == name), "")

    def at(self, **other: str) -> str:
        """Return the address of the offering with all of it there, some of it otherwise."""
        kept = [pair for pair in self.pairs if pair[0] not in other]
        return f"/offerings/{self.offering}?" + urlencode([*kept, *other.items()]) + "#when"

    def along(self, path: str) -> str:
        """Return the address of another page from which the way leads back."""
        return f"{path}?" + urlencode([("offering", self.offering), *self.pairs]) if self.offering else path


def chosen(request: Request, offering: str = "") -> Chosen:
    """Read it from the form that came back, else from the address."""
    refused: forms.Refused | None = getattr(request.state, "refused", None)
    if refused is not None and refused.values:
        typed = ImmutableMultiDict([(name, value) for name, rows in refused.values.items() for value in rows])
        return of_form(typed, offering)
    return of_form(request.query_params, offering)


def of_form(form: forms.Typed, offering: str = "") -> Chosen:
    """Read it from what a form holds; what is no offering's id leads nowhere."""
    named = offering or str(form.get("offering", ""))
    pairs = [(name, str(value)) for name in NAMES for value in form.getlist(name) if value]
    known = [pair for pair in pairs if pair[0] != SLOTS]
    slots = [pair for pair in pairs if pair[0] == SLOTS][:MOST_SLOTS]
    return Chosen(named if OFFERING.fullmatch(named) else "", (*known, *slots))
