"""Settings, read from the environment once; docs/settings.md lists them all."""

import base64
import hashlib
import ipaddress
import itertools
import os
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict
from pydantic import Field, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

SANDBOX_SECRET = base64.urlsafe_b64encode(hashlib.sha256(b"beatrice sandbox").digest()).decode()
"""Published on purpose: sandbox data are not secret. Production refuses it."""


SANDBOX_IBAN = "IT60X0542811101000000123456"
"""A published example: nobody's account."""
KEY_BYTES = 32
LEAST_DISTINCT = 16
"""Of 32 random bytes (and of the steps between them) about 30 differ; fewer than 16 never do."""
BOUNDS = {
    "password_hash_memory_kib": (19 * 1024, 4 * 1024 * 1024),
    "password_hash_time_cost": (2, 20),
    "session_hours": (1, 24),
    "login_attempts_per_account": (1, 1_000),
    "login_attempts_per_address": (1, 1_000),
    "requests_per_minute": (1, 12_000),
    "pool_size": (1, 100),
    "webhook_timeout_seconds": (5, 30),
}
"""What production accepts, both included: OWASP's floor for Argon2id, and limits that still limit."""
APPROVING_ROLE_HOURS = 24
IBAN_HOLD_HOURS = 72
"""Production waits at least so long."""
ORIGIN = re.compile(r"https://[a-z0-9.-]+(:\d{1,5})?|http://(localhost|127\.0\.0\.1)(:\d{1,5})?")
"""A browser's `Origin`; without TLS only on the developer's own machine."""
Mode = Literal["sandbox", "production"]


class Settings(BaseSettings):
    """What an administrator may choose; every default suits the sandbox."""

    model_config = SettingsConfigDict(env_prefix="BEATRICE_", extra="ignore", frozen=True)

    mode: Mode = "sandbox"
    database_url: str | None = Field(default=None, validation_alias="DATABASE_URL")
    migration_url: str | None = None
    data_dir: Path = Path(".beatrice")
    host: str = "127.0.0.1"
    port: int = Field(default=8000, validation_alias="PORT")
    secret_keys: Annotated[tuple[str, ...], NoDecode] = (SANDBOX_SECRET,)
    """Base64url keys of 32 bytes, newest first; older ones still decrypt."""
    sandbox_now: datetime = datetime.fromisoformat("2026-11-23T09:00:00+01:00")
    sandbox_clock: bool = True
    """False: the sandbox runs on real time (load tests)."""
    smtp_url: str | None = None
    mail_from: str = "Beatrice <noreply@beatrice.example>"
    public_url: str = Field(default_factory=lambda known: f"http://127.0.0.1:{known['port']}")
    password_hash_time_cost: int = 3
    password_hash_memory_kib: int = 65_536
    session_hours: int = 12
    staff_idle_minutes: int = Field(default=30, ge=1, le=1_440)
    """How long a session of somebody who holds a role may lie unused."""
    step_up: bool = False
    """Ask for a fresh proof before acts that need it, in the sandbox too; production always does."""
    cors_origins: Annotated[tuple[str, ...], NoDecode] = ()
    """Origins whose pages may call everything from a browser; the public catalogue is open to all."""
    requests_per_minute: int = 1_200
    """Per caller and process; login, resets and invitations have their own limits in the database."""
    login_attempts_per_account: int = 100
    login_attempts_per_address: int = 1_000
    pool_size: int = 10
    free_minutes: int = 30
    """After booking, cancelling is free for so long, even where the free period is over already."""
    dispute_days: int = 60
    """Until so many days after its date a unit may be disputed."""
    decision_days: int = 14
    """Within so many days a dispute should be decided."""
    unanswered_grace_days: int = 14
    """Of credit freed because a request made in the lot's last days (the window) was not answered."""
    payout_days: int = 10
    """Days from a settlement's cutoff to its payment."""
    approving_role_hours: int | None = Field(default=None, ge=0, le=720)
    """How long a new approving role waits unless another holder confirms it; None: 24, in the sandbox 0."""
    operator_iban: str = SANDBOX_IBAN
    iban_hold_hours: int = Field(default=IBAN_HOLD_HOURS, ge=0)
    """From the request of a bank account to the first payment to it."""
    rule_signatures: Path | None = None
    """Where this installation keeps who signed which row of law; None: beside the rows."""
    boundaries: Path | None = None
    """A boundary file of municipalities (GeoJSON) for the maps of the pages."""
    serve_docs: bool = False
    """Show `/docs` and `/openapi.json` in production too."""
    serve_metrics: bool = False
    """Show `/metrics` in production too: to whoever reaches the port."""
    webhook_loopback: bool = True
    """Let the sandbox call its own machine; production never does."""
    webhook_timeout_seconds: float = Field(default=15.0, gt=0)
    """For one try, from the look-up of the name to the answer."""
    audit_heads_dir: Path | None = None
    """Where the worker writes the audit trail's signed heads, besides the log: a folder outside of the database."""
    audit_heads_mail: Annotated[tuple[str, ...], NoDecode] = ()
    """To whom it mails them: addresses, and `administrators` for those of the operator and of alliances' leads."""

    @field_validator("secret_keys", "cors_origins", "audit_heads_mail", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("cors_origins")
    @classmethod
    def _origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not all(ORIGIN.fullmatch(origin) for origin in value):
            raise ValueError("BEATRICE_CORS_ORIGINS: write origins such as https://app.example.org, without a path")
        return value

    @field_validator("database_url", "migration_url")
    @classmethod
    def _psycopg(cls, value: str | None) -> str | None:
        if value is None:
            return None
        scheme, separator, rest = value.partition("://")
        if not separator or not scheme.startswith("postgres"):
            raise ValueError("a PostgreSQL URL is needed")
        return f"postgresql+psycopg://{rest}"

    @model_validator(mode="after")
    def _keys_are_keys(self) -> "Settings":
        if not self.secret_keys:
            raise ValueError("BEATRICE_SECRET_KEYS: at least one key is needed")
        for key in self.secret_keys:
            if len(base64.urlsafe_b64decode(key)) != KEY_BYTES:
                raise ValueError("BEATRICE_SECRET_KEYS: each key is 32 bytes in base64url")
        return self

    @model_validator(mode="after")
    def _production_is_strict(self) -> "Settings":
        for problem in _weaknesses(self) if self.mode == "production" else ():
            raise ValueError(problem)
        return self

    @property
    def mode_given(self) -> bool:
        """Whether somebody chose the mode; a database of one's own is never served by default."""
        return "mode" in self.model_fields_set

    @property
    def shows_docs(self) -> bool:
        return self.sandbox or self.serve_docs

    @property
    def shows_metrics(self) -> bool:
        return self.sandbox or self.serve_metrics

    @model_validator(mode="after")
    def _production_waits(self) -> "Settings":
        if not self.sandbox and self.approving_role_delay < timedelta(hours=APPROVING_ROLE_HOURS):
            raise ValueError("BEATRICE_APPROVING_ROLE_HOURS: production waits for at least 24 hours")
        if not self.sandbox and self.iban_hold_hours < IBAN_HOLD_HOURS:
            raise ValueError("BEATRICE_IBAN_HOLD_HOURS: production waits for at least 72 hours")
        return self

    @property
    def approving_role_delay(self) -> timedelta:
        hours = self.approving_role_hours
        return timedelta(hours=hours if hours is not None else 0 if self.sandbox else APPROVING_ROLE_HOURS)

    @property
    def asks_for_step_up(self) -> bool:
        return self.step_up or not self.sandbox

    @property
    def calls_loopback(self) -> bool:
        return self.sandbox and self.webhook_loopback

    @property
    def sandbox(self) -> bool:
        return self.mode == "sandbox"


def _weaknesses(given: Settings) -> Iterator[str]:
    """Say what production refuses."""
    yield from _weak_keys(given)
    if given.database_url is None:
        yield "DATABASE_URL: production needs its own PostgreSQL"
    if given.smtp_url is None:
        yield "BEATRICE_SMTP_URL: production sends real mail"
    if given.operator_iban == SANDBOX_IBAN:
        yield "BEATRICE_OPERATOR_IBAN: production pays from an account of its own"
    if any(not origin.startswith("https://") for origin in given.cors_origins):
        yield "BEATRICE_CORS_ORIGINS: production answers pages that came by https"
    if not given.public_url.startswith("https://"):
        yield "BEATRICE_PUBLIC_URL: links in mails lead to an https address"
    for name, url in (("DATABASE_URL", given.database_url), ("BEATRICE_MIGRATION_URL", given.migration_url)):
        if url is not None and _unverified(url):
            yield f"{name}: a database on another host needs sslmode=verify-full, or nobody knows who answers"
    for name, (least, most) in BOUNDS.items():
        if not least <= getattr(given, name) <= most:
            yield f"BEATRICE_{name.upper()}: production accepts {least} to {most}"


def _weak_keys(given: Settings) -> Iterator[str]:
    keys = [base64.urlsafe_b64decode(key) for key in given.secret_keys]
    if base64.urlsafe_b64decode(SANDBOX_SECRET) in keys:
        yield "BEATRICE_SECRET_KEYS: the sandbox's key is public, production needs its own"
    if any(_guessable(key) for key in keys):
        yield "BEATRICE_SECRET_KEYS: a key is not random; make one as docs/settings.md says"
    if len(set(keys)) < len(keys):
        yield "BEATRICE_SECRET_KEYS: a key is there twice"


def _guessable(key: bytes) -> bool:
    """Whether a key is no output of a random generator: repeated, counted up, or typed."""
    steps = {(after - before) % 256 for before, after in itertools.pairwise(key)}
    return min(len(set(key)), len(steps)) < LEAST_DISTINCT or (key.isascii() and key.decode().isprintable())


def _unverified(url: str) -> bool:
    """Whether this address leads over a network without proof of who answers; the driver's variables count as well."""
    try:
        given = conninfo_to_dict(url.replace("postgresql+psycopg://", "postgresql://", 1))
    except ProgrammingError:
        return True
    hosts = [given.get(name) or os.environ.get(f"PG{name.upper()}") or "" for name in ("host", "hostaddr")]
    remote = any(not _is_here(host) for names in hosts for host in str(names).split(","))
    return remote and (given.get("sslmode") or os.environ.get("PGSSLMODE")) != "verify-full"


def _is_here(host: str) -> bool:
    """Whether a host is this machine: a socket's folder, nothing, or loopback."""
    if not host or host.startswith(("/", "@")) or host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@lru_cache(maxsize=1)
def settings() -> Settings:
    return Settings()
