"""What the demo's own files say (`data/*.toml`), in the shapes that its steps read."""

import tomllib
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from importlib.resources import files
from typing import ClassVar, Literal, TypeVar

from pydantic import ConfigDict, TypeAdapter

F = TypeVar("F")
Generation = Literal["children", "adult", "old"]


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A table of a file: a key that nothing reads is a mistake."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")


@dataclass(frozen=True, kw_only=True)
class PartyEntry(Entry):
    """An organisation: its name and where it sits."""

    slug: str
    name: str
    street: str
    number: str
    istat: str


@dataclass(frozen=True, kw_only=True)
class PublicPartyEntry(PartyEntry):
    """An organisation that neither pays nor gives care."""

    kinds: list[str]
    alliance_role: str | None = None
    logins: dict[str, list[str]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class CompanyEntry(PartyEntry):
    """A company: how many people of each category, what each gets, what was paid in."""

    code: str
    reading: str
    top_up_cents: int
    categories: dict[str, int]
    on_top_cents: dict[str, int]
    agreement_cents: dict[str, int]
    fee_funding: str


@dataclass(frozen=True, kw_only=True)
class ProviderEntry(PartyEntry):
    """A provider: what it offers, to whom, at which price against the services' own."""

    area: str
    price_bps: int
    about: str
    offers: list[str]
    history: list[str] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class ServiceEntry(Entry):
    """A service with its terms and its hours; open ends follow the demo's own weeks."""

    name: str
    description: str
    category: str
    mode: str
    unit: str
    price_cents: int
    vat: str
    confirmation: str
    times: list[str]
    minutes: int
    capacity: int = 1
    days: list[int] = field(default_factory=lambda: [0, 1, 2, 3, 4])
    access: str = "free"
    min_age: int | None = None
    max_age: int | None = None
    here: bool = False
    open_from: date | None = None
    open_to: date | None = None


@dataclass(frozen=True, kw_only=True)
class Parties(Entry):
    """The alliance and everybody in it but the providers."""

    network: str
    alliance: str
    party: list[PublicPartyEntry]
    company: list[CompanyEntry]


@dataclass(frozen=True, kw_only=True)
class Providers(Entry):
    """The providers."""

    provider: list[ProviderEntry]


@dataclass(frozen=True, kw_only=True)
class Names(Entry):
    """What people and streets are called."""

    male: list[str]
    female: list[str]
    old_male: list[str]
    old_female: list[str]
    children: list[str]
    family: list[str]
    streets: list[str]
    postcodes: dict[str, str]

    def given(self, generation: Generation, *, female: bool) -> list[str]:
        """The given names of a generation; children's are for all."""
        match generation:
            case "children":
                return self.children
            case "old":
                return self.old_female if female else self.old_male
            case "adult":
                return self.female if female else self.male


@cache
def parties() -> Parties:
    return _read("parties", TypeAdapter(Parties))


@cache
def providers() -> list[ProviderEntry]:
    return _read("providers", TypeAdapter(Providers)).provider


@cache
def services() -> dict[str, ServiceEntry]:
    return _read("services", TypeAdapter(dict[str, ServiceEntry]))


@cache
def names() -> Names:
    return _read("names", TypeAdapter(Names))


def _read(name: str, adapter: TypeAdapter[F]) -> F:
    text = (files("app.sandbox") / "data" / f"{name}.toml").read_text(encoding="utf-8")
    return adapter.validate_python(tomllib.loads(text))
