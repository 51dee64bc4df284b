"""Switch: one routing engine behind two doors, gRPC and OpenAI-compatible HTTP, in front of many providers.

Ten words, one meaning each. A **route** is the name callers ask for; behind it stand **targets** (provider,
model, credentials, priority, weight). A **provider** is a vendor's row; a **dialect** is a wire format. A
**call** is who asks, until when, with which id; an **attempt** is one try at one target; a **fault** is a
classified failure. A **breaker** is closed, open or half open; a **signer** adds outbound auth; a **door** is
a way in.

The tree reads in the order of a request: config -> auth -> routing -> providers -> credentials -> upstream ->
engine -> server (gRPC) and http_facade (HTTP). Arrows point down only, which tests/test_layers.py checks:

    5  assembly, gateway, cli, mock           may import everything
    4  server, http_facade, switch_client     doors: translate, never route
    3  engine                                 orchestrates 0-2
    2  upstream, credentials, config.source, observers, permit    IO and the event loop; clocks are injected
    1  routing, providers, config.schema/parse/check, auth    pure: no await, no clock, no environment
    0  v1, faults, call, answered, request, openai_wire, events

The protobuf messages of `switch_grpc.v1` are the domain model: doors and dialects translate to and from them.
This package imports nothing heavy, because the client, which needs only the stubs, imports it too.
"""

__version__ = "0.1.0"
