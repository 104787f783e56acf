import re
from pathlib import Path
from typing import get_args

from app.config import Settings
from app.networks.models import SettingLevel, SettingName, SettingUnit
from tests.conftest import Cluster

PAGE = Path(__file__).parent.parent / "docs" / "settings.md"


def variables() -> list[str]:
    names = []
    for name, field in Settings.model_fields.items():
        alias = field.validation_alias
        names.append(alias if isinstance(alias, str) else f"BEATRICE_{name.upper()}")
    return names


def test_settings_by_level_are_documented_as_they_are(cluster: Cluster) -> None:
    row = re.compile(r"^\| `([a-z_]+)` \| `(\d+)` \| (\d+) to (\d+) \| ([^|]+) \|", re.MULTILINE)
    stated = [
        (name, int(default), int(least), int(most), re.findall(r"\w+", re.sub(r"\([^)]*\)", "", levels)))
        for name, default, least, most, levels in row.findall(PAGE.read_text())
    ]
    with cluster.admin(cluster.template) as connection:
        found = connection.execute("SELECT name, default_value, least, most, levels, unit FROM setting ORDER BY name")
        known = found.fetchall()
    assert stated == [(*row[:4], row[4]) for row in known]
    assert {row[0] for row in known} == set(get_args(SettingName))
    assert {level for row in known for level in row[4]} == set(get_args(SettingLevel))
    assert {row[5] for row in known} == set(get_args(SettingUnit))


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
