"""The mock provider: an upstream on a real socket that answers deterministically and fails on demand.

It is the judge in tests, so it shares no codec with the gateway that it judges. The tree, in the order of a
request: `server`, `connection` (sockets, HTTP/1.1) -> `endpoints` (paths, keys) -> `script`, `failures`
(what the model name asks for) -> `openai_ask`, `openai_tools`, `fields` (read a request strictly) ->
`answers`, `schema`, `tokens` (what to say, as plain data) -> `openai`, `openai_text` (the wire format) ->
`steps`, `faults` (how it goes out). `ledger` holds what was seen. docs/mock.md is the reference of the
script language.

A further dialect brings its reader, its wire format and its paths; scripts, answers and faults stay.
"""

from switch_grpc.mock.ledger import Request
from switch_grpc.mock.server import MockServer

__all__ = ["MockServer", "Request"]
