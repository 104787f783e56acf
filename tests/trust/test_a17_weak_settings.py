"""A17: production accepted settings that switch the defences off, and a login lowered a stored hash."""

import base64

import httpx
import pytest
from pydantic import ValidationError

from app import config
from app.identity import passwords
from tests.production import in_force, random_key
from tests.world import World

PASSWORD = "quattro gatti sul tetto rosso"


def key(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode()


@pytest.mark.parametrize(
    ("name", "least", "most"),
    [
        ("PASSWORD_HASH_MEMORY_KIB", 19_456, 4_194_304),
        ("PASSWORD_HASH_TIME_COST", 2, 20),
        ("SESSION_HOURS", 1, 24),
        ("LOGIN_ATTEMPTS_PER_ACCOUNT", 1, 1_000),
        ("LOGIN_ATTEMPTS_PER_ADDRESS", 1, 1_000),
        ("REQUESTS_PER_MINUTE", 1, 12_000),
        ("POOL_SIZE", 1, 100),
    ],
)
def test_what_weakens_a_defence_is_refused(name: str, least: int, most: int) -> None:
    for value in (least, most):
        with in_force(**{f"BEATRICE_{name}": str(value)}) as settings:
            assert getattr(settings, name.lower()) == value
    for value in (least - 1, most + 1):
        with pytest.raises(ValidationError, match=f"BEATRICE_{name}: production accepts {least} to {most}"):
            in_force(**{f"BEATRICE_{name}": str(value)}).__enter__()


@pytest.mark.parametrize(
    "raw",
    [
        bytes(32),
        b"k" * 32,
        bytes(range(32)),
        bytes(range(0, 256, 8)),
        b"0123456789abcdef" * 2,
        b"correct horse battery staple 42!",
        random_key("half").encode()[:8] * 4,
    ],
)
def test_a_key_that_is_not_random_is_refused(raw: bytes) -> None:
    for keys in (key(raw), f"{random_key('own')},{key(raw)}"):
        with pytest.raises(ValidationError, match="a key is not random"):
            in_force(BEATRICE_SECRET_KEYS=keys).__enter__()


def test_the_published_key_is_refused_in_every_spelling() -> None:
    raw = base64.urlsafe_b64decode(config.SANDBOX_SECRET)
    for spelled in (config.SANDBOX_SECRET, key(raw) + "=", "\n" + key(raw)[:10] + "." + key(raw)[10:]):
        with pytest.raises(ValidationError, match="the sandbox's key is public"):
            in_force(BEATRICE_SECRET_KEYS=f"{random_key('own')},{spelled}").__enter__()


def test_a_thousand_random_keys_are_keys() -> None:
    keys = [base64.urlsafe_b64decode(random_key(str(number))) for number in range(1_000)]
    assert [raw for raw in keys if config._guessable(raw)] == []


@pytest.mark.parametrize(
    ("url", "fine"),
    [
        ("postgresql://app@127.0.0.1/b", True),
        ("postgresql://app@[::1]/b", True),
        ("postgresql://app@localhost/b", True),
        ("postgresql:///b?host=/run/postgresql", True),
        ("postgresql://app@db.internal/b?sslmode=verify-full", True),
        ("postgresql://app@db.internal/b", False),
        ("postgresql://app@db.internal/b?sslmode=require", False),
        ("postgresql://app@db.internal/b?sslmode=verify-ca", False),
        ("postgresql://app@10.0.0.7/b", False),
        ("postgresql://app@127.0.0.1,db.internal/b", False),
        ("postgresql://app@localhost/b?hostaddr=10.0.0.7", False),
        ("postgresql:///b?host=db.internal", False),
    ],
)
def test_a_database_elsewhere_proves_who_it_is(url: str, *, fine: bool) -> None:
    for name in ("DATABASE_URL", "BEATRICE_MIGRATION_URL"):
        if fine:
            with in_force(**{name: url}) as settings:
                assert settings.mode == "production"
        else:
            with pytest.raises(ValidationError, match=f"{name}: a database on another host needs sslmode=verify-full"):
                in_force(**{name: url}).__enter__()


async def test_a_login_never_lowers_a_stored_hash(
    client: httpx.AsyncClient, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def use(memory_kib: int, time_cost: int) -> None:
        monkeypatch.setenv("BEATRICE_PASSWORD_HASH_MEMORY_KIB", str(memory_kib))
        monkeypatch.setenv("BEATRICE_PASSWORD_HASH_TIME_COST", str(time_cost))
        config.settings.cache_clear()

    async def log_in() -> str:
        form = {"username": "anna@example.com", "password": PASSWORD}
        assert (await client.post("/v1/auth/token", data=form)).status_code == 200
        stored: str = await world.scalar("SELECT password_hash FROM user_account WHERE email = 'anna@example.com'")
        return stored

    try:
        use(128, 2)
        strong = passwords.hash_now(PASSWORD)
        await world.login("anna@example.com", strong)
        for weaker in ((64, 2), (128, 1), (64, 1), (1024, 1)):
            use(*weaker)
            assert await log_in() == strong
        use(256, 2)
        assert (await log_in()).startswith("$argon2id$v=19$m=256,t=2,p=1$")
    finally:
        monkeypatch.undo()
        config.settings.cache_clear()
