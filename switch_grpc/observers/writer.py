"""Writes to a stream in a thread of its own: whoever writes to a pipe waits for its reader."""

import os
import queue
import select
import threading
from collections.abc import Sequence
from typing import Final, TextIO

BUSY_SECONDS: Final = 1.0  # between two looks at a descriptor that does not block, and is full


class Writer:
    """Takes one batch of lines at a time. Used from one thread; its own thread dies with the process."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._batches: queue.SimpleQueue[Sequence[bytes] | None] = queue.SimpleQueue()
        self._idle = threading.Event()
        self._idle.set()
        self._thread: threading.Thread | None = None
        self.lost = 0  # lines that could not be written: the reader is gone, the disk is full

    def offer(self, lines: Sequence[bytes]) -> bool:
        """Takes the lines, unless those before them are still being written."""
        if not self._idle.is_set():
            return False
        if self._thread is None:
            self._thread = threading.Thread(
                target=self._run, args=[_descriptor(self._stream)], name="log-writer", daemon=True
            )
            self._thread.start()
        self._idle.clear()
        self._batches.put(lines)
        return True

    def wait(self, seconds: float) -> bool:
        """Whether everything was written in time."""
        return self._idle.wait(seconds)

    def close(self) -> None:
        """Ends the thread, when it has written what it has. The next offer starts another."""
        if self._thread is not None:
            self._thread = None
            self._batches.put(None)

    def _run(self, descriptor: int | None) -> None:
        while (lines := self._batches.get()) is not None:
            data = b"".join(lines)
            try:
                if descriptor is None:
                    self._stream.write(data.decode())
                    self._stream.flush()
                else:
                    _write(descriptor, data)
            except (OSError, ValueError):  # ValueError: the stream is closed
                self.lost += len(lines)
            finally:
                self._idle.set()
        if descriptor is not None:
            os.close(descriptor)


def _descriptor(stream: TextIO) -> int | None:
    """A descriptor of our own for the file under the stream; None for a stream in memory, or a closed one.

    Past the stream's buffer: a thread that waits with its lock held breaks the interpreter's shutdown.
    """
    try:
        return os.dup(stream.fileno())
    except (OSError, ValueError):
        return None


def _write(descriptor: int, data: bytes) -> None:
    left = memoryview(data)
    while left:
        try:
            left = left[os.write(descriptor, left) :]
        except BlockingIOError:
            poll = select.poll()
            poll.register(descriptor, select.POLLOUT)
            poll.poll(BUSY_SECONDS * 1000)
