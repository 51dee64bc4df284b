"""What framing and signing for Bedrock cost, beside botocore.

Run alone: `pytest tests/bench/test_converse_bench.py`.

The limits are for the fastest round, since a shared machine makes the others slower at will.
"""

from typing import Any

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.eventstream import EventStreamBuffer

from switch_grpc.credentials.sigv4 import AwsKeys, SigV4
from switch_grpc.providers.dialects.base import Binding, Event, WireRequest
from switch_grpc.providers.dialects.converse import Converse
from switch_grpc.providers.framing.eventstream import EventStream
from switch_grpc.request import Head, MessageBody, Operation
from switch_grpc.v1 import chat_pb2
from tests.bench.test_openai_wire_bench import MICROSECOND, SMALL, fastest
from tests.support.bedrock import event

BINDING = Binding(
    target="a", provider="bedrock", model="claude-haiku-4-5", base_url="https://b", region="us-east-1"
)
HEAD = Head(operation=Operation.CHAT, route="lite")
PIECE = {"contentBlockIndex": 0, "delta": {"text": "Hello"}, "p": "abcdefghijklmnopqrstuvwxyzABCDEFGH"}
URL = "https://bedrock-runtime.us-east-1.amazonaws.com/model/us.amazon.nova-micro-v1%3A0/converse"


def test_a_piece_of_a_stream(benchmark: Any) -> None:
    """From its bytes to its chunk."""
    framing = EventStream()
    decoder = Converse().decoder(HEAD, MessageBody(chat_pb2.ChatRequest()), BINDING)
    data = event("contentBlockDelta", PIECE)

    def piece() -> None:
        framing._total = 0  # or a long round would reach the stream's limit
        for each in framing.feed(data):
            decoder.feed(each)

    decoder.feed(Event("messageStart", b'{"role":"assistant"}'))
    benchmark(piece)
    assert fastest(benchmark) <= 15 * MICROSECOND


def test_botocores_reader_of_the_same_piece(benchmark: Any) -> None:
    """For comparison: framing alone."""
    data = event("contentBlockDelta", PIECE)
    buffer = EventStreamBuffer()

    def piece() -> None:
        buffer.add_data(data)
        for _ in buffer:
            pass

    benchmark(piece)


REQUEST = WireRequest(url=URL, headers={"content-type": "application/json"}, body=SMALL)


def test_a_signature(benchmark: Any) -> None:
    signer = SigV4(AwsKeys("AKID", "secret"), "us-east-1", lambda: 1_795_435_200.0)
    benchmark(signer.sign, REQUEST)
    assert fastest(benchmark) <= 30 * MICROSECOND


def test_botocores_signature_of_the_same_request(benchmark: Any) -> None:
    """For comparison."""
    auth = SigV4Auth(Credentials("AKID", "secret"), "bedrock", "us-east-1")

    def sign() -> None:
        auth.add_auth(AWSRequest(method="POST", url=URL, headers=dict(REQUEST.headers), data=REQUEST.body))

    benchmark(sign)
