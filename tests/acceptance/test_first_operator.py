"""An empty installation: the command creates the operator, whose people do all the rest over HTTP."""

import os
import re
import signal
import sys

import anyio
import httpx
import pytest
from typer.testing import CliRunner

from app import cli
from app.organisations.schemas import OperatorCreate
from tests.conftest import Cluster
from tests.world import Caller, World
from tests.world.given import PASSWORD

NEW = ("--name", "Gestione Prova", "--tax-code", "09991010167", "--email", "capo@gestione.example")


async def test_first_operator_can_open_the_installation(
    cluster: Cluster, fresh_database_name: str, fresh_client: httpx.AsyncClient, fresh_world: World
) -> None:
    words = [sys.executable, "-c", "from app.cli import main; main()", "create-operator", *NEW]
    environment = {**os.environ, "DATABASE_URL": cluster.app_url(fresh_database_name)}
    done = await anyio.run_process(words, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    mail = await fresh_world.scalar("SELECT text FROM outgoing_mail WHERE recipient = 'capo@gestione.example'")
    token = re.search(r"/invitations/(\S+)", mail)
    assert token is not None
    accepted = await fresh_client.post(f"/v1/auth/invitations/{token[1]}/accept", json={"password": PASSWORD})
    head = Caller(fresh_client, {"Authorization": f"Bearer {accepted.json()['access_token']}"})
    (membership,) = (await head.get("/me"))["memberships"]
    assert membership["organisation_id"] in done.stdout.decode()
    assert membership["roles"] == ["admin", "operator"]
    await head.post(
        f"/organisations/{membership['organisation_id']}/members",
        {"email": "finanza@gestione.example", "roles": ["finance"]},
    )
    balance = await head.get("/operator/ledger/trial_balance")
    assert balance["balanced"] is True
    assert sorted(account["kind"] for account in balance["accounts"]) == [
        "bank_clearing_company", "bank_clearing_public", "claims_payable", "platform_fees", "solidarity_fund",
        "suspense", "vat_payable",
    ]  # fmt: skip


async def test_there_is_one_operator(cluster: Cluster, fresh_database_name: str, fresh_world: World) -> None:
    url = cluster.app_url(fresh_database_name)
    wanted = OperatorCreate(name="Gestione Prova", tax_code="09991010167")
    other = OperatorCreate(name="Altra Gestione", tax_code="09991020166")
    await cli._create_operator(url, wanted, "capo@gestione.example")
    with pytest.raises(cli.Refused, match="There is an operator already"):
        await cli._create_operator(url, other, "altro@gestione.example")
    assert await fresh_world.execute("SELECT name FROM organisation") == [("Gestione Prova",)]
    assert await fresh_world.execute("SELECT recipient FROM outgoing_mail") == [("capo@gestione.example",)]
    assert await fresh_world.scalar("SELECT count(*) FROM ledger.account") == 7


@pytest.mark.parametrize(("option", "value"), [("--tax-code", "09991010160"), ("--email", "nobody"), ("--name", " ")])
def test_wrong_options_are_named(option: str, value: str) -> None:
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    options = list(NEW)
    options[options.index(option) + 1] = value
    done = CliRunner().invoke(cli.cli, ["create-operator", *options])
    assert done.exit_code == 1
    assert done.stderr.startswith(f"{option}: ")
    for number, handler in handlers.items():
        signal.signal(number, handler)
