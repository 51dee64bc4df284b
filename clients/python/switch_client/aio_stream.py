"""Streams for asyncio."""

from types import TracebackType
from typing import Any, Generic, Self, TypeVar, cast

import grpc
from google.protobuf.message import Message

from switch_client.errors import error_from
from switch_client.fold import fold_chat, fold_completion, text_in
from switch_grpc.v1 import chat_pb2, completion_pb2

C = TypeVar("C", bound=Message)


class AsyncStream(Generic[C]):
    """Messages as they arrive. The call ends when the stream is closed, left early or dropped.

        async for chunk in client.stream_chat("lite", "Hello"):
            ...

    It is complete only when the loop ends by itself: a break on the way raises StreamInterrupted.
    """

    def __init__(self, call: "grpc.aio.UnaryStreamCall[Any, C]") -> None:
        self._call = call
        self._started = self._closed = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> C:
        if self._closed:
            raise StopAsyncIteration
        try:
            message = await self._call.read()
        except grpc.RpcError as error:
            self._closed = True
            raise error_from(error, started=self._started) from error
        if message is grpc.aio.EOF:  # type: ignore[attr-defined]  # missing in the stubs
            self._closed = True
            raise StopAsyncIteration
        self._started = True
        return cast("C", message)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Cancels the call, unless it has ended. Iterating on ends at once."""
        self._closed = True
        self._call.cancel()

    def __del__(self) -> None:
        if hasattr(self, "_call"):
            self._call.cancel()


class AsyncChatStream(AsyncStream[chat_pb2.ChatChunk]):
    """An answer, chunk by chunk."""

    def text(self, choice: int = 0) -> "AsyncTexts":
        """The pieces of one choice's text, instead of chunks."""
        return AsyncTexts(self, choice)

    async def response(self) -> chat_pb2.ChatResponse:
        """What is still to come, as the reply that a call without streaming gives."""
        return fold_chat([chunk async for chunk in self])


class AsyncCompletionStream(AsyncStream[completion_pb2.CompletionChunk]):
    """A completion, chunk by chunk."""

    def text(self, choice: int = 0) -> "AsyncTexts":
        """The pieces of one choice's text, instead of chunks."""
        return AsyncTexts(self, choice)

    async def response(self) -> completion_pb2.CompletionResponse:
        """What is still to come, as the reply that a call without streaming gives."""
        return fold_completion([chunk async for chunk in self])


class AsyncTexts:
    """The text in a stream. An iterator, not a generator: dropped, it drops the stream at once."""

    def __init__(self, stream: AsyncChatStream | AsyncCompletionStream, choice: int) -> None:
        self._stream = stream
        self._choice = choice

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> str:
        while True:
            text = text_in(await self._stream.__anext__(), self._choice)
            if text:
                return text
