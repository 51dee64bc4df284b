"""Gemini's dialect: the paths of the Gemini API and of Vertex AI, and their keys.

    /v1beta/models/MODEL:METHOD
    /v1/projects/P/locations/L/publishers/google/models/MODEL:METHOD
    /v1/projects/P/locations/L/endpoints/ID:METHOD                       a tuned model

The key comes as `x-goog-api-key`, as `?key=` or as a Bearer token.
"""

from collections.abc import Callable
from functools import partial
from typing import Final
from urllib.parse import parse_qs

from switch_grpc.mock.dialect import (
    PLAIN,
    Asked,
    Dialect,
    Incoming,
    Job,
    Operation,
    bearer,
    same_key,
    script_of,
    under,
)
from switch_grpc.mock.failures import Failure, Refused
from switch_grpc.mock.gemini import generate, stream
from switch_grpc.mock.gemini_ask import read_generate
from switch_grpc.mock.gemini_embed import (
    batch_embed_contents,
    count_tokens,
    embed_content,
    predict,
    shows,
)
from switch_grpc.mock.gemini_fields import refusal
from switch_grpc.mock.gemini_models import entry, listing
from switch_grpc.mock.gemini_wire import WIRE
from switch_grpc.mock.ledger import Request
from switch_grpc.mock.script import Script
from switch_grpc.mock.steps import Headers

_API: Final = r"models/(?P<model>[^/]+)"
_VERTEX: Final = r"(?:publishers/google/models|endpoints)/(?P<model>[^/]+)"

_Method = Callable[[Incoming, str, Script], Job]


def _generate(incoming: Incoming, model: str, script: Script, *, vertex: bool) -> Job:
    ask, options = read_generate(incoming.body, model, vertex=vertex)
    return generate(ask, options, script)


def _stream(incoming: Incoming, model: str, script: Script, *, vertex: bool) -> Job:
    ask, options = read_generate(incoming.body, model, vertex=vertex)
    return stream(ask, options, script, sse=parse_qs(incoming.query).get("alt") == ["sse"])


def _embed(incoming: Incoming, model: str, script: Script, *, vertex: bool) -> Job:
    return embed_content(incoming.body, model, vertex=vertex)


def _batch(incoming: Incoming, model: str, script: Script) -> Job:
    return batch_embed_contents(incoming.body, model)


def _predict(incoming: Incoming, model: str, script: Script) -> Job:
    return predict(incoming.body, model)


def _count(incoming: Incoming, model: str, script: Script, *, vertex: bool) -> Job:
    return count_tokens(incoming.body, model, vertex=vertex)


def _unknown(incoming: Incoming, model: str, script: Script) -> Job:
    raise _no_method()


def _no_method() -> Refused:
    return refusal("Method not found.", status=404, type="NOT_FOUND")


def _post(place: str, name: str, method: _Method) -> Operation:
    def read(incoming: Incoming) -> Asked:
        script = script_of(incoming.model)
        return Asked(incoming.model, script, method(incoming, incoming.model, script))

    return Operation(method="POST", pattern=under(f"{place}:{name}"), read=read)


def _shown(incoming: Incoming, *, vertex: bool) -> Asked:
    """The list, or one entry if the path names a model."""
    if not incoming.model:
        return Asked("", PLAIN, shows(listing(incoming.query, vertex=vertex)))
    if ":" in incoming.model:  # a method that wants POST
        raise _no_method()
    script_of(incoming.model)
    return Asked("", PLAIN, shows(entry(incoming.model, vertex=vertex)))


def _is_gemini(request: Request) -> bool:
    """Whether a list of models is asked for in Google's way: other vendors have the same path."""
    path, _, query = request.path.partition("?")
    if "/openai/" in path:  # Google's own OpenAI-compatible endpoint
        return False
    return "/v1beta/" in path or "x-goog-api-key" in request.headers or "key" in parse_qs(query)


def _get(pattern: str, *, vertex: bool) -> Operation:
    return Operation(
        method="GET",
        pattern=under(pattern),
        read=partial(_shown, vertex=vertex),
        when=None if vertex else _is_gemini,
    )


def _authorize(request: Request, key: str | None) -> None:
    """What Google says without a key is another thing than what it says of a wrong one."""
    if key is None:
        return
    _, _, query = request.path.partition("?")
    token = bearer(request)
    sent = request.headers.get("x-goog-api-key") or parse_qs(query).get("key", [""])[-1] or token
    if not sent:
        raise _denied(
            403,
            "PERMISSION_DENIED",
            "Method doesn't allow unregistered callers (callers without established identity). Please use "
            "API Key or other form of API consumer identity to call this API.",
        )
    if same_key(sent, key):
        return
    if token is None:
        raise _denied(
            400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.", "API_KEY_INVALID"
        )
    raise _denied(
        401,
        "UNAUTHENTICATED",
        "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or "
        "other valid authentication credential.",
        "ACCESS_TOKEN_TYPE_UNSUPPORTED",
    )


def _denied(status: int, type: str, message: str, code: str | None = None) -> Refused:
    return Refused(Failure(status=status, type=type, message=message, code=code, exact=True))


def _headers(attempt: str) -> Headers:
    return (("vary", "Origin, X-Origin, Referer"), ("server-timing", "gfet4t7; dur=1"))


GEMINI: Final = Dialect(
    name="gemini",
    wire=WIRE,
    operations=(
        _post(_VERTEX, "generateContent", partial(_generate, vertex=True)),
        _post(_VERTEX, "streamGenerateContent", partial(_stream, vertex=True)),
        _post(_VERTEX, "embedContent", partial(_embed, vertex=True)),
        _post(_VERTEX, "predict", _predict),
        _post(_VERTEX, "countTokens", partial(_count, vertex=True)),
        _post(_VERTEX, r"\w+", _unknown),
        _post(_API, "generateContent", partial(_generate, vertex=False)),
        _post(_API, "streamGenerateContent", partial(_stream, vertex=False)),
        _post(_API, "embedContent", partial(_embed, vertex=False)),
        _post(_API, "batchEmbedContents", _batch),
        _post(_API, "countTokens", partial(_count, vertex=False)),
        _post(_API, r"\w+", _unknown),
        _get(r"publishers/google/models(?:/(?P<model>[^/]+))?", vertex=True),
        _get(r"models(?:/(?P<model>[^/]+))?", vertex=False),
    ),
    authorize=_authorize,
    headers=_headers,
)
