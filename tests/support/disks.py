"""Help tests to a disk that is really full: a small file system of its own."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True)
class SmallDisk:
    """A file system of a few MiB, mounted on a folder."""

    folder: Path

    def fill(self) -> None:
        """Write to a file until not one page more fits."""
        with (self.folder / "filler").open("ab", buffering=0) as filler:
            try:
                while filler.write(bytes(4096)):
                    pass
            except OSError:
                pass

    def free(self) -> None:
        """Remove what `fill` has written."""
        (self.folder / "filler").unlink()


@contextmanager
def small_disk(owner: int, mebibytes: int = 16) -> Iterator[SmallDisk]:
    """Yield a small disk that belongs to a user id; skip the test where this machine lets nobody mount one."""
    parent = Path(tempfile.mkdtemp(prefix="sojourn-disk-"))
    parent.chmod(0o755)  # the server runs as another user
    folder = parent / "disk"
    folder.mkdir()
    try:
        options = f"size={mebibytes}m,uid={owner},mode=700"
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], capture_output=True, check=False
        )
        if mounted.returncode:
            pytest.skip("this user may not mount a small disk")
        try:
            yield SmallDisk(folder)
        finally:
            subprocess.run(["umount", str(folder)], capture_output=True, check=True)
    finally:
        shutil.rmtree(parent, ignore_errors=True)
