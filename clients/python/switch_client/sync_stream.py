"""Streams for programs with threads."""

from collections.abc import Iterator
from types import TracebackType
from typing import Generic, Protocol, Self, TypeVar

import grpc
from google.protobuf.message import Message

from switch_client.errors import error_from
from switch_client.fold import fold_chat, fold_completion, text_in
from switch_grpc.v1 import chat_pb2, completion_pb2

C = TypeVar("C", bound=Message)
C_co = TypeVar("C_co", bound=Message, covariant=True)


class StreamCall(Iterator[C_co], Protocol[C_co]):
    """grpc's end of a streaming call."""

    def cancel(self) -> bool: ...


class Stream(Generic[C]):
    """Messages as they arrive. The call ends when the stream is closed, left early or dropped.

        for chunk in client.stream_chat("lite", "Hello"):
            ...

    It is complete only when the loop ends by itself: a break on the way raises StreamInterrupted.
    """

    def __init__(self, call: StreamCall[C]) -> None:
        self._call = call
        self._started = self._closed = False

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> C:
        if self._closed:
            raise StopIteration
        try:
            message = next(self._call)
        except StopIteration:
            self._closed = True
            raise
        except grpc.RpcError as error:
            if self._closed:  # by another thread, in the meantime
                raise StopIteration from None
            self._closed = True
            raise error_from(error, started=self._started) from error
        self._started = True
        return message

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Cancels the call, unless it has ended. Any thread may; iterating on ends at once."""
        self._closed = True
        self._call.cancel()

    def __del__(self) -> None:
        if hasattr(self, "_call"):
            self._call.cancel()


class ChatStream(Stream[chat_pb2.ChatChunk]):
    """An answer, chunk by chunk."""

    def text(self, choice: int = 0) -> "Texts":
        """The pieces of one choice's text, instead of chunks."""
        return Texts(self, choice)

    def response(self) -> chat_pb2.ChatResponse:
        """What is still to come, as the reply that a call without streaming gives."""
        return fold_chat(self)


class CompletionStream(Stream[completion_pb2.CompletionChunk]):
    """A completion, chunk by chunk."""

    def text(self, choice: int = 0) -> "Texts":
        """The pieces of one choice's text, instead of chunks."""
        return Texts(self, choice)

    def response(self) -> completion_pb2.CompletionResponse:
        """What is still to come, as the reply that a call without streaming gives."""
        return fold_completion(self)


class Texts:
    """The text in a stream. An iterator, not a generator: dropped, it drops the stream at once."""

    def __init__(self, stream: ChatStream | CompletionStream, choice: int) -> None:
        self._stream = stream
        self._choice = choice

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> str:
        for chunk in self._stream:
            text = text_in(chunk, self._choice)
            if text:
                return text
        raise StopIteration
