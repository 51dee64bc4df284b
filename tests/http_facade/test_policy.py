"""Who may use which path: the whole door, walked with every kind of key, against this table."""

import httpx
import pytest
from starlette.routing import Route

from http_facade.app import Group, create_app
from http_facade.endpoint import Endpoint, OpenEndpoint, UnknownPath
from http_facade.settings import HttpSettings
from tests.http_facade.conftest import Door
from tests.support.scripted_backend import ScriptedBackend, chat_reply

KEYS = {
    "none": None,
    "wrong": "not-a-key",
    "inference": "inference-key",
    "reader": "reader-key",
    "admin": "admin-key",
}

# Path as registered, method, and the status for each of KEYS in turn. A body is never sent, so that what
# passes the policy of an inference path is then refused for its JSON: 400.
TABLE = [
    ("/v1/chat/completions", "POST", 401, 401, 400, 403, 400),
    ("/v1/completions", "POST", 401, 401, 400, 403, 400),
    ("/v1/embeddings", "POST", 401, 401, 400, 403, 400),
    ("/v1/models", "GET", 401, 401, 200, 403, 200),
    ("/v1/models/{id:path}", "GET", 401, 401, 200, 403, 200),
    ("/health", "GET", 200, 200, 200, 200, 200),
    ("/livez", "GET", 200, 200, 200, 200, 200),
    ("/readyz", "GET", 200, 200, 200, 200, 200),
    ("/metrics", "GET", 401, 401, 403, 200, 200),
    ("/admin/providers/status", "GET", 401, 401, 403, 200, 200),
    ("/admin/providers/{model:path}/{provider}/reset", "POST", 401, 401, 403, 403, 200),
    ("/docs", "GET", 200, 200, 200, 200, 200),
    ("/openapi.json", "GET", 200, 200, 200, 200, 200),
    # no route at all
    ("/", "GET", 401, 401, 404, 404, 404),
    ("/v1/chat/completions/", "POST", 401, 401, 404, 404, 404),
    ("/v1/responses", "POST", 401, 401, 404, 404, 404),
    ("/redoc", "GET", 401, 401, 404, 404, 404),
    ("/admin", "GET", 401, 401, 404, 404, 404),
    # a method that a path does not take
    ("/v1/chat/completions", "GET", 401, 401, 405, 403, 405),
    ("/v1/chat/completions", "OPTIONS", 401, 401, 405, 403, 405),
    ("/v1/models", "DELETE", 401, 401, 405, 403, 405),
    ("/metrics", "POST", 401, 401, 403, 405, 405),
    ("/health", "POST", 405, 405, 405, 405, 405),
]


def url(path: str) -> str:
    return path.replace("{id:path}", "team/lite").replace("{model:path}", "lite").replace("{provider}", "a")


async def send(door: Door, method: str, path: str, key: str | None) -> httpx.Response:
    headers = {} if key is None else {"x-api-key": key}
    async with httpx.AsyncClient(base_url=door.url, headers=headers, trust_env=False, verify=False) as client:
        return await client.request(method, url(path))


@pytest.mark.parametrize("row", TABLE, ids=lambda row: f"{row[1]} {row[0]}")
async def test_each_path_asks_for_its_scope(door: Door, row: tuple[str, str, int]) -> None:
    path, method, *expected = row
    answers = [await send(door, method, path, key) for key in KEYS.values()]
    assert [answer.status_code for answer in answers] == expected
    for answer in answers:
        assert answer.headers["x-request-id"]
        if answer.status_code >= 400:
            assert set(answer.json()["error"]) == {"message", "type", "param", "code"}
        if answer.status_code == 405:
            assert method not in answer.headers["allow"].split(", ")


def test_every_route_has_a_row_and_a_policy() -> None:
    """A route that is not in the table, or is no endpoint of ours, has not been thought about."""
    app = create_app(ScriptedBackend(), settings=HttpSettings(docs=True), metrics=lambda: (b"", ""))
    assert {route.path for route in app.routes if isinstance(route, Route)} == {
        path for path, _, *statuses in TABLE if statuses[-1] in (200, 400)
    }
    for route in app.routes:
        assert isinstance(route, Route)
        assert isinstance(route.endpoint, Endpoint | OpenEndpoint)
    assert isinstance(app.router.default, UnknownPath)


def test_docs_are_off_unless_asked_for_and_metrics_unless_given() -> None:
    paths = {route.path for route in create_app(ScriptedBackend()).routes if isinstance(route, Route)}
    assert not paths & {"/docs", "/openapi.json", "/metrics", "/redoc"}


def test_groups_share_no_route_but_health_and_leave_none_out() -> None:
    def paths(*groups: Group) -> set[str]:
        app = create_app(ScriptedBackend(), metrics=lambda: (b"", ""), groups=groups)
        found = {route.path for route in app.routes if isinstance(route, Route)}
        assert {path.replace(":path", "") for path in found} == set(app.openapi()["paths"])
        return found

    inference, admin = paths(Group.INFERENCE), paths(Group.ADMIN)
    assert inference & admin == {"/health", "/livez", "/readyz"}
    assert inference | admin == paths(*Group)
    assert {"/metrics", "/admin/providers/status"} < admin


@pytest.mark.parametrize(
    "path",
    [
        "//admin/providers/status",
        "/admin//providers/status",
        "/v1/../admin/providers/status",
        "/admin/providers/status/",
        "/ADMIN/providers/status",
        "/health/../admin/providers/status",
        "/admin/providers/status%00",
        "/admin/providers/status%2e",
        "/health?/admin/providers/status",
    ],
)
async def test_a_path_written_otherwise_opens_nothing(door: Door, path: str) -> None:
    answer = await send(door, "GET", path, "inference-key")
    assert "qwen3" not in answer.text
    assert (
        answer.status_code in (200, 404) if path.startswith("/health?") else answer.status_code in (403, 404)
    )


async def test_head_answers_as_get_without_a_body(door: Door) -> None:
    for path in ("/health", "/v1/models"):
        answer = await door.client.head(path)
        assert (answer.status_code, answer.content) == (200, b"")
        assert int(answer.headers["content-length"]) > 0


async def test_hostile_keys_are_unknown_keys(door: Door) -> None:
    for key in ("' OR 1=1 --", "\xff\xfe", "{{7*7}}", "a" * 8000, "Bearer x", "%00"):
        headers = [(b"authorization", b"Bearer " + key.encode("latin-1"))]
        async with httpx.AsyncClient(base_url=door.url, trust_env=False, verify=False) as client:
            answer = await client.get("/v1/models", headers=headers)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == "Bearer"
        assert key not in answer.text


async def test_the_door_outlives_all_of_it(door: Door) -> None:
    door.backend.steps = (chat_reply(),)
    answer = await door.client.post(
        "/v1/chat/completions", json={"model": "lite", "messages": [{"role": "user", "content": "Hi"}]}
    )
    assert answer.status_code == 200
