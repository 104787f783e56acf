import httpx


async def test_livez_and_readyz_answer(client: httpx.AsyncClient) -> None:
    assert (await client.get("/livez")).json() == {"status": "ok"}
    ready = await client.get("/readyz")
    assert ready.status_code == 200
    assert ready.headers["x-beatrice-mode"] == "sandbox"


async def test_unknown_path_is_a_problem(client: httpx.AsyncClient) -> None:
    answer = await client.get("/v1/nothing", headers={"X-Request-Id": "abc-1"})
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json() == {
        "type": "http://127.0.0.1:8000/errors/not_found",
        "title": "Non trovato",
        "status": 404,
        "code": "not_found",
        "detail": "Non esiste, o appartiene ad altri.",
        "errors": [],
        "request_id": answer.headers["x-request-id"],
    }
