"""Settings as production has them, for tests of what it refuses."""

import base64
import hashlib
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest

from app import config


def random_key(name: str) -> str:
    """Return a key that nobody could tell from a random one, the same for a name every time."""
    return base64.urlsafe_b64encode(hashlib.sha256(name.encode()).digest()).decode()


ENVIRONMENT = {
    "BEATRICE_MODE": "production",
    "BEATRICE_SECRET_KEYS": random_key("a test's"),
    "BEATRICE_SMTP_URL": "smtp://127.0.0.1:1",
    "DATABASE_URL": "postgresql://127.0.0.1:1/none",
    "BEATRICE_OPERATOR_IBAN": "IT28W8000000292100645211111",
    "BEATRICE_PUBLIC_URL": "https://welfare.example",
    "BEATRICE_PASSWORD_HASH_TIME_COST": "2",
    "BEATRICE_PASSWORD_HASH_MEMORY_KIB": "19456",
    "BEATRICE_REQUESTS_PER_MINUTE": "12000",
}


@contextmanager
def changed(**values: str) -> Iterator[config.Settings]:
    """Let settings have these values inside the block; an empty one is not set."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in values.items():
            if value == "":
                patch.delenv(name, raising=False)
            else:
                patch.setenv(name, value)
        config.settings.cache_clear()
        try:
            yield config.settings()
        finally:
            patch.undo()
            config.settings.cache_clear()


def in_force(**changes: str) -> AbstractContextManager[config.Settings]:
    """Let the settings be those of production inside the block, some changed."""
    return changed(**ENVIRONMENT | changes)
