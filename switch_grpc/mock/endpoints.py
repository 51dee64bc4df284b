"""From a request to the steps of its answer: paths, keys, scripts and whose turn it is to fail.

Any prefix before the operation's path is accepted, with or without `/v1`, so that a provider's `apiBase` may
look as odd as it does in reality.
"""

import functools
import hmac
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qs, unquote

import msgspec

from switch_grpc.mock.failures import Failure, Refused, invalid
from switch_grpc.mock.faults import play
from switch_grpc.mock.fields import Json, missing, needed_string, record
from switch_grpc.mock.ledger import Ledger, Request
from switch_grpc.mock.openai import WIRE, Context, Job, chat
from switch_grpc.mock.openai_text import complete, embed, model_entry, model_list
from switch_grpc.mock.script import Fault, Script, ScriptError, calm, parse_script
from switch_grpc.mock.steps import Answer, Headers, Step, Whole

_Operation = Callable[[dict[str, Json], str, Script], Job]
_OPERATIONS: Final[Mapping[str, _Operation]] = {
    "chat/completions": chat,
    "completions": complete,
    "embeddings": embed,
}
_PATH: Final = re.compile(r"/(?:.*/)?(chat/completions|(?<!chat/)completions|embeddings)/?")
_MODELS: Final = re.compile(r"/(?:.*?/)?models(?:/(.+))?")
_MISSING: Final = "missing"  # models whose name begins so do not exist
# These speak of an error inside a 200, or say for themselves what the status means.
_OWN_STATUS: Final = frozenset({Fault.ERROR_EVENT, Fault.ERROR_BODY, Fault.ROLE_THEN_ERROR, Fault.HTML})
_PLAIN: Final = Script()
_SMALL: Final = 16 * 1024  # bytes of a request body that is remembered
_SHOWN: Final = 100  # requests in GET /mock/requests


def is_own(path: str) -> bool:
    """Whether a path (a query may follow) is one of the mock's own."""
    return path == "/mock" or path.startswith(("/mock/", "/mock?"))


class Endpoints:
    """Answers requests; knows the key, writes the model and status of each request into its record."""

    def __init__(self, ledger: Ledger, key: str | None, gauges: Callable[[], Mapping[str, int]]) -> None:
        self.key = key
        self._ledger = ledger
        self._gauges = gauges

    def respond(self, request: Request) -> Iterator[Step]:
        """The steps of the answer. Never raises: what is wrong with a request is in its answer."""
        close = not request.keep_alive
        path = request.path.partition("?")[0]
        context = Context(attempt=request.id, headers=_headers(request.id, _PLAIN))
        try:
            if is_own(path):
                return play(self._own(request, path, context), _PLAIN, close=close)
            self._check_key(request)
            return self._serve(request, path, close)
        except Refused as refused:
            answer = _error(refused.failure, context)
            request.status = answer.status
            return play(answer, _PLAIN, close=close)

    def _serve(self, request: Request, path: str, close: bool) -> Iterator[Step]:
        found = _PATH.fullmatch(path)
        if found is None:
            answer = _models(request, path)
            request.status = answer.status
            return play(answer, _PLAIN, close=close)
        _expect_method(request, "POST", path)
        asked = _read(found[1], request.body)
        request.model, script = asked.model, asked.script
        if not script.failing(self._ledger.count(asked.model)):
            script = calm(script)
        context = Context(attempt=request.id, headers=_headers(request.id, script))
        failure = script.failure() if script.fault not in _OWN_STATUS else None
        answer = _error(failure, context) if failure is not None else asked.job(context)
        request.status = answer.status if script.fault is not Fault.HTML else script.status or 200
        return play(answer, script, close=close)

    def _check_key(self, request: Request) -> None:
        """Raises Refused unless the key came, in any of the headers that vendors use."""
        if self.key is None:
            return
        scheme, _, bearer = request.headers.get("authorization", "").partition(" ")
        sent = bearer.strip() if scheme.lower() == "bearer" else None
        sent = sent or request.headers.get("x-api-key") or request.headers.get("api-key")
        if not sent:
            raise invalid(
                "You didn't provide an API key. You need to provide your API key in an Authorization header "
                "using Bearer auth (i.e. Authorization: Bearer YOUR_KEY).",
                status=401,
            )
        if not hmac.compare_digest(sent.encode(), self.key.encode()):
            shown = sent[:3] + "*" * 5 + sent[-2:] if len(sent) > 12 else "*" * 5
            raise invalid(f"Incorrect API key provided: {shown}.", code="invalid_api_key", status=401)

    def _own(self, request: Request, path: str, context: Context) -> Answer:
        """The mock's own endpoints, outside of every dialect."""
        if request.method == "DELETE":
            self._ledger.reset()
            return _json({"reset": True}, context.headers)
        _expect_method(request, "GET", path)
        match path:
            case "/mock/requests":
                return _json([one.as_json() for one in self._shown(request.path)], context.headers)
            case "/mock/stats":
                return _json({**self._ledger.stats(), **self._gauges()}, context.headers)
            case _:
                raise _unknown_url(request)

    def _shown(self, path: str) -> list[Request]:
        """The last requests, `?limit=` of them."""
        asked = parse_qs(path.partition("?")[2]).get("limit", [""])[-1]
        limit = int(asked) if re.fullmatch(r"\d{1,9}", asked) else _SHOWN
        return self._ledger.requests[-limit:] if limit else []


def _models(request: Request, path: str) -> Answer:
    headers = _headers(request.id, _PLAIN)
    found = _MODELS.fullmatch(path)
    if found is None:
        raise _unknown_url(request)
    _expect_method(request, "GET", path)
    if found[1] is None:
        return _json(model_list(), headers)
    model = unquote(found[1])
    _script(model)
    return _json(model_entry(model), headers)


@dataclass(frozen=True, slots=True)
class _Asked:
    """A request's body, read and worked out."""

    model: str
    script: Script
    job: Job


def _read(operation: str, body: bytes) -> _Asked:
    """Raises Refused. The same small body is worked out once: benchmarks send little else."""
    return _work_out_once(operation, body) if len(body) <= _SMALL else _work_out(operation, body)


def _work_out(operation: str, data: bytes) -> _Asked:
    body = _decoded(data)
    model = needed_string(body.get("model"), "model")
    script = _script(model)
    return _Asked(model, script, _OPERATIONS[operation](body, model, script))


_work_out_once = functools.lru_cache(maxsize=128)(_work_out)


def _script(model: str) -> Script:
    try:
        script = parse_script(model)
    except ScriptError as error:
        raise invalid(
            f"The mock cannot read the model name: {error}.", param="model", code="invalid_script"
        ) from error
    if script.name.startswith(_MISSING):
        raise invalid(
            f"The model `{model}` does not exist or you do not have access to it.",
            code="model_not_found",
            status=404,
        )
    return script


def _decoded(data: bytes) -> dict[str, Json]:
    try:
        value: Json = msgspec.json.decode(data)
        body = record(value, "body")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise invalid(
            "We could not parse the JSON body of your request. (HINT: This likely means you aren't using "
            "your HTTP library correctly. The API expects a JSON payload, but what was sent was not valid "
            f"JSON: {error})"
        ) from error
    if body is None:
        raise missing("body")
    return body


def _expect_method(request: Request, method: str, path: str) -> None:
    if request.method != method:
        raise invalid(
            f"Not allowed to {request.method} on {path}. "
            "(HINT: Perhaps you meant to use a different HTTP method?)",
            status=405,
            code="method_not_supported",
        )


def _unknown_url(request: Request) -> Refused:
    return invalid(f"Invalid URL ({request.method} {request.path})", status=404)


def _headers(attempt: str, script: Script) -> Headers:
    headers: Headers = (
        ("x-request-id", f"req_{attempt}"),
        ("x-mock-request-id", attempt),
        ("openai-processing-ms", "1"),
        ("x-ratelimit-limit-requests", "10000"),
        ("x-ratelimit-remaining-requests", "9999"),
    )
    if script.retry_after is not None:
        headers += (("retry-after", script.retry_after),)
    if script.retry_after_ms is not None:
        headers += (("retry-after-ms", script.retry_after_ms),)
    return headers


def _error(failure: Failure, context: Context) -> Whole:
    headers = context.headers
    if 300 <= failure.status < 400:
        headers += (("location", "/mock/redirected"),)
    return Whole(status=failure.status, headers=headers, body=WIRE.error_body(failure), wire=WIRE)


def _json(value: Json, headers: Headers) -> Whole:
    return Whole(headers=headers, body=msgspec.json.encode(value), wire=WIRE)
