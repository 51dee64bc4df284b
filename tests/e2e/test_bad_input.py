"""Whatever is sent, the answer is a 4xx that names the field, and the next caller is served."""

import json
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.support.gateway import Running, route, running, target
from tests.support.malformed import GOOD, Bad, cases
from tests.support.raw_http import Answer, ask, connected

pytestmark = pytest.mark.asyncio(loop_scope="module")

LIMIT = 32 * 1024 * 1024
CASES = [(path, name, bad) for path in GOOD for name, bad in cases(path).items()]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway() -> AsyncIterator[Running]:
    one = route(target("one", maxRetries=0), circuitBreaker={"enabled": False})
    async with running({"lite": one}) as made:
        yield made


async def is_served(gateway: Running, path: str) -> None:
    """The next good request gets its answer."""
    assert (await ask(gateway.http, json.dumps(GOOD[path]).encode(), path)).status == 200


def is_refused(answer: Answer, param: str | None) -> None:
    """A 4xx in OpenAI's form, which names the field."""
    assert 400 <= answer.status < 500, answer.body
    error = answer.json["error"]
    assert error.keys() == {"message", "type", "param", "code"}
    assert error["type"] == "invalid_request_error"
    assert error["message"].strip()
    if param is not None:
        assert error["param"] is not None, error
        assert error["param"] == param or error["param"].startswith((f"{param}[", f"{param}.")), error
        assert error["param"] in error["message"] or error["code"], error  # a provider's words have a code


async def test_there_are_sixty_malformed_bodies_for_each_endpoint():
    assert all(len(cases(path)) >= 60 for path in GOOD)


@pytest.mark.parametrize(
    ("path", "bad"), [(p, b) for p, _, b in CASES], ids=[f"{p[4:]} {n}" for p, n, _ in CASES]
)
async def test_a_malformed_body_is_refused_by_the_name_of_its_field(gateway: Running, path: str, bad: Bad):
    answer = await ask(gateway.http, bad.body, path)
    is_refused(answer, bad.param)
    await is_served(gateway, path)


@pytest.mark.parametrize("path", GOOD)
@pytest.mark.parametrize(
    "headers",
    [
        {"content_type": "text/plain"},
        {"content_type": "application/x-www-form-urlencoded"},
        {"content_type": "multipart/form-data; boundary=x"},
        {"content_type": "application/msgpack"},
        {"content_type": "/"},
        {"content_encoding": "gzip"},
        {"content_encoding": "br"},
    ],
    ids=str,
)
async def test_another_content_type_is_refused(gateway: Running, path: str, headers: dict[str, str]):
    answer = await ask(gateway.http, json.dumps(GOOD[path]).encode(), path, **headers)
    assert answer.status == 415
    is_refused(answer, None)
    assert next(iter(headers)).replace("_", "-") in answer.json["error"]["message"].lower()
    await is_served(gateway, path)


@pytest.mark.parametrize("path", GOOD)
@pytest.mark.parametrize(
    "headers",
    [
        {"content_length": "-1"},
        {"content_length": "many"},
        {"content_length": "1, 2"},
        {"content_length": "9" * 30},
        {"content_length": "5", "transfer_encoding": "chunked"},
        {"content_length": "", "transfer_encoding": "gzip, identity"},
        {"x_request_timeout_ms": "soon"},
        {"x_request_timeout_ms": "-5"},
        {"authorization": "Bearer another-key-entirely"},
    ],
    ids=lambda headers: "; ".join(f"{k}: {v}" for k, v in headers.items()),
)
async def test_headers_that_make_no_sense_are_refused(gateway: Running, path: str, headers: dict[str, str]):
    answer = await ask(gateway.http, json.dumps(GOOD[path]).encode(), path, **headers)
    assert 400 <= answer.status < 500, answer
    assert answer.json["error"]["message"]
    await is_served(gateway, path)


@pytest.mark.parametrize("path", GOOD)
async def test_a_body_that_announces_too_much_is_refused_before_it_is_sent(gateway: Running, path: str):
    async with connected(gateway.http) as connection:
        await connection.send(b"", path, content_length=str(LIMIT + 1))
        answer = await connection.answer()
    assert answer.status == 413
    is_refused(answer, None)
    await is_served(gateway, path)


@pytest.mark.parametrize("path", GOOD)
async def test_a_body_in_chunks_that_grows_too_large_is_refused(gateway: Running, path: str):
    async with connected(gateway.http) as connection:
        await connection.send(b"", path, content_length="", transfer_encoding="chunked")
        mebibyte = b"%x\r\n%s\r\n" % (1024 * 1024, b" " * 1024 * 1024)
        for _ in range(LIMIT // (1024 * 1024) + 1):
            connection.writer.write(mebibyte)
            await connection.writer.drain()
        answer = await connection.answer()
    assert answer.status == 413
    is_refused(answer, None)
    await is_served(gateway, path)


@pytest.mark.parametrize("path", GOOD)
async def test_a_body_that_never_comes_whole_troubles_nobody(gateway: Running, path: str):
    async with connected(gateway.http) as connection:
        await connection.send(b'{"model"', path, content_length="1000")
    await is_served(gateway, path)
