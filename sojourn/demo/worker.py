"""A worker: a process that takes orders on its standard input, runs them, and reports how they went to Sojourn.

Started with `python -m sojourn.demo.worker`. The database is that of SOJOURN_DSN: on a command line, a password
would be there for everybody to see.
"""

import contextlib
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import psycopg

from application.transition_service import TransitionService
from domain.errors import SojournError
from sojourn.demo.messages import Free, Heartbeat, Order, Word

ACTOR = "worker"
INTERRUPTED = 130
"""The exit status after Ctrl-C, as shells count it."""

REPORT_WITHIN = timedelta(seconds=2)
"""How long nothing need be heard of an instance that runs."""

HEARTBEAT_SECONDS = 0.4
OUT_OF_MEMORY = ("MemoryError", "Cannot allocate memory", "std::bad_alloc")
WITHIN_MEMORY = 'ulimit -v "$0" 2>/dev/null; exec "$@"'
"""Sets RLIMIT_AS, where the system has it, in the process that becomes the command."""


def main() -> None:
    """Take orders until there are none, or nobody is left who would give any."""
    try:
        with contextlib.suppress(BrokenPipeError), TransitionService.connect(max_size=1) as service:
            take_orders(service)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except (SojournError, psycopg.Error) as error:
        sys.exit(f"sojourn: {error}")


def take_orders(service: TransitionService) -> None:
    """Carry out each order of the standard input and ask for the next one."""
    say(Free())
    for line in sys.stdin:
        order = Order.model_validate_json(line)
        say(Free(task_instance_id=order.task_instance_id, task_status=carry_out(service, order)))


def carry_out(service: TransitionService, order: Order) -> str | None:
    """Run the command as its task instance; the status of the task after that."""
    name = order.task_instance_id
    answer = service.transition_task_instance(name, "RUNNING", "LAUNCHED", report_by_date=report_by_date(), actor=ACTOR)
    if not answer["ti_updated"]:  # somebody has told it to end before it began
        return answer["task_status"]
    status, reason = run(order)
    return service.transition_task_instance(name, status, "RUNNING", actor=ACTOR, reason=reason)["task_status"]


def run(order: Order) -> tuple[str, str | None]:
    """Run the command, with a heartbeat now and then; the status that it ends in, and why."""
    within_memory = ("sh", "-c", WITHIN_MEMORY, str(order.memory_mib * 1024), *order.argv)
    heartbeat(order)
    with subprocess.Popen(  # noqa: S603 - running commands is what a worker is for
        within_memory, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as command:
        while True:
            with contextlib.suppress(subprocess.TimeoutExpired):
                _, errors = command.communicate(timeout=HEARTBEAT_SECONDS)
                return outcome(command.returncode, errors, order.memory_mib)
            heartbeat(order)


def outcome(exit_status: int, errors: str, memory_mib: int) -> tuple[str, str | None]:
    """The status that a command has ended in, and why. A negative exit status is the signal that ended it."""
    if exit_status == 0:
        return "DONE", None
    if exit_status == -signal.SIGKILL or any(sign in errors for sign in OUT_OF_MEMORY):
        return "RESOURCE_ERROR", f"out of memory with a limit of {memory_mib} MiB"
    last_words = errors.strip().rpartition("\n")[2]
    return "ERROR", f"exit status {exit_status}{f': {last_words}' if last_words else ''}"


def heartbeat(order: Order) -> None:
    """Let it be known that the order is being carried out."""
    say(Heartbeat(task_instance_id=order.task_instance_id, report_by_date=report_by_date()))


def report_by_date() -> datetime:
    """Until when something will be heard."""
    return datetime.now(UTC) + REPORT_WITHIN


def say(word: Word) -> None:
    """Tell the distributor."""
    sys.stdout.write(word.model_dump_json() + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
