"""`sojourn heartbeat`: renew a runner's lease, for workers that are shell scripts."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from interfaces.cli import connect
from interfaces.cli.options import LARGEST, seconds_of
from interfaces.cli.output import AsJson, Dsn, messages, render
from interfaces.wording.values import format_duration, format_time

if TYPE_CHECKING:
    from rich.console import Console

    from application.transition_service import TransitionService
    from application.write.answers import HeartbeatAnswer

app = typer.Typer()

LOOK_SECONDS = 0.2
"""The interval between looks at the process, in seconds."""


@app.command()
def heartbeat(
    ctx: typer.Context,
    runner: Annotated[str, typer.Argument(metavar="RUNNER", help="Name the runner.")],
    holds: Annotated[
        str | None,
        typer.Option("--for", metavar="DURATION", help="Set how long it holds (90s, 5m)."),
    ] = None,
    every: Annotated[str | None, typer.Option("--every", metavar="DURATION", help="Repeat after each pause.")] = None,
    while_pid: Annotated[
        int | None,
        typer.Option(
            "--while", metavar="PID", min=1, max=LARGEST, help="With --every: stop when that process has ended."
        ),
    ] = None,
    dsn: Dsn = None,
    as_json: AsJson = False,
) -> None:
    """Renew a runner's lease.

    Without --for, the lifecycles decide how long it holds. If the previous lease had expired, the lapse and the return
    are recorded.
    """
    from infrastructure.extras import require_extra

    seconds, pause = seconds_of(holds), seconds_of(every)
    if while_pid is not None and pause is None:
        raise typer.BadParameter("--while needs --every, the pause between two heartbeats", param_hint="--while")
    if while_pid is not None:
        require_extra("heartbeat", "`sojourn heartbeat --while`")
    with connect.service(ctx, dsn) as service:
        answer = service.heartbeat(runner, seconds)
        if pause is not None:
            for _ in pauses(pause, while_pid):
                answer = repeat_heartbeat(service, runner, seconds) or answer
    render(answer, as_json=as_json, human=lambda console: print_heartbeat(console, runner, answer))


def repeat_heartbeat(service: "TransitionService", runner: str, seconds: float | None) -> "HeartbeatAnswer | None":
    """Send another heartbeat; return None while the database cannot be reached, because that may pass."""
    from infrastructure.errors import ConnectionLost, DatabaseUnreachable

    try:
        answer = service.heartbeat(runner, seconds)
    except (ConnectionLost, DatabaseUnreachable) as error:
        messages().print(f"heartbeat failed, retrying: {error}")
        return None
    print_silence(runner, answer)
    return answer


def pauses(pause: float, pid: int | None) -> Iterator[None]:
    """Yield after each pause until that process has ended."""
    import time

    while True:
        next_turn = time.monotonic() + pause
        while (left := next_turn - time.monotonic()) > 0:
            if pid is not None and has_ended(pid):
                return
            time.sleep(min(left, LOOK_SECONDS))
        yield


def has_ended(pid: int) -> bool:
    """Return whether a process has ended, also as a zombie whose parent has not looked yet."""
    import psutil

    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


def print_heartbeat(console: "Console", runner: str, answer: "HeartbeatAnswer") -> None:
    """Print until when the lease holds, and how long the runner had been silent."""
    print_silence(runner, answer)
    console.print(f"runner {runner!r} must send its next heartbeat by {format_time(answer['report_by'])}")


def print_silence(runner: str, answer: "HeartbeatAnswer") -> None:
    """Print how long the runner had been silent, if it had."""
    from datetime import UTC, datetime

    if answer["silent_since"]:
        silent = datetime.now(UTC) - answer["silent_since"]
        messages().print(
            f"runner {runner!r} was silent for {format_duration(silent)}: its tasks may have been recovered"
        )
