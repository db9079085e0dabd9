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
from sojourn.demo.messages import Free, Order, Word

read_word = TypeAdapter[Word](Word).validate_json


class WorkerFailed(SojournError):
    """A worker that ended before it could take an order."""

    def __init__(self, exit_status: int) -> None:
        self.exit_status = exit_status
        super().__init__(f"a worker process could not start (exit status {exit_status}); it says why above")


class Worker:
    """A worker process. It leads a process group of its own, so that what it runs can be ended with it."""

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

    def take(self, order: Order) -> None:
        """Give it an order, which comes to nothing if it has just died."""
        assert self.process.stdin is not None
        with suppress(BrokenPipeError):
            self.process.stdin.write(order.model_dump_json() + "\n")
            self.process.stdin.flush()

    def words(self) -> Iterator[Word]:
        """What it says, until it ends."""
        assert self.process.stdout is not None
        yield from map(read_word, self.process.stdout)

    def leave(self) -> None:
        """Let it end, as it does when no more orders can come."""
        assert self.process.stdin is not None
        with suppress(BrokenPipeError):
            self.process.stdin.close()

    def kill(self) -> None:
        """End it, and what it runs, at once."""
        with suppress(ProcessLookupError, PermissionError):  # macOS's word for a group of which nothing is left
            os.killpg(self.process.pid, signal.SIGKILL)


class Pool:
    """So many workers on one database. One that dies is replaced; nobody says what it was doing."""

    def __init__(self, size: int, dsn: str, folder: Path) -> None:
        self._environment = os.environ | {"SOJOURN_DSN": dsn}
        self._folder = folder
        self._size = size
        self._workers: set[Worker] = set()
        self._said: Queue[tuple[Worker, Word | None]] = Queue()
        self.free: list[Worker] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        interrupt = signal.signal(signal.SIGINT, signal.SIG_IGN)  # who interrupts twice leaves nothing behind either
        for worker in self._workers:
            worker.kill() if error else worker.leave()
        for worker in self._workers:
            worker.process.wait()
        signal.signal(signal.SIGINT, interrupt)

    def words(self, timeout: float) -> Iterator[Word]:
        """What workers have said: waits for the first word, at most `timeout` seconds, and for no other."""
        self._fill()
        with suppress(Empty):
            yield from self._heard(*self._said.get(timeout=timeout))
            while True:
                yield from self._heard(*self._said.get_nowait())

    def _fill(self) -> None:
        while len(self._workers) < self._size:
            worker = Worker(self._environment, self._folder)
            self._workers.add(worker)
            Thread(target=self._listen, args=(worker,), daemon=True).start()

    def _listen(self, worker: Worker) -> None:
        for word in worker.words():
            self._said.put((worker, word))
        self._said.put((worker, None))

    def _heard(self, worker: Worker, word: Word | None) -> Iterator[Word]:
        if word is None:
            self._lose(worker)
            return
        worker.has_started = True
        if isinstance(word, Free):
            self.free.append(worker)
        yield word

    def _lose(self, worker: Worker) -> None:
        self._workers.remove(worker)
        self.free = [other for other in self.free if other is not worker]
        exit_status = worker.process.wait()
        if not worker.has_started:
            raise WorkerFailed(exit_status)
