import asyncio

import pytest

from app import clock, sealing
from app.edge import idempotency
from tests.conftest import Cluster
from tests.http.probe import Scene
from tests.world import problem

Headers = dict[str, str]


async def test_same_key_and_body_give_the_same_bytes_and_one_effect(scene: Scene, anna: Headers) -> None:
    first = await scene.post(anna, "k1", name="one")
    assert first.status_code == 201
    assert "idempotent-replayed" not in first.headers
    again = await scene.post(anna, "k1", name="one")
    assert (again.status_code, again.content) == (201, first.content)
    assert again.headers["idempotent-replayed"] == "true"
    assert again.headers["content-type"] == first.headers["content-type"]
    assert again.headers["x-request-id"] != first.headers["x-request-id"]
    assert (scene.calls, await scene.names()) == (1, ["one"])


async def test_quoted_and_bare_keys_are_one(scene: Scene, anna: Headers) -> None:
    first = await scene.post(anna, "k1", name="one")
    again = await scene.post(anna, '"k1"', name="one")
    assert (again.content, again.headers["idempotent-replayed"]) == (first.content, "true")
    assert await scene.keys() == ["k1"]


async def test_another_body_is_refused_and_changes_nothing(scene: Scene, anna: Headers) -> None:
    await scene.post(anna, "k1", name="one")
    answer = await scene.post(anna, "k1", name="two")
    assert (answer.status_code, problem(answer)["code"]) == (422, "idempotency_key_reused")
    assert await scene.names() == ["one"]


async def test_other_spelling_path_or_query_is_another_request(scene: Scene, anna: Headers) -> None:
    await scene.post(anna, "k1", name="one")
    headers = anna | {"Idempotency-Key": "k1", "Content-Type": "application/json"}
    spelled = await scene.client.post("/v1/me/probes", content=b'{"name": "one" }', headers=headers)
    assert problem(spelled)["code"] == "idempotency_key_reused"
    elsewhere = await scene.client.post("/v1/me/secrets", json={"name": "one"}, headers=headers)
    assert problem(elsewhere)["code"] == "idempotency_key_reused"
    assert (scene.calls, await scene.names()) == (1, ["one"])


@pytest.mark.parametrize(
    "key",
    [None, "", '""', " ", "x" * 256, "caf\u00e9", "a\tb"],
    ids=["no", "empty", "quotes", "space", "256", "é", "tab"],
)
async def test_missing_or_unusable_keys_are_400(scene: Scene, anna: Headers, key: str | None) -> None:
    headers = anna if key is None else [*anna.items(), ("Idempotency-Key", key.encode("utf-8"))]
    answer = await scene.client.post("/v1/me/probes", json={"name": "one"}, headers=headers)  # type: ignore[arg-type]
    assert (answer.status_code, problem(answer)["code"]) == (400, "idempotency_key_missing")
    assert (scene.calls, await scene.names()) == (0, [])


async def test_the_longest_key_works_and_two_keys_do_not(scene: Scene, anna: Headers) -> None:
    assert (await scene.post(anna, "x" * 255, name="one")).status_code == 201
    headers = [*anna.items(), ("Idempotency-Key", "a"), ("Idempotency-Key", "b")]
    answer = await scene.client.post("/v1/me/probes", json={"name": "two"}, headers=headers)
    assert problem(answer)["code"] == "idempotency_key_missing"
    assert await scene.names() == ["one"]


async def test_a_request_in_flight_is_409_and_its_answer_comes_later(scene: Scene, anna: Headers) -> None:
    first = asyncio.create_task(scene.post(anna, "k1", name="one", refuse="wait"))
    await scene.started.wait()
    meanwhile = await scene.post(anna, "k1", name="one", refuse="wait")
    assert (meanwhile.status_code, problem(meanwhile)["code"]) == (409, "idempotency_key_in_use")
    scene.release.set()
    answer = await first
    again = await scene.post(anna, "k1", name="one", refuse="wait")
    assert (answer.status_code, again.content, scene.calls) == (201, answer.content, 1)


async def test_the_lock_is_per_caller_and_key(
    scene: Scene, anna: Headers, cluster: Cluster, probe_database_name: str
) -> None:
    user = await scene.world.scalar("SELECT id FROM user_account WHERE email = 'anna@example.test'")
    with cluster.admin(probe_database_name) as connection:
        connection.execute(f"SELECT pg_advisory_lock(hashtextextended('{user} k1', 0))")
        assert problem(await scene.post(anna, "k1", name="one"))["code"] == "idempotency_key_in_use"
        assert (await scene.post(anna, "k2", name="two")).status_code == 201
        connection.execute("SELECT pg_advisory_unlock_all()")
        assert (await scene.post(anna, "k1", name="one")).status_code == 201
    assert await scene.names() == ["one", "two"]


async def test_sixteen_at_once_have_one_effect(scene: Scene, anna: Headers) -> None:
    answers = await asyncio.gather(*(scene.post(anna, "k1", name="one") for _ in range(16)))
    created = {answer.content for answer in answers if answer.status_code == 201}
    others = {problem(answer)["code"] for answer in answers if answer.status_code != 201}
    assert len(created) == 1
    assert others <= {"idempotency_key_in_use"}
    assert await scene.names() == ["one"]
    assert (await scene.post(anna, "k1", name="one")).content == created.pop()


async def test_a_business_refusal_is_kept_under_the_key(scene: Scene, anna: Headers) -> None:
    first = await scene.post(anna, "k1", name="one", refuse="rule")
    assert first.status_code == 409
    assert problem(first) == {
        "type": "http://127.0.0.1:8000/errors/probe_refused",
        "title": "Conflitto",
        "status": 409,
        "code": "probe_refused",
        "detail": "Test only: refused by a rule.",
        "errors": [],
        "limit_cents": 7,
    }
    again = await scene.post(anna, "k1", name="one", refuse="rule")
    assert (again.content, again.headers["idempotent-replayed"]) == (first.content, "true")
    assert again.headers["content-type"] == "application/problem+json"
    assert (scene.calls, await scene.names(), await scene.keys()) == (1, [], ["k1"])


async def test_a_validation_error_is_not_kept(scene: Scene, anna: Headers) -> None:
    assert (await scene.post(anna, "k1", name="")).status_code == 422
    assert await scene.keys() == []
    assert (await scene.post(anna, "k1", name="one")).status_code == 201


async def test_401_and_500_are_not_kept(scene: Scene, anna: Headers) -> None:
    assert (await scene.post({}, "k1", name="one")).status_code == 401
    broken = await scene.post(anna, "k1", name="one", refuse="bug")
    assert (broken.status_code, problem(broken)["code"]) == (500, "internal_error")
    assert "canary" not in broken.text
    assert (await scene.names(), await scene.keys()) == ([], [])


async def test_another_caller_may_use_the_same_key(scene: Scene, anna: Headers) -> None:
    berta = (await scene.world.login("berta@example.test"))[1]
    await scene.post(anna, "k1", name="one")
    other = await scene.post(berta, "k1", name="two")
    assert (other.status_code, other.json()["name"]) == (201, "two")
    assert "idempotent-replayed" not in other.headers
    assert await scene.names() == ["one", "two"]


async def test_a_failing_commit_leaves_neither_effect_nor_key(scene: Scene, anna: Headers) -> None:
    await scene.post(anna, "k1", name="one")
    answer = await scene.post(anna, "k2", name="one")
    assert (answer.status_code, problem(answer)["code"]) == (409, "probe_taken")
    assert (await scene.names(), await scene.keys()) == (["one"], ["k1"])


async def test_a_failing_commit_is_never_answered_as_success(scene: Scene, anna: Headers) -> None:
    body = {"name": "one"}
    assert (await scene.client.post("/v1/me/free_probes", json=body, headers=anna)).status_code == 201
    answer = await scene.client.post("/v1/me/free_probes", json=body, headers=anna)
    assert (answer.status_code, problem(answer)["code"]) == (409, "probe_taken")
    assert await scene.world.scalar("SELECT count(*) FROM probe") == 1


async def test_an_answer_with_a_secret_is_never_stored(scene: Scene, anna: Headers) -> None:
    headers = anna | {"Idempotency-Key": "k1"}
    assert (await scene.client.post("/v1/me/secrets", json={"name": "s"}, headers=headers)).status_code == 201
    assert await scene.keys() == []


async def test_stored_answers_are_sealed_for_their_caller(scene: Scene, anna: Headers) -> None:
    await scene.post(anna, "k1", name="a visible canary")
    principal, print_, sealed, kept_at = (
        await scene.world.execute("SELECT principal_id, fingerprint, sealed_answer, created_at FROM idempotency_key")
    )[0]
    assert b"canary" not in bytes(sealed)
    assert b"a visible canary" in bytes(idempotency.replay(principal, "k1", print_, sealed).body)
    assert b"status" in sealing.decrypt("idempotency", sealed, principal.bytes + print_ + b"k1")
    assert abs((clock.real() - kept_at).total_seconds()) < 60


async def test_a_replay_needs_a_live_session(scene: Scene, anna: Headers) -> None:
    await scene.post(anna, "k1", name="one")
    await scene.world.execute("UPDATE session_token SET revoked_at = created_at")
    answer = await scene.post(anna, "k1", name="one")
    assert (answer.status_code, problem(answer)["code"]) == (401, "unauthorised")
