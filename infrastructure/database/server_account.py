"""The user of the operating system that the embedded server runs as.

It is the user of this process. For root it is another one, because PostgreSQL refuses to run as root: the owner of the
data, or a system user that nothing else runs as.
"""

import os
import pwd
import subprocess
from dataclasses import dataclass
from pathlib import Path
from stat import S_IXGRP, S_IXOTH, S_IXUSR
from typing import Any

SYSTEM_USER = "_sojourn"
"""The user that root starts the server as."""

SHARED_USERS = ("pgserver", "embedded_postgres")
"""The users that older versions started the server as; other programs run servers as them too."""


@dataclass(frozen=True)
class ServerAccount:
    """A user of the operating system."""

    uid: int
    gid: int
    name: str

    @classmethod
    def of(cls, uid: int) -> "ServerAccount":
        """Return the user with that id."""
        entry = pwd.getpwuid(uid)
        return cls(entry.pw_uid, entry.pw_gid, entry.pw_name)

    @property
    def process_options(self) -> dict[str, Any]:
        """Return the arguments of `subprocess.run` that run a program as this user, and in none of root's groups."""
        if self.uid == os.geteuid():
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def can_reach(self, path: Path) -> bool:
        """Return whether this user may pass all folders above a path."""
        return all(self._can_pass(folder) for folder in path.resolve().parents)

    def own(self, folder: Path) -> None:
        """Give a folder and all that is in it to this user, unless it has it."""
        if folder.stat().st_uid != self.uid:
            for path in (*folder.rglob("*"), folder):  # the folder last, because an interrupted change goes on then
                os.chown(path, self.uid, self.gid, follow_symlinks=False)

    def _can_pass(self, folder: Path) -> bool:
        status = folder.stat()
        if status.st_uid == self.uid:
            return bool(status.st_mode & S_IXUSR)
        return bool(status.st_mode & (S_IXGRP if status.st_gid == self.gid else S_IXOTH))


def data_owner(data: Path) -> ServerAccount:
    """Return the user that owns a data folder, whom its server runs as."""
    return ServerAccount.of(data.stat().st_uid)


def find_account(data: Path) -> ServerAccount:
    """Return the user to start the server on a data folder as, which may not exist yet."""
    if os.geteuid() != 0:
        return ServerAccount.of(os.geteuid())
    if data.exists():
        owner = data_owner(data)
        if owner.uid != 0 and owner.name not in SHARED_USERS:
            return owner
    return _system_user()


def _system_user() -> ServerAccount:
    try:
        entry = pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        options = ["--system", "--no-create-home", "--home-dir", "/nonexistent", "--shell", "/usr/sbin/nologin"]
        subprocess.run(["useradd", *options, SYSTEM_USER], capture_output=True, check=True)  # noqa: S603, S607 - no input
        entry = pwd.getpwnam(SYSTEM_USER)
    return ServerAccount.of(entry.pw_uid)
