"""A pool of worker processes."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from queue import Empty, Queue
from threading import Thread
from types import TracebackType
from typing import Self

from pydantic import TypeAdapter

from domain.errors import SojournError
from sojourn.demo.messages import Free, Message, Order

parse_message = TypeAdapter[Message](Message).validate_json


class WorkerFailed(SojournError):
    """Raised when a worker ended before it could take an order."""

    def __init__(self, exit_status: int) -> None:
        self.exit_status = exit_status
        super().__init__(
            f"starting a worker process failed with exit status {exit_status}; its own error is printed above"
        )


class Worker:
    """A worker process. It leads a process group of its own, so its commands can be ended with it."""

    def __init__(self, environment: dict[str, str], folder: Path) -> None:
        self.has_started = False
        self.process = subprocess.Popen(
            (sys.executable, "-m", "sojourn.demo.worker"),
            env=environment,
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def send(self, order: Order) -> None:
        """Send an order, which is lost if the worker has just died."""
        assert self.process.stdin is not None
        with suppress(BrokenPipeError):
            self.process.stdin.write(order.model_dump_json() + "\n")
            self.process.stdin.flush()

    def messages(self) -> Iterator[Message]:
        """Yield its messages until it ends."""
        assert self.process.stdout is not None
        with self.process.stdout as printed:
            yield from map(parse_message, printed)

    def close_orders(self) -> None:
        """Close its input, so it ends after its last order."""
        assert self.process.stdin is not None
        with suppress(BrokenPipeError):
            self.process.stdin.close()

    def kill(self) -> None:
        """Kill it and its command."""
        with suppress(ProcessLookupError, PermissionError):  # the second is macOS's error for an empty group
            os.killpg(self.process.pid, signal.SIGKILL)


class Pool:
    """A number of workers on one database. A worker that dies is replaced, but its order is lost."""

    def __init__(self, size: int, dsn: str, folder: Path) -> None:
        self._environment = os.environ | {"SOJOURN_DSN": dsn}
        self._folder = folder
        self._size = size
        self._workers: set[Worker] = set()
        self._inbox: Queue[tuple[Worker, Message | None]] = Queue()
        self.free: list[Worker] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        interrupt = signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second Ctrl-C must not leave processes either
        for worker in self._workers:
            worker.kill() if error else worker.close_orders()
        for worker in self._workers:
            worker.process.wait()
        signal.signal(signal.SIGINT, interrupt)

    def messages(self, timeout: float) -> Iterator[Message]:
        """Yield the messages that have arrived; wait at most `timeout` seconds, and only for the first one."""
        self._fill()
        with suppress(Empty):
            yield from self._receive(*self._inbox.get(timeout=timeout))
            while True:
                yield from self._receive(*self._inbox.get_nowait())

    def _fill(self) -> None:
        while len(self._workers) < self._size:
            worker = Worker(self._environment, self._folder)
            self._workers.add(worker)
            Thread(target=self._forward_messages, args=(worker,), daemon=True).start()

    def _forward_messages(self, worker: Worker) -> None:
        for message in worker.messages():
            self._inbox.put((worker, message))
        self._inbox.put((worker, None))

    def _receive(self, worker: Worker, message: Message | None) -> Iterator[Message]:
        if message is None:
            self._remove(worker)
            return
        worker.has_started = True
        if isinstance(message, Free):
            self.free.append(worker)
        yield message

    def _remove(self, worker: Worker) -> None:
        self._workers.remove(worker)
        self.free = [other for other in self.free if other is not worker]
        exit_status = worker.process.wait()
        if not worker.has_started:
            raise WorkerFailed(exit_status)
