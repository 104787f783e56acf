"""Each error code has a page, in Italian and English, to which the `type` of a problem leads."""

import re
from html import unescape
from urllib.parse import urlsplit

import httpx
import pytest

from app.http.error_pages import meanings

POLICY = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


def texts(page: str) -> list[str]:
    return [unescape(text) for text in re.findall(r"<p>([^<]+)</p>", page)]


async def test_the_type_of_a_problem_leads_to_its_page(client: httpx.AsyncClient) -> None:
    problem = (await client.get("/v1/me")).json()
    assert problem["type"] == "http://127.0.0.1:8000/errors/unauthorised"
    page = await client.get(urlsplit(problem["type"]).path, headers={"Accept-Language": "en"})
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert (page.headers["content-language"], page.headers["vary"]) == ("en", "Accept-Language")
    assert page.headers["content-security-policy"] == POLICY
    assert texts(page.text) == [
        "HTTP status: 401 Unauthorized",
        "Send a valid session token or API key as `Authorization: Bearer`.",
    ]


async def test_italian_is_spoken_unless_english_is_asked_for(client: httpx.AsyncClient) -> None:
    page = await client.get("/errors/slot_full", headers={"Accept-Language": "de"})
    assert page.headers["content-language"] == "it"
    assert texts(page.text) == ["Stato HTTP: 409 Conflitto", "In uno di questi turni non ci sono più posti."]


@pytest.mark.parametrize("code", meanings())
async def test_every_code_is_told_in_both_languages(client: httpx.AsyncClient, code: str) -> None:
    italian, english = [
        texts((await client.get(f"/errors/{code}", headers={"Accept-Language": language})).text)
        for language in ("it", "en")
    ]
    assert len(italian) == len(english) > 1
    assert [text for text in italian if text in english] == []


async def test_there_is_a_list_and_no_page_for_what_is_no_code(client: httpx.AsyncClient) -> None:
    listed = re.findall(r'href="/errors/(\w+)"', (await client.get("/errors")).text)
    assert listed == list(meanings())
    unknown = await client.get("/errors/nonsense")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "not_found")
