"""`sojourn heartbeat`: a runner's word that it is there, for workers that are shell scripts."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from interfaces.cli import connect
from interfaces.cli.options import seconds_of
from interfaces.cli.output import AsJson, Dsn, messages, show
from interfaces.wording.values import format_duration, format_time

if TYPE_CHECKING:
    from rich.console import Console

    from application.transition_service import TransitionService
    from application.write.answers import HeartbeatAnswer

app = typer.Typer()

LOOK_SECONDS = 0.2
"""How soon the end of a process is noticed."""


@app.command()
def heartbeat(
    ctx: typer.Context,
    runner: Annotated[str, typer.Argument(metavar="RUNNER", help="The runner's id.")],
    holds: Annotated[
        str | None,
        typer.Option("--for", metavar="DURATION", help="How long it holds (90s, 5m); else as lifecycles say."),
    ] = None,
    every: Annotated[
        str | None, typer.Option("--every", metavar="DURATION", help="Go on, and say it again after each pause.")
    ] = None,
    while_pid: Annotated[
        int | None, typer.Option("--while", metavar="PID", min=1, help="With --every: until that process has ended.")
    ] = None,
    dsn: Dsn = None,
    as_json: AsJson = False,
) -> None:
    """Say that a runner is there.

    A runner that was silent for longer than its last heartbeat held has that lapse and its return recorded.
    """
    from infrastructure.extras import require_extra

    seconds, pause = seconds_of(holds), seconds_of(every)
    if while_pid is not None and pause is None:
        raise typer.BadParameter("it takes --every: how often to say it", param_hint="--while")
    if while_pid is not None:
        require_extra("heartbeat", "`sojourn heartbeat --while`")
    with connect.service(ctx, dsn) as service:
        answer = service.heartbeat(runner, seconds)
        if pause is not None:
            for _ in pauses(pause, while_pid):
                answer = say_again(service, runner, seconds) or answer
    show(answer, as_json=as_json, people=lambda console: tell(console, runner, answer))


def say_again(service: "TransitionService", runner: str, seconds: float | None) -> "HeartbeatAnswer | None":
    """A further heartbeat; None where the database cannot be reached, which may pass."""
    from infrastructure.database.pool import DatabaseUnreachable
    from infrastructure.errors import ConnectionLost

    try:
        answer = service.heartbeat(runner, seconds)
    except (ConnectionLost, DatabaseUnreachable) as error:
        messages().print(f"not heard this time, and tried again: {error}")
        return None
    tell_of_silence(runner, answer)
    return answer


def pauses(pause: float, pid: int | None) -> Iterator[None]:
    """A turn after each pause, until that process has ended."""
    import time

    while True:
        next_turn = time.monotonic() + pause
        while (left := next_turn - time.monotonic()) > 0:
            if pid is not None and has_ended(pid):
                return
            time.sleep(min(left, LOOK_SECONDS))
        yield


def has_ended(pid: int) -> bool:
    """Whether a process has ended, though its parent may not have looked yet."""
    import psutil

    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


def tell(console: "Console", runner: str, answer: "HeartbeatAnswer") -> None:
    """Until when it holds, and since when it had been silent."""
    tell_of_silence(runner, answer)
    console.print(f"runner {runner!r} is to be heard of again by {format_time(answer['report_by'])}")


def tell_of_silence(runner: str, answer: "HeartbeatAnswer") -> None:
    """For how long it had been silent, where it had."""
    from datetime import UTC, datetime

    if answer["silent_since"]:
        silent = datetime.now(UTC) - answer["silent_since"]
        messages().print(
            f"runner {runner!r} was silent for {format_duration(silent)}: its tasks may have been recovered"
        )
