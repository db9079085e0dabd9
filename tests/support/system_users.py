"""Help tests to other users of the operating system, whom only root can make and be."""

import os
import pwd
import secrets
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from infrastructure.database.private_folder import PARENT
from infrastructure.database.server_account import ServerAccount

BECOME = """
import os, sys, psycopg, psutil
from pathlib import Path
from infrastructure.database import server_provider
from infrastructure.database.embedded import EmbeddedServer
server_provider.PROVIDERS = [one for one in server_provider.PROVIDERS if one.package == sys.argv[1]]
uid = int(sys.argv[2])
os.environ.pop("XDG_RUNTIME_DIR", None)
if uid != os.geteuid():
    os.setgroups([])
    os.setgid(int(sys.argv[3]))
    os.setuid(uid)
arguments = sys.argv[4:]
"""
"""The beginning of a program that imports what it needs and then becomes the user of its arguments."""

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can make another user of the operating system")


@contextmanager
def new_user() -> Iterator[ServerAccount]:
    """Make a user of the operating system for the length of a block."""
    name = f"sojourn{secrets.token_hex(5)}"
    subprocess.run(["useradd", "--no-create-home", "--shell", "/bin/sh", name], check=True, capture_output=True)
    user = ServerAccount.of(pwd.getpwnam(name).pw_uid)
    try:
        yield user
    finally:
        shutil.rmtree(PARENT / f"sojourn-{user.uid}", ignore_errors=True)
        subprocess.run(["userdel", name], check=True, capture_output=True)


def run_as(user: ServerAccount, package: str, program: str, *arguments: object) -> str:
    """Run a Python program as a user, with one package that brings a server, and return what it prints.

    The program finds its arguments in `arguments`. It must succeed.
    """
    command = [sys.executable, "-c", BECOME + program, package, str(user.uid), str(user.gid), *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False, cwd="/", env=environment)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()
