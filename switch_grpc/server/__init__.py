"""The gRPC door: metadata to a Call, the engine's answers to messages, a Fault to a status.

`gateway` and `admin` are the two services, `rpc` is what their methods have in common (open the call, decode,
ask, encode, and the one rescue); `metadata` and `status` translate what stands around a message; `health` is
grpc.health.v1; `build` puts a server together and `bind` binds it. `engine_port` says what is asked of the
engine. None of them decides anything.
"""
