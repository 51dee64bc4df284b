"""What the unmodified boto3 gets of the mock, scenario by scenario.

Needs nothing but boto3, so that it also runs where the newest one is installed:
`python boto3_scenarios.py URL ACCESS SECRET HTTPS_URL CA_FILE` prints the names of those that held.
"""

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError, EventStreamError

CLAUDE = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(8)
WEATHER: dict[str, Any] = {
    "toolSpec": {
        "name": "get_weather",
        "description": "The weather in a city",
        "inputSchema": {
            "json": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
        },
    }
}
NOW: dict[str, Any] = {"toolSpec": {"name": "now", "inputSchema": {"json": {"type": "object"}}}}


@contextmanager
def client(url: str, access: str | None, secret: str | None, **more: Any) -> Iterator[Any]:
    made: Any = boto3.Session().client(
        "bedrock-runtime",
        region_name=more.pop("region", "us-east-1"),
        endpoint_url=url,
        aws_access_key_id=access,
        aws_secret_access_key=secret,
        config=Config(retries={"total_max_attempts": 1}),
        **more,
    )
    try:
        yield made
    finally:
        made.close()


def user(text: str, *blocks: dict[str, Any]) -> dict[str, Any]:
    return {"role": "user", "content": [{"text": text}, *blocks]}


def text_of(answer: Any) -> str:
    return "".join(block.get("text", "") for block in answer["output"]["message"]["content"])


def folded(events: Any) -> tuple[list[dict[str, Any]], str, dict[str, Any]]:
    """A stream's content blocks, as the whole answer has them, its stop reason and its usage."""
    blocks: dict[int, dict[str, Any]] = {}
    reason, usage, kinds = "", {}, []
    for event in events:
        ((kind, value),) = event.items()
        kinds.append(kind)
        index = value.get("contentBlockIndex")
        if kind == "contentBlockStart":
            blocks[index] = {"toolUse": {**value["start"]["toolUse"], "input": ""}}
        elif kind == "contentBlockDelta":
            _add(blocks, index, value["delta"])
        elif kind == "messageStop":
            reason = value["stopReason"]
        elif kind == "metadata":
            usage = value["usage"]
    assert kinds[0] == "messageStart"
    assert kinds[-2:] == ["messageStop", "metadata"]
    assert kinds.count("contentBlockStop") == len(blocks)
    for block in blocks.values():
        if "toolUse" in block:
            block["toolUse"]["input"] = json.loads(block["toolUse"]["input"] or "{}")
    return [blocks[k] for k in sorted(blocks)], reason, usage


def _add(blocks: dict[int, dict[str, Any]], index: int, delta: dict[str, Any]) -> None:
    if "text" in delta:
        blocks.setdefault(index, {"text": ""})["text"] += delta["text"]
    elif "toolUse" in delta:
        blocks[index]["toolUse"]["input"] += delta["toolUse"]["input"]
    else:
        empty = {"reasoningContent": {"reasoningText": {"text": "", "signature": ""}}}
        said = blocks.setdefault(index, empty)["reasoningContent"]["reasoningText"]
        for key, piece in delta["reasoningContent"].items():
            said[key] += piece


def both(bedrock: Any, model: str = CLAUDE, **request: Any) -> Any:
    """The whole answer, after the stream of the same request was found to say the same."""
    whole = bedrock.converse(modelId=model, **request)
    streamed = folded(bedrock.converse_stream(modelId=model, **request)["stream"])
    assert streamed == (whole["output"]["message"]["content"], whole["stopReason"], whole["usage"])
    return whole


# -- the scenarios --


def a_chat(bedrock: Any) -> None:
    answer = both(
        bedrock,
        messages=[
            user("My name is Ada."),
            {"role": "assistant", "content": [{"text": "Hello Ada."}]},
            user("Good day, 你好"),
        ],
        system=[{"text": "Be brief."}],
        inferenceConfig={"maxTokens": 500, "temperature": 0.5, "topP": 0.9},
    )
    assert text_of(answer).startswith("You said: Good day, 你好.")
    assert answer["stopReason"] == "end_turn"
    usage = answer["usage"]
    assert usage["totalTokens"] == usage["inputTokens"] + usage["outputTokens"]
    assert answer["metrics"]["latencyMs"] > 0
    assert answer["ResponseMetadata"]["RequestId"]


def models_by_arn(bedrock: Any) -> None:
    """Slashes and colons of an id are one segment of the path, and signed as such."""
    profile = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/a1b2c3"
    for model in (profile, "anthropic.claude-3-haiku-20240307-v1:0", "mock;chunks=2"):
        both(bedrock, model, messages=[user("Hello")])


def limits_and_stops(bedrock: Any) -> None:
    cut = both(bedrock, messages=[user("one two")], inferenceConfig={"maxTokens": 2})
    assert (text_of(cut), cut["stopReason"]) == ("You said:", "max_tokens")
    stopped = both(
        bedrock,
        messages=[user("one two")],
        inferenceConfig={"stopSequences": ["two"]},
        additionalModelResponseFieldPaths=["/stop_sequence", "/unheard_of"],
    )
    assert (text_of(stopped), stopped["stopReason"]) == ("You said: one ", "stop_sequence")
    assert stopped["additionalModelResponseFields"] == {"stop_sequence": "two"}


def tools_round_trip(bedrock: Any) -> None:
    tools = {"tools": [WEATHER, NOW, {"cachePoint": {"type": "default"}}]}
    asked = user("Ask get_weather and now")
    called = both(bedrock, messages=[asked], toolConfig=tools)
    assert called["stopReason"] == "tool_use"
    calls = [block["toolUse"] for block in called["output"]["message"]["content"]]
    assert [call["name"] for call in calls] == ["get_weather", "now"]
    assert isinstance(calls[0]["input"]["city"], str)
    assert calls[1]["input"] == {}
    results = [
        {"toolResult": {"toolUseId": calls[0]["toolUseId"], "content": [{"json": {"celsius": 21}}]}},
        {
            "toolResult": {
                "toolUseId": calls[1]["toolUseId"],
                "content": [{"text": "noon"}],
                "status": "error",
            }
        },
    ]
    told = both(
        bedrock,
        messages=[asked, called["output"]["message"], {"role": "user", "content": results}],
        toolConfig=tools,
    )
    assert text_of(told).startswith('The tool says: {"celsius":21}; noon.')
    assert told["usage"]["cacheReadInputTokens"] > 0
    assert told["usage"]["cacheWriteInputTokens"] > 0


def forced_tools(bedrock: Any) -> None:
    for choice, name in (({"any": {}}, "get_weather"), ({"tool": {"name": "now"}}, "now")):
        answer = both(
            bedrock, messages=[user("Hi")], toolConfig={"tools": [WEATHER, NOW], "toolChoice": choice}
        )
        assert [block["toolUse"]["name"] for block in answer["output"]["message"]["content"]] == [name]
    auto = both(bedrock, messages=[user("Hi")], toolConfig={"tools": [WEATHER], "toolChoice": {"auto": {}}})
    assert auto["stopReason"] == "end_turn"


def images_and_documents(bedrock: Any) -> None:
    answer = both(
        bedrock,
        messages=[
            user(
                "Look",
                {"image": {"format": "png", "source": {"bytes": PNG}}},
                {"document": {"format": "pdf", "name": "Report 1", "source": {"bytes": b"%PDF-1.7"}}},
                {"document": {"format": "txt", "name": "Notes (2)", "source": {"text": "few"}}},
                {"cachePoint": {"type": "default"}},
            )
        ],
    )
    assert "I see 1 image." in text_of(answer)
    assert "I got 2 files." in text_of(answer)


def reasoning_round_trip(bedrock: Any) -> None:
    thinking = {"thinking": {"type": "enabled", "budget_tokens": 2048}}
    asked = user("Think")
    answer = both(bedrock, messages=[asked], additionalModelRequestFields=thinking)
    first, second = answer["output"]["message"]["content"]
    assert first["reasoningContent"]["reasoningText"]["signature"]
    assert second["text"].startswith("You said: Think.")
    again = [asked, answer["output"]["message"], user("Go on")]
    both(bedrock, messages=again, additionalModelRequestFields=thinking)
    first["reasoningContent"]["reasoningText"]["text"] += " Or not."
    raises(
        bedrock.exceptions.ValidationException,
        "Invalid `signature` in `thinking` block",
        bedrock.converse,
        modelId=CLAUDE,
        messages=again,
        additionalModelRequestFields=thinking,
    )


def guardrails_and_performance(bedrock: Any) -> None:
    guardrail = {"guardrailIdentifier": "abc123", "guardrailVersion": "DRAFT", "trace": "enabled"}
    answer = both(
        bedrock,
        "mock;filter",
        messages=[user("Hello", {"guardContent": {"text": {"text": "this", "qualifiers": ["query"]}}})],
        guardrailConfig=guardrail,
        performanceConfig={"latency": "optimized"},
    )
    assert answer["stopReason"] == "guardrail_intervened"
    assert answer["performanceConfig"] == {"latency": "optimized"}
    (found,) = answer["trace"]["guardrail"]["outputAssessments"]["abc123"]
    assert found["contentPolicy"]["filters"][0]["action"] == "BLOCKED"
    assert both(bedrock, "mock;filter", messages=[user("Hello")])["stopReason"] == "content_filtered"


def raises(kind: type[Exception], told: str, call: Callable[..., Any], *given: Any, **named: Any) -> Any:
    """The exception, which is of this kind and has this in its message."""
    try:
        call(*given, **named)
    except kind as error:
        caught = error
    else:
        raise AssertionError(f"no {kind.__name__}")
    assert told in str(caught), str(caught)
    return caught


EXCEPTIONS = [
    ("mock;status=400", "ValidationException", 400),
    ("mock;error=context_length_exceeded", "ValidationException", 400),
    ("mock;status=403", "AccessDeniedException", 403),
    ("mock;status=404", "ResourceNotFoundException", 404),
    ("missing-model", "ResourceNotFoundException", 404),
    ("mock;status=408", "ModelTimeoutException", 408),
    ("mock;status=424", "ModelErrorException", 424),
    ("mock;status=429", "ThrottlingException", 429),
    ("mock;status=429;type=ModelNotReadyException", "ModelNotReadyException", 429),
    ("mock;status=400;type=ServiceQuotaExceededException", "ServiceQuotaExceededException", 400),
    ("mock;status=500", "InternalServerException", 500),
    ("mock;status=503", "ServiceUnavailableException", 503),
    ("mock;status=529", "ServiceUnavailableException", 529),
]


def errors_are_boto3s_own_classes(bedrock: Any) -> None:
    for model, name, status in EXCEPTIONS:
        for ask in (bedrock.converse, bedrock.converse_stream):
            kind = getattr(bedrock.exceptions, name)
            error = raises(kind, "", ask, modelId=model, messages=[user("Hi")])
            assert error.response["ResponseMetadata"]["HTTPStatusCode"] == status
            assert error.response["Error"]["Message"]


def bad_requests_are_refused(bedrock: Any) -> None:
    """What boto3 lets through and Bedrock does not take."""
    turn = {"role": "assistant", "content": [{"text": "Hi"}]}
    for messages, told in (
        ([turn], "must start with a user message"),
        ([user("a"), user("b")], "must alternate between user and assistant roles"),
        ([user(" ")], "is blank"),
    ):
        refused = bedrock.exceptions.ValidationException
        raises(refused, told, bedrock.converse, modelId=CLAUDE, messages=messages)


IN_STREAM = [
    ("status=400", "validationException"),
    ("status=429", "throttlingException"),
    ("status=503", "serviceUnavailableException"),
    ("status=424", "modelStreamErrorException"),
    ("status=500", "internalServerException"),
]


def exceptions_inside_a_stream(bedrock: Any) -> None:
    for fault in ("error-event;after=2", "role-then-error", "error-event"):
        for script, name in IN_STREAM:
            answer = bedrock.converse_stream(modelId=f"mock;fault={fault};{script}", messages=[user("Hi")])
            seen: list[Any] = []
            raises(EventStreamError, name, seen.extend, answer["stream"])
            answer["stream"].close()
            assert len(seen) == {"error-event;after=2": 3, "role-then-error": 1, "error-event": 0}[fault]


def invoked(bedrock: Any, model: str, body: dict[str, Any]) -> Any:
    answer = bedrock.invoke_model(modelId=model, body=json.dumps(body))
    assert answer["contentType"] == "application/json"
    return json.loads(answer["body"].read())


def embeddings(bedrock: Any) -> None:
    one = invoked(bedrock, "amazon.titan-embed-text-v1", {"inputText": "Hello"})
    assert (len(one["embedding"]), one["inputTextTokenCount"]) == (1536, 2)
    two = invoked(bedrock, "amazon.titan-embed-text-v2:0", {"inputText": "Hello", "dimensions": 256})
    assert len(two["embedding"]) == 256
    ask = {"texts": ["a", "b"], "input_type": "search_query"}
    three = invoked(bedrock, "cohere.embed-english-v3", ask)
    assert [len(vector) for vector in three["embeddings"]] == [1024, 1024]
    four = invoked(bedrock, "cohere.embed-v4:0", {**ask, "output_dimension": 512})
    assert [len(vector) for vector in four["embeddings"]["float"]] == [512, 512]
    raises(
        bedrock.exceptions.ValidationException,
        "Malformed input request",
        *(invoked, bedrock, "amazon.titan-embed-text-v1", {"inputText": "Hello", "dimensions": 256}),
    )


SCENARIOS: list[Callable[[Any], None]] = [
    a_chat,
    models_by_arn,
    limits_and_stops,
    tools_round_trip,
    forced_tools,
    images_and_documents,
    reasoning_round_trip,
    guardrails_and_performance,
    errors_are_boto3s_own_classes,
    bad_requests_are_refused,
    exceptions_inside_a_stream,
    embeddings,
]


def wrong_keys(url: str, access: str, secret: str) -> None:
    """Keys are checked by their signature, which needs the secret; a Bedrock API key goes without."""
    for pair, name in (
        ((access, "wrong"), "InvalidSignatureException"),
        (("AKIDUNKNOWN", secret), "UnrecognizedClientException"),
    ):
        with client(url, *pair) as bedrock:
            error = raises(ClientError, "", bedrock.converse, modelId=CLAUDE, messages=[user("Hi")])
        assert error.response["Error"]["Code"] == name
        assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 403


def an_api_key(url: str, key: str, authority: str) -> None:
    """boto3 takes a Bedrock API key from the environment, and then signs nothing; newer ones want TLS."""
    # Without the second, boto3 asks the machine's metadata service for keys that it does not need.
    for name, value in (("AWS_BEARER_TOKEN_BEDROCK", key), ("AWS_EC2_METADATA_DISABLED", "true")):
        os.environ[name] = value
    try:
        with client(url, None, None, verify=authority) as bedrock:
            a_chat(bedrock)
        os.environ["AWS_BEARER_TOKEN_BEDROCK"] = "wrong"
        with client(url, None, None, verify=authority) as bedrock:
            refused = bedrock.exceptions.AccessDeniedException
            raises(refused, "Please make sure your API Key is valid.", a_chat, bedrock)
    finally:
        del os.environ["AWS_BEARER_TOKEN_BEDROCK"], os.environ["AWS_EC2_METADATA_DISABLED"]


def main(url: str, access: str, secret: str, secure_url: str, authority: str) -> None:
    held = []
    with client(url, access, secret) as bedrock:
        for scenario in SCENARIOS:
            scenario(bedrock)
            held.append(scenario.__name__)
    wrong_keys(url, access, secret)
    an_api_key(secure_url, f"{access}:{secret}", authority)
    sys.stdout.write("\n".join((*held, wrong_keys.__name__, an_api_key.__name__)) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
