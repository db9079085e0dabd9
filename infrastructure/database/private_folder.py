"""A folder of one user in /tmp, which nobody else can enter or take in advance.

It does not depend on XDG_RUNTIME_DIR, because cron jobs and containers lack it, and because it ends with a login.
"""

import os
from contextlib import suppress
from pathlib import Path
from stat import S_ISDIR

from domain.errors import SojournError

PARENT = Path("/tmp")  # noqa: S108 - the owner and the mode are checked


class PrivateFolderTaken(SojournError):
    """Raised when a folder in /tmp that must be one user's alone is another user's, or open to others.

    Fix: remove the folder, or set SOJOURN_HOME to a shorter path.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        super().__init__(
            f"{folder} is not a folder of its user alone (mode 0700); "
            "remove it, or set SOJOURN_HOME to a shorter path, which needs none"
        )


def private_folder(uid: int, gid: int, name: str = "") -> Path:
    """Return the private folder of a user, or a folder inside it; make it if it is not there.

    Raises:
        PrivateFolderTaken: it is somebody else's, or others may enter it.
    """
    folder = PARENT / f"sojourn-{uid}"
    _make(folder, uid, gid)
    if name:
        folder /= name
        _make(folder, uid, gid)
    return folder


def _make(folder: Path, uid: int, gid: int) -> None:
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
        os.chown(folder, uid, gid, follow_symlinks=False)
    status = folder.lstat()
    if not S_ISDIR(status.st_mode) or status.st_uid != uid or status.st_mode & 0o077:
        raise PrivateFolderTaken(folder)
