"""From a request to the steps of its answer: paths, keys, scripts and whose turn it is to fail.

Any prefix before an operation's path is accepted, with or without `/v1`, so that a provider's `apiBase` may
look as odd as it does in reality. `_DIALECTS` is the table of who speaks what.
"""

import functools
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final, NamedTuple
from urllib.parse import parse_qs, unquote

import msgspec

from switch_grpc.mock.anthropic_dialect import ANTHROPIC, ANTHROPIC_ON_VERTEX
from switch_grpc.mock.converse_dialect import CONVERSE
from switch_grpc.mock.dialect import PLAIN, Asked, Context, Dialect, Incoming, Operation
from switch_grpc.mock.failures import Failure, Refused, invalid
from switch_grpc.mock.faults import play
from switch_grpc.mock.fields import Json
from switch_grpc.mock.gemini_dialect import GEMINI
from switch_grpc.mock.ledger import Ledger, Request
from switch_grpc.mock.openai_dialect import OPENAI
from switch_grpc.mock.script import Fault, Script, calm
from switch_grpc.mock.steps import Answer, Headers, Step, Whole

# In the order in which they are asked whether a path is theirs; OpenAI's also answers for paths of nobody.
_DIALECTS: Final[tuple[Dialect, ...]] = (
    ANTHROPIC,
    ANTHROPIC_ON_VERTEX,
    CONVERSE,
    GEMINI,
    OPENAI,
)
# These speak of an error inside a 200, or say for themselves what the status means.
_OWN_STATUS: Final = frozenset({Fault.ERROR_EVENT, Fault.ERROR_BODY, Fault.ROLE_THEN_ERROR, Fault.HTML})
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
        path, _, query = request.path.partition("?")
        if is_own(path):
            return self._respond_own(request, path, close)
        found = _find(request, path)
        dialect = found.dialect if found is not None else OPENAI
        try:
            dialect.authorize(request, self.key)
            if found is None:
                raise _unknown_url(request)
            _expect_method(request, found.operation.method, path)
            return self._serve(request, found, query, close)
        except Refused as refused:
            answer = _error(refused.failure, dialect, _context(request, dialect, PLAIN))
            request.status = answer.status
            return play(answer, PLAIN, close=close)

    def _serve(self, request: Request, found: "_Found", query: str, close: bool) -> Iterator[Step]:
        incoming = Incoming(request.body, found.model, query, _noted(request, found.dialect))
        asked = _read(found.operation, incoming)
        request.model, script = asked.model, asked.script
        if asked.model and not script.failing(self._ledger.count(asked.model)):
            script = calm(script)
        context = _context(request, found.dialect, script)
        failure = script.failure() if script.fault not in _OWN_STATUS else None
        answer = asked.job(context) if failure is None else _error(failure, found.dialect, context)
        request.status = answer.status if script.fault is not Fault.HTML else script.status or 200
        return play(answer, script, close=close)

    def _respond_own(self, request: Request, path: str, close: bool) -> Iterator[Step]:
        try:
            answer = self._own(request, path)
        except Refused as refused:
            answer = _error(refused.failure, OPENAI, _context(request, OPENAI, PLAIN))
        return play(answer, PLAIN, close=close)

    def _own(self, request: Request, path: str) -> Answer:
        """The mock's own endpoints, outside of every dialect."""
        headers = _context(request, OPENAI, PLAIN).headers
        if request.method == "DELETE":
            self._ledger.reset()
            return _json({"reset": True}, headers)
        _expect_method(request, "GET", path)
        match path:
            case "/mock/requests":
                return _json([one.as_json() for one in self._shown(request.path)], headers)
            case "/mock/stats":
                return _json({**self._ledger.stats(), **self._gauges()}, headers)
            case _:
                raise _unknown_url(request)

    def _shown(self, path: str) -> list[Request]:
        """The last requests, `?limit=` of them."""
        asked = parse_qs(path.partition("?")[2]).get("limit", [""])[-1]
        limit = int(asked) if re.fullmatch(r"\d{1,9}", asked) else _SHOWN
        return self._ledger.requests[-limit:] if limit else []


class _Found(NamedTuple):
    """Whose path it is, and the model that it names, if it does."""

    dialect: Dialect
    operation: Operation
    model: str


def _find(request: Request, path: str) -> _Found | None:
    """The operation of a request; one of another method rather than none."""
    other = None
    for found in _candidates(path):
        if found.operation.when is None or found.operation.when(request):
            if found.operation.method == request.method:
                return found
            other = other or found
    return other


@functools.lru_cache(maxsize=1024)
def _candidates(path: str) -> tuple[_Found, ...]:
    """Every operation whose pattern the path has, in the order of the table."""
    return tuple(
        _Found(dialect, operation, unquote(match.groupdict().get("model") or ""))
        for dialect in _DIALECTS
        for operation in dialect.operations
        if (match := operation.pattern.fullmatch(path)) is not None
    )


def _noted(request: Request, dialect: Dialect) -> tuple[str, ...]:
    """The headers that the dialect's readers look at."""
    if not dialect.reads_headers:
        return ()
    return tuple(request.headers.get(name, "") for name in dialect.reads_headers)


def _read(operation: Operation, incoming: Incoming) -> Asked:
    """Raises Refused. The same small body is worked out once: benchmarks send little else."""
    if len(incoming.body) <= _SMALL:
        return _read_once(operation.read, incoming)
    return operation.read(incoming)


@functools.lru_cache(maxsize=128)
def _read_once(read: Callable[[Incoming], Asked], incoming: Incoming) -> Asked:
    return read(incoming)


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


def _context(request: Request, dialect: Dialect, script: Script) -> Context:
    """The attempt, with the dialect's headers and those that the mock and the script add."""
    headers = (*dialect.headers(request.id), ("x-mock-request-id", request.id))
    if script.retry_after is not None:
        headers += (("retry-after", script.retry_after),)
    if script.retry_after_ms is not None:
        headers += (("retry-after-ms", script.retry_after_ms),)
    return Context(attempt=request.id, headers=headers)


def _error(failure: Failure, dialect: Dialect, context: Context) -> Whole:
    headers = context.headers + dialect.wire.error_headers(failure)
    if 300 <= failure.status < 400:
        headers += (("location", "/mock/redirected"),)
    body = dialect.wire.error_body(failure, context.attempt)
    return Whole(
        status=failure.status, headers=headers, body=body, wire=dialect.wire, attempt=context.attempt
    )


def _json(value: Json, headers: Headers) -> Whole:
    return Whole(headers=headers, body=msgspec.json.encode(value), wire=OPENAI.wire)
