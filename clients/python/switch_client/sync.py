"""The client for programs with threads."""

from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import Final, Self, Unpack, overload

from switch_client.caller import Caller, CallOptions, unlimited
from switch_client.channel import TLS, Address, Option
from switch_client.messages import Messages
from switch_client.params import ChatParams, CompletionParams, EmbedParams, Mode, Text
from switch_client.requests import (
    chat_request,
    completion_request,
    embed_request,
    options_in,
    override_request,
)
from switch_client.sync_stream import ChatStream, CompletionStream, Stream
from switch_client.sync_wire import Wire
from switch_grpc.v1 import admin_pb2, switch_pb2
from switch_grpc.v1.chat_pb2 import ChatRequest, ChatResponse
from switch_grpc.v1.completion_pb2 import CompletionRequest, CompletionResponse
from switch_grpc.v1.embedding_pb2 import EmbedRequest, EmbedResponse

_UNARY: Final = "ChatRequest, CompletionRequest or EmbedRequest"
_STREAMED: Final = "ChatRequest or CompletionRequest"


class Switch:
    """A gateway, for programs with threads. Connects at the first call; `with`, or `close()`, disconnects.

        with Switch("switch:50051", api_key="...", timeout=60) as client:
            reply = client.chat("lite", "Hello")

    Every method takes the options of `CallOptions` and may raise `SwitchError`. A mistake in the arguments is
    a TypeError that names its place.
    """

    def __init__(
        self,
        target: str = "localhost:50051",
        *,
        api_key: str | None = None,
        timeout: float | None = None,
        tls: TLS | None = None,
        metadata: Mapping[str, str] | None = None,
        options: Iterable[Option] = (),
        gzip: bool = False,
    ) -> None:
        """`target` is HOST:PORT, unix:PATH, or a name for grpc to resolve (dns:///switch:50051).

        `timeout` (seconds) is every call's that names none; `metadata` goes with every call; `options` are
        grpc's channel arguments; `gzip` compresses requests.
        """
        address = Address(target, tls=tls, extra=tuple(options), gzip=gzip)
        self._wire = Wire(address, Caller(api_key=api_key, timeout=timeout, metadata=metadata or {}))
        self.admin = Admin(self._wire)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends the calls that are open, and disconnects."""
        self._wire.close()

    def chat(self, route: str, messages: Messages, **params: Unpack[ChatParams]) -> ChatResponse:
        """`messages`: a text, a Message, an OpenAI-style dict, or a list of the last two."""
        return self.send(chat_request(route, messages, params), **options_in(params))

    def stream_chat(self, route: str, messages: Messages, **params: Unpack[ChatParams]) -> ChatStream:
        """The same as a stream; the call begins at once."""
        return self.stream(chat_request(route, messages, params), **options_in(params))

    def complete(self, route: str, prompt: Text, **params: Unpack[CompletionParams]) -> CompletionResponse:
        """`prompt`: a text, several, the tokens of one, or of several."""
        return self.send(completion_request(route, prompt, params), **options_in(params))

    def stream_complete(
        self, route: str, prompt: Text, **params: Unpack[CompletionParams]
    ) -> CompletionStream:
        """The same as a stream; the call begins at once."""
        return self.stream(completion_request(route, prompt, params), **options_in(params))

    def embed(self, route: str, input: Text, **params: Unpack[EmbedParams]) -> EmbedResponse:
        """`input`: a text, several, the tokens of one, or of several."""
        return self.send(embed_request(route, input, params), **options_in(params))

    def models(self, **options: Unpack[CallOptions]) -> list[switch_pb2.Model]:
        """The routes that the key may use."""
        reply = self._wire.ask(self._wire.switch.ListModels, switch_pb2.ListModelsRequest(), options)
        return list(reply.models)

    @overload
    def send(self, request: ChatRequest, **options: Unpack[CallOptions]) -> ChatResponse: ...
    @overload
    def send(self, request: CompletionRequest, **options: Unpack[CallOptions]) -> CompletionResponse: ...
    @overload
    def send(self, request: EmbedRequest, **options: Unpack[CallOptions]) -> EmbedResponse: ...
    def send(
        self, request: ChatRequest | CompletionRequest | EmbedRequest, **options: Unpack[CallOptions]
    ) -> ChatResponse | CompletionResponse | EmbedResponse:
        """A request of the contract, as it stands."""
        match request:
            case ChatRequest():
                return self._wire.ask(self._wire.switch.Chat, request, options)
            case CompletionRequest():
                return self._wire.ask(self._wire.switch.Complete, request, options)
            case EmbedRequest():
                return self._wire.ask(self._wire.switch.Embed, request, options)
            case _:
                raise TypeError(f"request: expected a {_UNARY}, found {type(request).__name__}")

    @overload
    def stream(self, request: ChatRequest, **options: Unpack[CallOptions]) -> ChatStream: ...
    @overload
    def stream(self, request: CompletionRequest, **options: Unpack[CallOptions]) -> CompletionStream: ...
    def stream(
        self, request: ChatRequest | CompletionRequest, **options: Unpack[CallOptions]
    ) -> ChatStream | CompletionStream:
        """A request of the contract, as it stands; the call begins at once."""
        match request:
            case ChatRequest():
                return ChatStream(self._wire.open(self._wire.switch.StreamChat, request, options))
            case CompletionRequest():
                return CompletionStream(self._wire.open(self._wire.switch.StreamComplete, request, options))
            case _:
                raise TypeError(f"request: expected a {_STREAMED}, found {type(request).__name__}")


class Admin:
    """Operating the gateway: `Switch.admin`. Its key needs scope `admin:read`, to change `admin:write`.

    An empty route or target means all of them.
    """

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def status(
        self, route: str = "", target: str = "", **options: Unpack[CallOptions]
    ) -> admin_pb2.GetStatusResponse:
        request = admin_pb2.GetStatusRequest(route=route, target=target)
        return self._wire.ask(self._wire.admin.GetStatus, request, options)

    def watch(
        self, route: str = "", target: str = "", **options: Unpack[CallOptions]
    ) -> Stream[admin_pb2.StatusEvent]:
        """The status now, then an event per change; without a time limit unless one is given here."""
        request = admin_pb2.WatchStatusRequest(route=route, target=target)
        return Stream(self._wire.open(self._wire.admin.WatchStatus, request, unlimited(options)))

    def reset(
        self, route: str = "", target: str = "", **options: Unpack[CallOptions]
    ) -> list[admin_pb2.TargetStatus]:
        """Closes breakers and ends cooldowns. Raises NotFound where nothing matches."""
        request = admin_pb2.ResetBreakerRequest(route=route, target=target)
        return list((self._wire.ask(self._wire.admin.ResetBreaker, request, options)).targets)

    def override(
        self, route: str, target: str, mode: Mode, *, ttl: float = 0.0, **options: Unpack[CallOptions]
    ) -> admin_pb2.TargetStatus:
        """Holds a breaker `open` or `closed` for `ttl` seconds; 0: until it is reset."""
        request = override_request(route, target, mode, ttl)
        return (self._wire.ask(self._wire.admin.OverrideBreaker, request, options)).target

    def reload(
        self, *, dry_run: bool = False, **options: Unpack[CallOptions]
    ) -> admin_pb2.ReloadConfigResponse:
        """Reads the configuration again. With `problems` in the answer, the old one stays."""
        request = admin_pb2.ReloadConfigRequest(dry_run=dry_run)
        return self._wire.ask(self._wire.admin.ReloadConfig, request, options)

    def explain(
        self, route: str, *, sticky_key: str = "", **options: Unpack[CallOptions]
    ) -> admin_pb2.ExplainRouteResponse:
        """Which targets a request would be tried at, and why; calls nobody."""
        request = admin_pb2.ExplainRouteRequest(route=route, sticky_key=sticky_key)
        return self._wire.ask(self._wire.admin.ExplainRoute, request, options)
