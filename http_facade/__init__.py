"""The HTTP door: OpenAI-compatible endpoints, translated to the messages of `switch_grpc.v1`.

It talks to a `Backend`: the engine in this process, or another process over gRPC. It routes nothing, knows no
provider, and adds no behaviour of its own but the wire's: SSE, OpenAI's error bodies, response headers.
"""
