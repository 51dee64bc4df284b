"""Bodies that no door may take, and none may fall over: for each operation, by what is wrong with them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

USER: Final = {"role": "user", "content": "Hello"}
GOOD: Final[Mapping[str, dict[str, Any]]] = {
    "/v1/chat/completions": {"model": "lite", "messages": [USER]},
    "/v1/completions": {"model": "lite", "prompt": "Hello"},
    "/v1/embeddings": {"model": "lite", "input": "Hello"},
}
DEEP: Final = 100_000
SAID: Final = {"/v1/chat/completions": "messages", "/v1/completions": "prompt", "/v1/embeddings": "input"}


@dataclass(frozen=True, slots=True)
class Bad:
    """A body, and the field that the refusal must name; None where there is none to name."""

    body: bytes
    param: str | None = None


def cases(path: str) -> dict[str, Bad]:
    """Every malformed body of one endpoint, by its name."""
    own = {"/v1/chat/completions": _chats, "/v1/completions": _completions, "/v1/embeddings": _embeddings}
    return {**_texts(path), **_values(path), **own[path]()}


def json_texts() -> dict[str, str]:
    """JSON values that are none, or that no reader can take."""
    return {
        "NaN": "NaN",
        "Infinity": "Infinity",
        "minus Infinity": "-Infinity",
        "a hexadecimal number": "0x10",
        "a leading zero": "01",
        "a plus sign": "+1",
        "no digit after the point": "1.",
        "no digit before the point": ".5",
        "no digit in the exponent": "1e",
        "5,000 digits": "9" * 5000,
        "5,000 decimals": "0." + "1" * 5000,
        "an exponent of 5,000 digits": "1e" + "9" * 5000,
        "a lone high surrogate": '"\\ud800"',
        "a lone low surrogate": '"\\udc00 x"',
        "surrogates in the wrong order": '"\\udc00\\ud800"',
        "a surrogate cut short": '"\\ud83d\\u00"',
        "an unknown escape": '"\\x41"',
        "a control character": '"a\nb"',
        "a NUL character": '"a\0b"',
        "an unclosed text": '"a',
        "100,000 open lists": "[" * DEEP,
        "100,000 nested lists": "[" * DEEP + "]" * DEEP,
        "100,000 nested objects": '{"a":' * DEEP + "1" + "}" * DEEP,
        "65 levels": "[" * 65 + "]" * 65,
        "100,001 members": "{" + ",".join(f'"k{number}":0' for number in range(100_001)) + "}",
        "100,001 items": "[" + "0," * 100_000 + "0]",
        "a trailing comma": "[1,]",
        "a missing comma": "[1 2]",
        "a missing colon": '{"a" 1}',
        "a key that is no text": "{1: 2}",
        "single quotes": "'a'",
        "a bare word": "undefined",
        "Python's True": "True",
        "a comment": "/* none */ 1",
    }


def _texts(path: str) -> dict[str, Bad]:
    good = json.dumps(GOOD[path]).encode()
    bad = {
        "nothing": b"",
        "white space": b" \r\n\t",
        "null": b"null",
        "true": b"true",
        "a number": b"5",
        "a text": b'"lite"',
        "an empty list": b"[]",
        "the request in a list": b"[" + good + b"]",
        "an open brace": b"{",
        "cut in half": good[: len(good) // 2],
        "cut before its end": good[:-1],
        "a brace too many": good + b"}",
        "garbage after it": good + b" x",
        "two requests": good + good,
        "two requests in lines": good + b"\n" + good,
        "a trailing comma": good[:-1] + b",}",
        "a byte order mark": b"\xef\xbb\xbf" + good,
        "UTF-16": good.decode().encode("utf-16"),
        "UTF-32": good.decode().encode("utf-32"),
        "Latin-1": good.replace(b"Hello", b"h\xe9llo"),
        "an overlong NUL": good.replace(b"Hello", b"\xc0\x80"),
        "a surrogate in UTF-8": good.replace(b"Hello", b"\xed\xa0\x80"),
        "beyond Unicode": good.replace(b"Hello", b"\xf5\x80\x80\x80"),
        "a NUL byte after it": good + b"\0",
        "a form": b"model=lite&prompt=Hello",
        "XML": b"<model>lite</model>",
        "MessagePack": b"\x81\xa5model\xa4lite",
        "gzip": b"\x1f\x8b\x08\x00\x00\x00\x00\x00",
        "100,000 open braces": b"{" * DEEP,
        "100,000 objects in each other": b'{"a":' * DEEP,
    }
    found = {name: Bad(body) for name, body in bad.items()}
    for name, text in json_texts().items():
        found[f"{name}, in an unknown member"] = Bad(_with(path, "unknown", text))
        found[f"{name}, as what was said"] = Bad(_with(path, SAID[path], text))
    return found


def _values(path: str) -> dict[str, Bad]:
    good = GOOD[path]
    found = {
        "no model": Bad(_without(path, "model"), "model"),
        "the model twice": Bad(json.dumps(good).encode()[:-1] + b',"model":"other"}', "model"),
        "the model twice, once escaped": Bad(
            json.dumps(good).encode()[:-1] + b',"mod\\u0065l":"other"}', "model"
        ),
        "nothing said": Bad(_without(path, SAID[path]), SAID[path]),
        "an object as what was said": Bad(_with(path, SAID[path], "{}"), SAID[path]),
        "a flag as what was said": Bad(_with(path, SAID[path], "true"), SAID[path]),
        "a number as what was said": Bad(_with(path, SAID[path], "5"), SAID[path]),
        "an empty list as what was said": Bad(_with(path, SAID[path], "[]"), SAID[path]),
        "a list of nothing as what was said": Bad(_with(path, SAID[path], "[null]"), SAID[path]),
    }
    for text in ("null", "5", "true", "[]", "{}", '""', '["lite"]'):
        found[f"model: {text}"] = Bad(_with(path, "model", text), "model")
    for name in ("api_base", "base_url", "api_key", "extra_headers"):
        found[f"{name} is the configuration's"] = Bad(_with(path, name, '"http://evil"'), name)
    members = {"user": ("5", "[]", "true")}
    if path != "/v1/embeddings":
        members |= {
            "stream": ('"yes"', "1", "[]"),
            "n": ('"two"', "1.5", "true", "-1", "1e30", "99999999999999999999"),
            "max_tokens": ('"many"', "1.5", "false", "-5", "[]"),
            "temperature": ('"hot"', "true", "[]", "{}", "1e400"),
            "top_p": ('"x"', "false"),
            "seed": ('"x"', "1.5", "99999999999999999999"),
            "stop": ("5", "{}", "[5]", "[null]", "true"),
            "logit_bias": ("[]", "5", '"x"'),
            "stream_options": ('"x"', "5", "[]"),
        }
    for name, texts in members.items():
        for text in texts:
            found[f"{name}: {text}"] = Bad(_with(path, name, text), name)
    return found


def _chats() -> dict[str, Bad]:
    path = "/v1/chat/completions"
    messages: dict[str, tuple[Any, str]] = {
        "a message that is a text": ("hi", "messages[0]"),
        "a message that is a list": ([], "messages[0]"),
        "no role": ({"content": "x"}, "messages[0].role"),
        "a number for a role": ({"role": 5, "content": "x"}, "messages[0].role"),
        "a role nobody knows": ({"role": "critic", "content": "x"}, "messages[0].role"),
        "a number for content": ({"role": "user", "content": 5}, "messages[0].content"),
        "an object for content": ({"role": "user", "content": {}}, "messages[0].content"),
        "a number for a part": ({"role": "user", "content": [5]}, "messages[0].content[0]"),
        "a number for a text": (
            {"role": "user", "content": [{"type": "text", "text": 5}]},
            "messages[0].content[0].text",
        ),
        "a number for an image": (
            {"role": "user", "content": [{"type": "image_url", "image_url": 5}]},
            "messages[0].content[0].image_url",
        ),
        "a text for calls": ({"role": "assistant", "tool_calls": "x"}, "messages[0].tool_calls"),
        "a number for a call": ({"role": "assistant", "tool_calls": [5]}, "messages[0].tool_calls[0]"),
        "a number for a name": ({**USER, "name": 5}, "messages[0].name"),
    }
    found = {
        name: Bad(json.dumps({"model": "lite", "messages": [message]}).encode(), param)
        for name, (message, param) in messages.items()
    }
    members: dict[str, tuple[tuple[str, str], ...]] = {
        "tools": (("{}", "tools"), ("[5]", "tools[0]"), ('[{"type": "function"}]', "tools[0]")),
        "tool_choice": (("5", "tool_choice"), ("[]", "tool_choice")),
        "response_format": (('"json"', "response_format"), ("5", "response_format")),
        "parallel_tool_calls": (('"yes"', "parallel_tool_calls"),),
        "logprobs": (('"yes"', "logprobs"), ("5", "logprobs")),
        "top_logprobs": (('"x"', "top_logprobs"), ("1.5", "top_logprobs")),
        "metadata": (("[]", "metadata"), ('{"a": 5}', "metadata"), ('"x"', "metadata")),
        "modalities": (('"text"', "modalities"), ("[5]", "modalities[0]")),
    }
    for name, pairs in members.items():
        for text, param in pairs:
            found[f"{name}: {text}"] = Bad(_with(path, name, text), param)
    return found


def _completions() -> dict[str, Bad]:
    path = "/v1/completions"
    prompts = ('[{"a": 1}]', '[1, "a"]', '["a", 1]', '[["a"]]', "[1.5]", "[[1], 2]", "[true]")
    found = {f"prompt: {text}": Bad(_with(path, "prompt", text), "prompt") for text in prompts}
    for name, text in (("echo", '"x"'), ("best_of", '"x"'), ("suffix", "5"), ("logprobs", '"x"')):
        found[f"{name}: {text}"] = Bad(_with(path, name, text), name)
    return found


def _embeddings() -> dict[str, Bad]:
    path = "/v1/embeddings"
    inputs = ('[{"a": 1}]', '[1, "a"]', '["a", 1]', '[["a"]]', "[1.5]", "[[1], 2]", "[true]")
    found = {f"input: {text}": Bad(_with(path, "input", text), "input") for text in inputs}
    members = {
        "dimensions": ('"x"', "1.5", "-5", "true", "99999999999999999999"),
        "encoding_format": ("5", "[]", '"zip"'),
        "stream": ("true",),
    }
    for name, texts in members.items():
        for text in texts:
            found[f"{name}: {text}"] = Bad(_with(path, name, text), name)
    return found


def _with(path: str, name: str, text: str) -> bytes:
    """A good request with one member replaced or added, its value as it stands."""
    members = {key: json.dumps(value) for key, value in GOOD[path].items()} | {name: text}
    return ("{" + ", ".join(f'"{key}": {value}' for key, value in members.items()) + "}").encode()


def _without(path: str, name: str) -> bytes:
    return json.dumps({key: value for key, value in GOOD[path].items() if key != name}).encode()
