import httpx
import pytest

from tests.credit.conftest import fresh_stage, stage
from tests.credit.stage import Stage
from tests.grants.desk import Desk

__all__ = ["fresh_stage", "stage"]


@pytest.fixture
def desk(client: httpx.AsyncClient, stage: Stage) -> Desk:
    return Desk(client, stage.company)
