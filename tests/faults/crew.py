"""Eight clients as processes, each with a journal, which can be killed and replaced."""

import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.faults.journal import read_steps
from tests.support.waiting import wait_for

ROOT = Path(__file__).parents[2]


class Crew:
    """The clients; each has the arguments that tell it where to send its steps."""

    def __init__(self, journals: Path, seed: int, doors: list[list[str]]) -> None:
        self.journals = journals
        self._seed = seed
        self._doors = doors
        self._processes: list[subprocess.Popen[bytes]] = []
        self._names = [""] * len(doors)
        self._begun = 0
        for number in range(len(doors)):
            self._processes.append(self._begin(number))

    def kill(self, number: int) -> None:
        """Kill a client at once, and begin another one in its place."""
        self._processes[number].kill()
        self._processes[number].wait()
        self._processes[number] = self._begin(number)

    def wait_for_steps(self, more: int) -> None:
        """Wait until so many more steps were acknowledged."""
        before = len(read_steps(self.journals, "DONE"))

        def enough() -> bool:
            self.require_alive()
            return len(read_steps(self.journals, "DONE")) >= before + more

        wait_for(enough)

    def wait_for_each(self, more: int) -> None:
        """Wait until so many more steps of each client were acknowledged."""
        wanted = {name: count + more for name, count in self._counts().items()}

        def enough() -> bool:
            self.require_alive()
            counts = self._counts()
            return all(counts[name] >= count for name, count in wanted.items())

        wait_for(enough)

    def _counts(self) -> Counter[str]:
        """Return how many steps were acknowledged to each client that goes on."""
        counts = Counter(tag.rpartition(".")[0] for tag, _ in read_steps(self.journals, "DONE"))
        return Counter({name: counts[name] for name in self._names})

    @contextmanager
    def held_still(self) -> Iterator[None]:
        """Stop the clients where they are for the length of a block, so that the log does not grow while it is read."""
        for process in self._processes:
            process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            for process in self._processes:
                process.send_signal(signal.SIGCONT)

    def require_alive(self) -> None:
        """Raise where a client has ended, which is never right."""
        for process in self._processes:
            if process.poll() is not None:
                errors = "".join(path.read_text() for path in self.journals.glob("*.errors"))
                raise AssertionError(f"a client has ended: {errors[-2000:]}")

    def stop(self) -> None:
        """Let every client end its present step, and wait for it."""
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            process.wait(timeout=180)

    def end(self) -> None:
        """End what is left."""
        for process in self._processes:
            if process.poll() is None:
                process.kill()
            process.wait()

    def _begin(self, number: int) -> "subprocess.Popen[bytes]":
        self._begun += 1
        name = f"c{number}-{self._begun}"
        self._names[number] = name
        journal = self.journals / f"{name}.journal"
        command = [sys.executable, "-m", "tests.faults.client", str(journal), name, f"{self._seed}/{name}"]
        # In a session of its own, so that Ctrl-C reaches the runner alone, which ends it.
        with (self.journals / f"{name}.errors").open("wb") as errors:
            return subprocess.Popen([*command, *self._doors[number]], cwd=ROOT, stderr=errors, start_new_session=True)


@contextmanager
def clients(journals: Path, seed: int, doors: list[list[str]]) -> Iterator[Crew]:
    """Yield clients that work, one for each of `doors`, and end them."""
    crew = Crew(journals, seed, doors)
    try:
        yield crew
    finally:
        crew.end()
