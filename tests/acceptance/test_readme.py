"""The README's road, run as it stands there against a really started server."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from lxml import etree

from tests.acceptance.test_examples import payment_schema

REPOSITORY = Path(__file__).resolve().parents[2]
BEATRICE = [sys.executable, "-c", "from app.cli import main; main()"]
DOCS = (REPOSITORY / "docs").rglob("*.md")
SECTIONS = ("A first booking", "The whole road")
SECONDS = 120.0


def road() -> str:
    """Return the bash blocks of the README's sections, in order."""
    text = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    sections = dict(re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL))
    blocks = [re.findall(r"^```bash\n(.*?)^```", sections[name], re.MULTILINE | re.DOTALL) for name in SECTIONS]
    assert [len(found) for found in blocks] == [2, 5]
    return "\n".join(block for found in blocks for block in found)


def environment(**changes: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in {"DATABASE_URL", "PORT"}}
    return kept | changes


class Server:
    """`beatrice run` with data of its own."""

    def __init__(self, folder: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = str(free.getsockname()[1])
        self.address = f"http://127.0.0.1:{port}"
        self.environment = environment(BEATRICE_DATA_DIR=str(folder / "data"), PORT=port)
        self.log = (folder / "log").open("w+")
        self.process = subprocess.Popen(
            [*BEATRICE, "run"], cwd=REPOSITORY, env=self.environment, stdout=self.log, stderr=subprocess.STDOUT
        )
        self.client = httpx.Client(base_url=f"{self.address}/v1", timeout=30)

    def output(self) -> str:
        self.log.seek(0)
        return self.log.read()

    def wait(self) -> None:
        deadline = time.monotonic() + SECONDS
        while "Beatrice is ready" not in self.output():
            assert self.process.poll() is None, self.output()
            assert time.monotonic() < deadline, self.output()
            time.sleep(0.1)

    def log_in(self, email: str, password: str = "beatrice-demo-2026") -> dict[str, str]:
        answer = self.client.post("/auth/token", data={"username": email, "password": password})
        return {"Authorization": f"Bearer {answer.json()['access_token']}"}

    def get(self, path: str, headers: dict[str, str]) -> Any:
        answer = self.client.get(path, headers=headers)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def stop(self) -> None:
        self.process.send_signal(signal.SIGINT)
        assert self.process.wait(SECONDS) == 0, self.output()

    def end(self) -> None:
        self.client.close()
        if self.process.poll() is None:
            self.stop()
        self.log.close()


@pytest.fixture
def server() -> Iterator[Server]:
    """A started server; its folder is one that every account may enter, since PostgreSQL refuses root."""
    folder = Path(tempfile.mkdtemp(prefix="b-"))
    folder.chmod(0o755)
    started = Server(folder)
    try:
        started.wait()
        yield started
    finally:
        started.end()
        shutil.rmtree(folder)


@pytest.mark.skipif(not (shutil.which("bash") and shutil.which("curl")), reason="the README needs bash and curl")
def test_readmes_road_runs_to_its_end(server: Server, tmp_path: Path) -> None:
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", road()],
        cwd=tmp_path,
        env=environment(BEATRICE=server.address),
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert [word for word in done.stdout.split() if word in STEPS] == STEPS

    anna = server.log_in("anna@orobia-stampi.example", "sette gatti sul tetto")
    lots = {lot["expires_on"]: lot for lot in server.get("/me/wallet", anna)["lots"]}
    assert {day: (lot["available_cents"], lot["held_cents"], lot["captured_cents"]) for day, lot in lots.items()} == {
        "2026-12-31": (7_50, 0, 112_50),
        "2027-05-31": (300_00, 0, 0),
    }
    (booking,) = server.get("/me/bookings", anna)["data"]
    assert (booking["status"], booking["credit_cents"]) == ("completed", 112_50)

    total_cents = assert_settled(server, {unit["id"] for unit in booking["units"]})
    content = (tmp_path / "payments.xml").read_bytes()
    document = etree.fromstring(content)
    payment_schema().assertValid(document)
    sums = document.xpath("//*[local-name()='GrpHdr']/*[local-name()='CtrlSum']/text()")
    assert sums == [f"{total_cents / 100:.2f}"]

    server.stop()
    verified = subprocess.run(
        [*BEATRICE, "verify-ledger"],
        cwd=REPOSITORY,
        env=server.environment,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert (verified.returncode, verified.stderr) == (0, "")
    assert verified.stdout.startswith("Every account adds up (")


@pytest.mark.parametrize("page", ["README.md", *sorted(str(p.relative_to(REPOSITORY)) for p in DOCS)])
def test_links_lead_to_files(page: str) -> None:
    path = REPOSITORY / page
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", path.read_text(encoding="utf-8"))
    missing = [link for link in links if "://" not in link and not (path.parent / link).exists()]
    assert missing == []


STEPS = ["confirmed", "active", "active", "confirmed", "delivered", "completed", "approved", "True"]
"""What the verbs print on the way: top-up, two grants, booking, run, trial balance."""


def assert_settled(server: Server, unit_ids: set[str]) -> int:
    """Find the five visits in the provider's newest settlement and return what its run pays in all."""
    manager = server.log_in("manager@cooperativa-serio.example")
    provider_id = server.get("/me", manager)["memberships"][0]["organisation_id"]
    newest = server.get(f"/providers/{provider_id}/settlements", manager)["data"][0]
    settlement = server.get(f"/providers/{provider_id}/settlements/{newest['id']}", manager)
    assert (settlement["cutoff_on"], settlement["status"]) == ("2026-12-07", "approved")
    lines = [line for line in settlement["lines"] if line["unit_id"] in unit_ids]
    assert [line["gross_cents"] for line in lines] == [22_50] * 5
    assert [line["fee_cents"] for line in lines] == [45] * 5
    parts = ("gross_cents", "fee_cents", "fee_vat_cents", "net_cents")
    sums = {name: sum(line[name] for line in settlement["lines"]) for name in parts}
    assert sums["gross_cents"] - sums["fee_cents"] - sums["fee_vat_cents"] == sums["net_cents"]
    assert (settlement["gross_cents"], settlement["payout_cents"]) == (sums["gross_cents"], sums["net_cents"])

    finance = server.log_in("finance@beatrice.example")
    run = server.get("/operator/settlement_runs", finance)["data"][0]
    assert (run["cutoff_on"], run["status"]) == ("2026-12-07", "approved")
    total_cents: int = run["total_cents"]
    assert total_cents >= settlement["payout_cents"]
    return total_cents
