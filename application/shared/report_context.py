"""Build the context of a report: who reports, why, when it happened, and under which command."""

import getpass
import os
import socket
import sys
from datetime import datetime
from functools import cache
from pathlib import Path

from domain.actor import Actor
from domain.entity import check_id
from domain.report_context import ReportContext, check_reason
from domain.text import storable
from domain.time import zoned
from domain.waits_for import StatedWait, read_waits_for


def build_report_context(
    actor: Actor | str | None = None,
    reason: str | None = None,
    occurred_at: datetime | None = None,
    command_id: str | None = None,
    waits_for: StatedWait | None = None,
) -> ReportContext:
    """Return the context that a method's keyword arguments give; without an Actor, this process reports.

    Raises:
        InvalidTime: `occurred_at` has no zone.
        InvalidId: `command_id` is not a text of up to 255 characters.
        ReasonTooLong: `reason` has more than 64 KiB.
        UnknownChoice: `waits_for` is of no known kind.
        InvalidWait: `waits_for` cannot be read.
    """
    if reason is not None:
        check_reason(reason)
    if command_id is not None:
        check_id("command", command_id)
    return ReportContext(
        actor if isinstance(actor, Actor) else this_process(actor),
        reason,
        zoned(occurred_at) if occurred_at is not None else None,
        command_id,
        waits_for=None if waits_for is None else read_waits_for(waits_for),
    )


def this_process(component: str | None = None) -> Actor:
    """Return the running process as an actor; its component is `component`, or else the name of the program."""
    host, user = _host_and_user()
    return Actor.model_construct(
        component=storable(component or _program_name()), host=host, pid=os.getpid(), user=user
    )


@cache
def _host_and_user() -> tuple[str, str | None]:
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container may run under a user id that has no name
        user = str(os.getuid())
    return socket.gethostname(), user


@cache
def _program_name() -> str:
    return Path(sys.argv[0]).stem or "python"
