"""A small distributor, which uses Sojourn as a workflow system does, from the first task to the last lost one."""

from collections import Counter, deque
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from application.shared.progress import Progress
from application.transition_service import TaskSpec, TransitionService
from application.write.answers import TaskInstanceAnswer
from sojourn.demo.commands import MEMORY_MIB, Command
from sojourn.demo.messages import Heartbeat, Order
from sojourn.demo.pool import Pool

ACTOR = "distributor"
DONE = "DONE"
AT_THE_GATE = ("REGISTERING", "ADJUSTING_RESOURCES")
LAUNCH_WITHIN = timedelta(seconds=10)
"""The time in which a worker must begin an instance."""

CHECK_EVERY = timedelta(seconds=1)
"""The longest wait for a message from the workers."""


class Distributor:
    """Runs a workflow's commands. It keeps only what the next step needs, because the log has the rest."""

    def __init__(
        self,
        service: TransitionService,
        workflow_id: str,
        commands: Sequence[Command],
        pool: Pool,
        progress: Progress,
        parent: str | None = None,
    ) -> None:
        self._service = service
        self._workflow_id = workflow_id
        self._parent = parent
        self._commands = {command.task_id: command for command in commands}
        self._pool = pool
        self._progress = progress
        self._memory_mib = dict.fromkeys(self._commands, MEMORY_MIB)
        self._attempts: Counter[str] = Counter()
        self._task_ids: dict[str, str] = {}
        self._waiting = list(self._commands)
        self._instantiated: deque[str] = deque()
        self._due: dict[str, datetime] = {}
        self._lost: list[str] = []
        self.ended: dict[str, str] = {}
        self.orphans: list[str] = []

    def run(self) -> None:
        """Run every command that can start to its end, then set `orphans`. `ended` has each such task's last status."""
        self._register()
        while self._can_start() or self._instantiated or self._due:
            self._queue()
            self._launch()
            self._receive()
            self._give_up_overdue()
        self._triage()

    def _register(self) -> None:
        specs = [
            TaskSpec(
                command.task_id,
                command.max_attempts,
                command.template,
                parent=self._parent,
                upstream=command.upstream,
            )
            for command in self._commands.values()
        ]
        self._service.register_tasks(self._workflow_id, specs, actor=ACTOR)

    def _can_start(self) -> list[str]:
        """Return the waiting tasks whose upstream tasks are all done."""
        done = {task_id for task_id, status in self.ended.items() if status == DONE}
        return [task_id for task_id in self._waiting if done.issuperset(self._commands[task_id].upstream)]

    def _queue(self) -> None:
        """Let the tasks that can start pass the gate, each with an instance of its own."""
        ready = self._can_start()
        if not ready:
            return
        gated = set(self._service.gate_tasks_for_queueing(ready, actor=ACTOR)["gated"])
        instances = {self._next_instance(task_id): task_id for task_id in ready if task_id in gated}
        self._waiting = [task_id for task_id in self._waiting if task_id not in gated]
        self._service.create_task_instances(instances, actor=ACTOR)
        self._service.transition_task_instances(list(instances), "INSTANTIATED", actor=ACTOR)
        self._task_ids |= instances
        self._instantiated.extend(instances)

    def _next_instance(self, task_id: str) -> str:
        self._attempts[task_id] += 1
        return f"{task_id}/{self._attempts[task_id]}"

    def _launch(self) -> None:
        """Send an instance to every free worker."""
        while self._instantiated and self._pool.free:
            name = self._instantiated.popleft()
            memory_mib = self._memory_mib[self._task_ids[name]]
            self._due[name] = datetime.now(UTC) + LAUNCH_WITHIN
            self._service.transition_task_instance(
                name,
                "LAUNCHED",
                "INSTANTIATED",
                report_by_date=self._due[name],
                actor=ACTOR,
                reason=f"memory limit {memory_mib} MiB",
            )
            argv = self._commands[self._task_ids[name]].argv
            self._pool.free.pop().send(Order(task_instance_id=name, argv=argv, memory_mib=memory_mib))

    def _receive(self) -> None:
        """Handle the messages of workers; wait for the first one until an instance is due."""
        due = min([*self._due.values(), datetime.now(UTC) + CHECK_EVERY]) - datetime.now(UTC)
        for message in self._pool.messages(max(due.total_seconds(), 0)):
            if message.task_instance_id not in self._due:
                continue
            if isinstance(message, Heartbeat):
                self._due[message.task_instance_id] = message.report_by_date
            else:
                self._handle_end(message.task_instance_id, message.task_status)

    def _handle_end(self, name: str, task_status: str | None) -> None:
        """Queue the task of an ended instance again, or record its last status."""
        if task_status is None:  # its report was lost, so it will be overdue
            return
        del self._due[name]
        task_id = self._task_ids[name]
        if task_status == "ADJUSTING_RESOURCES":
            self._memory_mib[task_id] *= 2
        if task_status in AT_THE_GATE:
            self._waiting.append(task_id)
        else:
            self.ended[task_id] = task_status
            self._progress(len(self.ended), len(self._commands))

    def _give_up_overdue(self) -> None:
        """Give up the instances whose report_by_date has passed; reset their tasks, as after a resume."""
        now = datetime.now(UTC)
        for name in [name for name, due in self._due.items() if due < now]:
            answer = self._report(name, "TRIAGING", "RUNNING", "no message by its report_by_date")
            if answer["ti_updated"]:
                self._lost.append(name)
                self._service.reset_tasks(
                    [self._task_ids[name]], reset_if_running=True, actor=ACTOR, reason=f"resumed without {name}"
                )
                self._handle_end(name, "REGISTERING")
            elif answer["task_status"] == "LAUNCHED":
                self._report(name, "NO_HEARTBEAT", "LAUNCHED", "no message since it was launched")
                self._handle_end(name, self._report(name, "ERROR", "NO_HEARTBEAT", "given up")["task_status"])
            else:  # it has ended, but its worker died before its message
                self._handle_end(name, answer["task_status"])

    def _triage(self) -> None:
        """Report the end of lost instances after all others, as on a cluster with slow accounting."""
        for name in self._lost:
            answer = self._report(name, "UNKNOWN_ERROR", "TRIAGING", "its process is gone and left no exit status")
            if answer["orphaned"]:
                self.orphans.append(name)

    def _report(self, name: str, status: str, expected_status: str, reason: str) -> TaskInstanceAnswer:
        return self._service.transition_task_instance(name, status, expected_status, actor=ACTOR, reason=reason)
