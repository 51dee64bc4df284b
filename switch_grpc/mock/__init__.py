"""The mock provider: an upstream on a real socket that answers deterministically and fails on demand.

It is the judge in tests, so it shares no codec with the gateway that it judges. The tree, in the order of a
request: `server`, `connection` (sockets, HTTP/1.1) -> `endpoints` (whose path it is, whose turn to fail) ->
`script`, `failures` (what the model name asks for) -> a dialect (reads a request strictly) -> `answers`,
`schema`, `tokens` (what to say, as plain data) -> the same dialect (the wire format) -> `steps`, `faults`
(how it goes out). `ledger` holds what was seen. docs/mock.md is the reference of the script language.

Dialects: `openai_dialect` (paths, keys) with `openai_ask`, `openai_tools`, `fields` (reading) and `openai`,
`openai_text` (the wire format). `anthropic_dialect` (also on Vertex AI) with `anthropic_ask`,
`anthropic_turns`, `anthropic_tools`, `anthropic_media`, `anthropic_schema`, `anthropic_fields` (reading) and
`anthropic` (the wire format). `converse_dialect` (Bedrock) with `converse_keys` (signatures), `converse_ask`,
`converse_turns`, `converse_claude`, `converse_shapes`, `converse_check` (reading) and `converse`,
`converse_embed`, `converse_errors`, `converse_frames` (the wire format). `gemini_dialect` (also on Vertex
AI) with `gemini_ask`, `gemini_contents`, `gemini_shapes`, `gemini_fields` (reading) and `gemini`,
`gemini_embed`, `gemini_models`, `gemini_wire`, `gemini_error` (the wire format).

A further dialect is a `dialect.Dialect` and one entry in `endpoints._DIALECTS`. It brings, in files of its
own that begin with its name: its operations (method, path pattern, what reads a body into an `answers.Ask`
and a job that turns a `Reply` into an answer), its `steps.Wire` (its errors, pings and broken events, for
faults), how it is authorized, and its headers. Scripts, faults, pace and what is said stay the same for
all.
"""

from switch_grpc.mock.ledger import Request
from switch_grpc.mock.server import MockServer

__all__ = ["MockServer", "Request"]
