"""/docs: the OpenAPI document as one page. No script and nothing from elsewhere, so it works offline.

An interactive page would load its code from a third party into the origin where people paste their keys.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from html import escape
from typing import Final, cast

import msgspec

from http_facade.caller import Caller
from http_facade.headers import HeaderList

_STYLE: Final = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
    "h2{margin-top:2.5rem;border-top:1px solid #ccc;padding-top:1rem}"
    "code,pre{font:14px/1.4 ui-monospace,monospace;background:#f4f4f4}pre{padding:.75rem;overflow:auto}"
    "td,th{text-align:left;vertical-align:top;padding:.15rem 1rem .15rem 0}"
    "b{font-family:ui-monospace,monospace}"
)
_SECURITY: Final = b"default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"

Node = Mapping[str, object]


class Docs:
    """The handlers of /docs and /openapi.json; both texts are made once."""

    def __init__(self, document: dict[str, object]) -> None:
        self._json = msgspec.json.encode(document)
        self._page = "".join(_page(document)).encode()

    async def page(self, caller: Caller) -> None:
        headers: HeaderList = [
            (b"content-type", b"text/html; charset=utf-8"),
            (b"content-security-policy", _SECURITY),
        ]
        await caller.answer(200, headers, self._page)

    async def openapi(self, caller: Caller) -> None:
        await caller.answer(200, [(b"content-type", b"application/json")], self._json)


def _page(document: Node) -> Iterator[str]:
    info = _node(document, "info")
    yield f"<!doctype html><html lang=en><meta charset=utf-8><title>{_show(info, 'title')}</title>"
    yield f"<style>{_STYLE}</style><h1>{_show(info, 'title')} {_show(info, 'version')}</h1>"
    yield f"<p>{_show(info, 'description')}</p>"
    yield '<p>The same for programs: <a href="openapi.json">openapi.json</a>.</p>'
    for path, operations in _node(document, "paths").items():
        for method, operation in cast("Node", operations).items():
            yield from _operation(method.upper(), path, cast("Node", operation))
    yield "<h2>Schemas</h2>"
    for name, schema in _node(_node(document, "components"), "schemas").items():
        yield from _schema(name, cast("Node", schema))


def _operation(method: str, path: str, operation: Node) -> Iterator[str]:
    yield f'<h2 id="{_show(operation, "operationId")}"><b>{method} {escape(path)}</b></h2>'
    scope = operation.get("x-scope")
    needs = f"Needs a key with scope <code>{escape(str(scope))}</code>." if scope else "Needs no key."
    yield f"<p>{_show(operation, 'summary')}. {needs}</p>"
    parameters = cast("Iterable[Node]", operation.get("parameters", ()))
    rows = [(f"{p['name']} ({p['in']})", str(p.get("description", ""))) for p in parameters]
    yield from _table(rows)
    if "requestBody" in operation:
        yield f"<p>Body: {_media(_node(operation, 'requestBody'))}</p>"
    responses = _node(operation, "responses").items()
    yield from _table(
        [
            (status, str(cast("Node", r).get("description", "")), _media(cast("Node", r)))
            for status, r in responses
        ]
    )


def _response(response: Node) -> tuple[str, str]:
    return str(response.get("description", "")), _media(response)


def _schema(name: str, schema: Node) -> Iterator[str]:
    text = json.dumps(schema, indent=1).replace("#/components/schemas/", "#schema-")
    yield f'<details id="schema-{escape(name)}"><summary><b>{escape(name)}</b></summary>'
    yield f"<pre>{escape(text)}</pre></details>"


def _table(rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    """Rows of a code word, a sentence, and a third cell that is HTML already."""
    yield "<table>"
    for word, says, *rest in rows:
        yield f"<tr><td><code>{escape(word)}</code><td>{escape(says)}<td>{''.join(rest)}"
    yield "</table>"


def _media(node: Node) -> str:
    """The schemas of a body, as links."""
    links = []
    for kind, media in _node(node, "content").items():
        schema = _node(cast("Node", media), "x-event-schema") or _node(cast("Node", media), "schema")
        name = str(schema.get("$ref", "")).rpartition("/")[2]
        link = f' <a href="#schema-{escape(name)}">{escape(name)}</a>' if name else ""
        links.append(f"<code>{escape(kind)}</code>{link}")
    return ", ".join(links)


def _node(parent: Node, key: str) -> Node:
    return cast("Node", parent.get(key, {}))


def _show(parent: Node, key: str) -> str:
    return escape(str(parent.get(key, "")))
