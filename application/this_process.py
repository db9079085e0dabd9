"""The actor that this process is when nobody says otherwise."""

import getpass
import os
import socket
import sys
from functools import cache
from pathlib import Path

from domain.actor import Actor
from domain.text import storable


def this_process(component: str | None = None) -> Actor:
    """The running process as an actor; its component is `component`, or else the name of the program."""
    pid, host, user = os.getpid(), *_place()
    return Actor.model_construct(component=storable(component or _program()), host=host, pid=pid, user=user)


@cache
def _place() -> tuple[str, str | None]:
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container may run under a user id that has no name
        user = str(os.getuid())
    return socket.gethostname(), user


@cache
def _program() -> str:
    return Path(sys.argv[0]).stem or "python"
