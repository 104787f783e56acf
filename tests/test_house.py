"""The figures of `make house` on a house small enough to count by hand."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests import house

FILES = {
    "app/db.py": """
from typing import Any
async def rows(session: Any, sql: str) -> Any:
    return (await session.execute(text(sql))).all()
""",
    "app/lower/words.py": """
from typing import Literal
Status = Literal["open", "closed"]
Colour = Literal["red", "green"]
Alone = Literal["a", "b"]
""",
    "app/lower/models.py": """
STATUSES = ("closed", "open")
CHECK = CheckConstraint("colour IN ('green','red')")
OTHER = ("x", "y")
""",
    "app/lower/queries.py": """
from app.db import rows
from app.upper import late
INSERT = text("INSERT INTO t VALUES (1)")
async def _typed(session: AsyncSession, wanted: Select[Thing]) -> Thing:
    return await session.scalar(wanted)
async def everything(session: AsyncSession) -> Any:  # noqa: ANN401 - rows
    await session.execute(INSERT)
    await session.execute(text("SELECT"))
    await session.scalar(text("SELECT 1"))
    found = select(Thing)
    await session.scalars(found.order_by(Thing.id) if late else found)
    await session.execute(pg_insert(Thing).values(id=1))
    session.add(Thing())
    await rows(session, "SELECT")
    await queries.BOOK.run(session, id=1)
    await KEEP.rows(session, {})
    return 1  # type: ignore[return-value]
""",
    "app/upper/late.py": "from app.lower import queries\n" + "def long() -> None:\n" + "    pass\n" * 70,
    "app/lower/sql/table.sql": "CREATE TABLE t (a text CHECK (a IN ('a', 'b')));\nSELECT a IN ('x', 'y');\n",
    "migrations/env.py": "one\ntwo\n",
    "tests/test_one.py": "'INSERT INTO c'\n",
    "tests/test_guards.py": "'INSERT INTO d'\n",
    "tests/world.py": "'INSERT INTO a'\n'INSERT INTO b'\n",
    "tests/bench/stage.py": "1\n",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.removeprefix("\n"))
    return tmp_path


def test_figures(folder: Path) -> None:
    found = {figure.name: figure.text for figure in house.figures(folder)}
    ways = found.pop("statements").splitlines()
    assert ways[0] == "10 run in 7 ways"
    assert sorted(line.strip() for line in ways[1:]) == [
        "1 Direct.rows",
        "1 Query",
        "1 app.db.rows",
        "1 session.add(object)",
        "1 session.scalar(text)",
        "2 session.execute(text)",
        "3 typed select/insert/update/delete",
    ]
    assert found == {
        "lines": "app/ 99 of Python and 2 of SQL, migrations/ 2, tests/ 5",
        "files": "5: median 4, p90 72, max 72 lines",
        "functions": "4: median 12, p90 71, max 71 lines; 1 over 70",
        "import cycles": "1 between packages",
        "noqa": "1 lines (ANN401 1)",
        "type: ignore": "1 lines",
        "Any": "2 lines: 1 in app/db.py, 1 elsewhere",
        "vocabularies": "3 in more than one place",
        "tests / code": "0.05",
        "test support": "2 lines, and apart from them the bench 1, the paper model 0, games 0",
        "raw INSERTs": "3 in tests/, and 1 that attack a guard",
    }


def test_places(folder: Path) -> None:
    where = {figure.name: figure.where for figure in house.figures(folder)}
    assert where["functions"] == ["app/upper/late.py:2 long"]
    assert where["import cycles"] == ["app.lower <-> app.upper"]
    assert where["Any"] == ["app/lower/queries.py:6"]
    assert where["vocabularies"] == [
        "closed|open: app/lower/models.py:1 tuple; app/lower/words.py:2 Literal",
        "green|red: app/lower/models.py:2 CHECK; app/lower/words.py:3 Literal",
        "a|b: app/lower/words.py:4 Literal; app/lower/sql/table.sql:1 CHECK",
    ]
    assert where["raw INSERTs"] == ["tests/test_guards.py attack 1", "tests/test_one.py 1", "tests/world.py 2"]


def test_the_command_prints_the_product() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.house"], capture_output=True, text=True, check=True, timeout=60, cwd=house.ROOT
    )
    names = [line[:14].strip() for line in done.stdout.splitlines() if not line.startswith(" ")]
    assert names == [figure.name for figure in house.figures(house.ROOT)]
    assert "import cycles  0 between packages\n" in done.stdout
