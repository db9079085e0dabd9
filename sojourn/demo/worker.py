"""A worker: a process that takes orders on its standard input, runs them, and reports how they went to Sojourn.

Started with `python -m sojourn.demo.worker`. SOJOURN_DSN names the database, because everybody could read a password on
the command line.
"""

import contextlib
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import psycopg

from application.transition_service import TransitionService
from domain.errors import SojournError
from sojourn.demo.messages import Free, Heartbeat, Message, Order

ACTOR = "worker"
INTERRUPTED = 130
"""The exit status that shells use after Ctrl-C."""

REPORT_WITHIN = timedelta(seconds=2)
"""The longest time between two messages of a running instance."""

HEARTBEAT_SECONDS = 0.4
OUT_OF_MEMORY = ("MemoryError", "Cannot allocate memory", "std::bad_alloc")
WITHIN_MEMORY = 'ulimit -v "$0" 2>/dev/null; exec "$@"'
"""Sets RLIMIT_AS, if the system has it, in the process that becomes the command."""


def main() -> None:
    """Run orders until the input ends or the distributor is gone."""
    try:
        with contextlib.suppress(BrokenPipeError), TransitionService.connect(max_size=1) as service:
            run_orders(service)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except (SojournError, psycopg.Error) as error:
        sys.exit(f"sojourn: {error}")


def run_orders(service: TransitionService) -> None:
    """Run each order of the standard input and ask for the next one."""
    send(Free())
    for line in sys.stdin:
        order = Order.model_validate_json(line)
        send(Free(task_instance_id=order.task_instance_id, task_status=run_order(service, order)))


def run_order(service: TransitionService, order: Order) -> str | None:
    """Run the command as its task instance and return the status of the task after it."""
    name = order.task_instance_id
    answer = service.transition_task_instance(name, "RUNNING", "LAUNCHED", report_by_date=next_report_by(), actor=ACTOR)
    if not answer["ti_updated"]:  # it was ended before it began
        return answer["task_status"]
    status, reason = run_command(order)
    return service.transition_task_instance(name, status, "RUNNING", actor=ACTOR, reason=reason)["task_status"]


def run_command(order: Order) -> tuple[str, str | None]:
    """Run the command while sending heartbeats. Return the status in which it ends, and the reason."""
    within_memory = ("sh", "-c", WITHIN_MEMORY, str(order.memory_mib * 1024), *order.argv)
    send_heartbeat(order)
    with subprocess.Popen(  # noqa: S603 - running commands is what a worker is for
        within_memory, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as command:
        while True:
            with contextlib.suppress(subprocess.TimeoutExpired):
                _, errors = command.communicate(timeout=HEARTBEAT_SECONDS)
                return classify_exit(command.returncode, errors, order.memory_mib)
            send_heartbeat(order)


def classify_exit(exit_status: int, errors: str, memory_mib: int) -> tuple[str, str | None]:
    """Return the status in which a command ended, and the reason. A negative exit status is minus a signal."""
    if exit_status == 0:
        return "DONE", None
    if exit_status == -signal.SIGKILL or any(sign in errors for sign in OUT_OF_MEMORY):
        return "RESOURCE_ERROR", f"out of memory with a limit of {memory_mib} MiB"
    last_words = errors.strip().rpartition("\n")[2]
    return "ERROR", f"exit status {exit_status}{f': {last_words}' if last_words else ''}"


def send_heartbeat(order: Order) -> None:
    """Send a message that the order is running."""
    send(Heartbeat(task_instance_id=order.task_instance_id, report_by_date=next_report_by()))


def next_report_by() -> datetime:
    """Return the time by which the next message follows."""
    return datetime.now(UTC) + REPORT_WITHIN


def send(message: Message) -> None:
    """Send a message to the distributor."""
    sys.stdout.write(message.model_dump_json() + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
