"""Help tests to the memory of a process."""

from pathlib import Path

import psutil


class Memory:
    """The memory of a process, in MiB, since this was made."""

    def __init__(self, pid: int) -> None:
        self._process = psutil.Process(pid)
        self._status = Path(f"/proc/{pid}/status")
        self._begin = self._resident()
        self._reset_peak()

    def grown(self) -> float:
        """Return by how much the process has grown: at its peak where the system tells, or else now."""
        return max(self._peak(), self._resident()) - self._begin

    def _resident(self) -> float:
        return float(self._process.memory_info().rss) / 2**20

    def _reset_peak(self) -> None:
        if self._status.exists():
            self._status.with_name("clear_refs").write_text("5")

    def _peak(self) -> float:
        if not self._status.exists():
            return 0
        line = next(line for line in self._status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
