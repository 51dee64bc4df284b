"""A conversation as its vendors' wires tell it, read from the plain JSON: who said, saw, called and got what.

Each reader gives the same rows for the same conversation:

    ("system", text)  ("user", text)  ("user", IMAGE)  ("assistant", text)
    ("call", number, name, arguments)  ("result", number of the call that it answers, text)

A call's number counts from 0, so ids that are spelt differently are alike as long as calls and results match.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

Row = tuple[Any, ...]
Body = Mapping[str, Any]

IMAGE: Final = "<image>"


class _Calls:
    """Numbers calls by their ids. Raises where an id is given twice, or a result answers no open call."""

    def __init__(self) -> None:
        self._open: dict[str, int] = {}
        self._seen: set[str] = set()

    def call(self, id: str, name: str, arguments: object) -> Row:
        assert id not in self._seen, f"two calls have the id {id!r}"
        self._open[id] = len(self._seen)
        self._seen.add(id)
        return ("call", self._open[id], name, arguments)

    def result(self, id: str, text: str) -> Row:
        return ("result", self._open.pop(id), text)

    def end(self) -> None:
        assert not self._open, "every call has its result"


def of_openai(body: Body) -> list[Row]:
    """Chat Completions, as clients send it and as compatible vendors get it."""
    calls = _Calls()
    rows: list[Row] = []
    for message in body["messages"]:
        role, content = message["role"], message.get("content")
        if role == "tool":
            rows.append(calls.result(message["tool_call_id"], content))
            continue
        rows += [(role, said) for said in _said(content, "text", lambda part: part["type"] == "image_url")]
        for call in message.get("tool_calls") or ():
            function = call["function"]
            rows.append(calls.call(call["id"], function["name"], json.loads(function["arguments"])))
    calls.end()
    return rows


def of_anthropic(body: Body) -> list[Row]:
    calls = _Calls()
    rows: list[Row] = [("system", said) for said in _said(body.get("system"), "text")]
    for turn in body["messages"]:
        for block in _blocks(turn["content"]):
            match block:
                case {"type": "text", "text": text}:
                    rows.append((turn["role"], text))
                case {"type": "image"}:
                    rows.append((turn["role"], IMAGE))
                case {"type": "tool_use", "id": id, "name": name, "input": given}:
                    rows.append(calls.call(id, name, given))
                case {"type": "tool_result", "tool_use_id": id, "content": content}:
                    rows.append(calls.result(id, "".join(_said(content, "text"))))
                case {"type": "thinking" | "redacted_thinking"}:
                    pass
                case _:
                    raise AssertionError(f"a block of its own: {block}")
    calls.end()
    return rows


def of_converse(body: Body) -> list[Row]:
    calls = _Calls()
    rows: list[Row] = [("system", block["text"]) for block in body.get("system", ())]
    for turn in body["messages"]:
        for block in turn["content"]:
            match block:
                case {"text": text}:
                    rows.append((turn["role"], text))
                case {"image": _}:
                    rows.append((turn["role"], IMAGE))
                case {"toolUse": {"toolUseId": id, "name": name, "input": given}}:
                    rows.append(calls.call(id, name, given))
                case {"toolResult": {"toolUseId": id, "content": content}}:
                    rows.append(calls.result(id, "".join(part["text"] for part in content)))
                case {"reasoningContent": _}:
                    pass
                case _:
                    raise AssertionError(f"a block of its own: {block}")
    calls.end()
    return rows


def of_gemini(body: Body) -> list[Row]:
    calls = _Calls()
    roles = {"user": "user", "model": "assistant"}
    system = body.get("systemInstruction", {"parts": []})
    rows: list[Row] = [("system", part["text"]) for part in system["parts"]]
    for content in body["contents"]:
        role = roles[content["role"]]
        for part in content["parts"]:
            match part:
                case {"functionCall": {"id": id, "name": name, "args": given}}:
                    rows.append(calls.call(id, name, given))
                case {"functionResponse": {"id": id, "response": {"output": text}}}:
                    rows.append(calls.result(id, text))
                case {"inlineData": _}:
                    rows.append((role, IMAGE))
                case {"text": text} if text and not part.get("thought"):
                    rows.append((role, text))
                case {"thoughtSignature": _}:
                    pass
                case _:
                    raise AssertionError(f"a part of its own: {part}")
    calls.end()
    return rows


READERS: Final[Mapping[str, Callable[[Body], list[Row]]]] = {
    "openai": of_openai,
    "anthropic": of_anthropic,
    "converse": of_converse,
    "gemini": of_gemini,
}


def _blocks(content: Any) -> Iterable[Any]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def _said(content: Any, kind: str, is_image: Callable[[Any], bool] = lambda part: False) -> Iterator[str]:
    """The texts of a content that is one, a list of parts, or nothing; thoughts are left out."""
    for part in _blocks(content) if content else ():
        if is_image(part):
            yield IMAGE
        elif part["type"] != "thinking":
            yield part[kind]
