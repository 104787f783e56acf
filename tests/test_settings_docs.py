import re
from pathlib import Path

from app.config import Settings

PAGE = Path(__file__).parent.parent / "docs" / "settings.md"


def variables() -> list[str]:
    names = []
    for name, field in Settings.model_fields.items():
        alias = field.validation_alias
        names.append(alias if isinstance(alias, str) else f"BEATRICE_{name.upper()}")
    return names


def documented() -> list[str]:
    return re.findall(r"^\| `([A-Z_]+)` \|", PAGE.read_text(), re.MULTILINE)


def test_every_setting_is_documented_once_and_nothing_else() -> None:
    assert sorted(documented()) == sorted(variables())


def test_documented_defaults_are_the_real_ones() -> None:
    stated = dict(re.findall(r"^\| `([A-Z_]+)` \| `([^`]+)` \|", PAGE.read_text(), re.MULTILINE))
    fields = dict(zip(variables(), Settings.model_fields.values(), strict=True))
    del stated["BEATRICE_MIGRATION_URL"]  # another setting's value
    for name, value in stated.items():
        default = fields[name].default
        shown = default.isoformat() if hasattr(default, "isoformat") else str(default)
        assert (name, value) == (name, shown.lower() if isinstance(default, bool) else shown)
