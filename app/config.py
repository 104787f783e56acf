"""Settings, read from the environment once; docs/settings.md lists them all."""

import base64
import hashlib
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

SANDBOX_SECRET = base64.urlsafe_b64encode(hashlib.sha256(b"beatrice sandbox").digest()).decode()
"""Published on purpose: sandbox data are not secret. Production refuses it."""


SANDBOX_IBAN = "IT60X0542811101000000123456"
"""A published example: nobody's account."""


APPROVING_ROLE_HOURS = 24


class Settings(BaseSettings):
    """What an administrator may choose; every default suits the sandbox."""

    model_config = SettingsConfigDict(env_prefix="BEATRICE_", extra="ignore", frozen=True)

    mode: Literal["sandbox", "production"] = "sandbox"
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
    public_url: str = "http://127.0.0.1:8000"
    password_hash_time_cost: int = 3
    password_hash_memory_kib: int = 65_536
    session_hours: int = 12
    requests_per_minute: int = 1_200
    """Per caller and process; login, resets and invitations have their own limits in the database."""
    login_attempts_per_account: int = 100
    login_attempts_per_address: int = 1_000
    pool_size: int = 10
    payout_days: int = 10
    """Days from a settlement's cutoff to its payment."""
    approving_role_hours: int | None = Field(default=None, ge=0, le=720)
    """How long a new approving role waits unless another holder confirms it; None: 24, in the sandbox 0."""
    operator_iban: str = SANDBOX_IBAN
    audit_heads_dir: Path | None = None
    """Where the worker writes the audit trail's signed heads, besides the log: a folder outside of the database."""

    @field_validator("secret_keys", mode="before")
    @classmethod
    def _split_keys(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

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
    def _production_is_strict(self) -> "Settings":
        if not self.secret_keys:
            raise ValueError("BEATRICE_SECRET_KEYS: at least one key is needed")
        for key in self.secret_keys:
            if len(base64.urlsafe_b64decode(key)) != 32:  # noqa: PLR2004 - AES-256
                raise ValueError("BEATRICE_SECRET_KEYS: each key is 32 bytes in base64url")
        if self.mode == "production":
            if SANDBOX_SECRET in self.secret_keys:
                raise ValueError("BEATRICE_SECRET_KEYS: the sandbox's key is public, production needs its own")
            if self.database_url is None:
                raise ValueError("DATABASE_URL: production needs its own PostgreSQL")
            if self.smtp_url is None:
                raise ValueError("BEATRICE_SMTP_URL: production sends real mail")
            if self.operator_iban == SANDBOX_IBAN:
                raise ValueError("BEATRICE_OPERATOR_IBAN: production pays from an account of its own")
            if not self.public_url.startswith("https://"):
                raise ValueError("BEATRICE_PUBLIC_URL: links in mails lead to an https address")
        return self

    @model_validator(mode="after")
    def _approvers_of_production_wait(self) -> "Settings":
        if not self.sandbox and self.approving_role_delay < timedelta(hours=APPROVING_ROLE_HOURS):
            raise ValueError("BEATRICE_APPROVING_ROLE_HOURS: production waits for at least 24 hours")
        return self

    @property
    def approving_role_delay(self) -> timedelta:
        hours = self.approving_role_hours
        return timedelta(hours=hours if hours is not None else 0 if self.sandbox else APPROVING_ROLE_HOURS)

    @property
    def sandbox(self) -> bool:
        return self.mode == "sandbox"


@lru_cache(maxsize=1)
def settings() -> Settings:
    return Settings()
