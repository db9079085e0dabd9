"""What this process reports, and the actor that it is when nobody says otherwise."""

import getpass
import os
import socket
import sys
from datetime import datetime
from functools import cache
from pathlib import Path

from domain.actor import Actor
from domain.entity import check_id
from domain.report_context import ReportContext
from domain.text import storable
from domain.time import zoned


def report_of(
    actor: Actor | str | None, reason: str | None, occurred_at: datetime | None, command_id: str | None = None
) -> ReportContext:
    """What somebody says (this process, or that component of it, where no Actor is named); raises InvalidTime."""
    who = actor if isinstance(actor, Actor) else this_process(actor)
    if command_id is not None:
        check_id("command", command_id)
    return ReportContext(who, reason, zoned(occurred_at) if occurred_at is not None else None, command_id)


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
