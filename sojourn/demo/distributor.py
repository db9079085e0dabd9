"""A small distributor: what a workflow system does with Sojourn, from the first task to the last word on a lost one."""

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
AT_THE_GATE = ("REGISTERING", "ADJUSTING_RESOURCES")
LAUNCH_WITHIN = timedelta(seconds=10)
"""How long a worker may take to begin with an instance."""

LOOK_AGAIN = timedelta(seconds=1)
"""How long to wait for a word from the workers at most."""


class Distributor:
    """Sees a workflow's commands through, and keeps only what the next step needs: the rest is in the log."""

    def __init__(
        self,
        service: TransitionService,
        workflow_id: str,
        commands: Sequence[Command],
        pool: Pool,
        progress: Progress,
    ) -> None:
        self._service = service
        self._workflow_id = workflow_id
        self._commands = {command.task_id: command for command in commands}
        self._pool = pool
        self._progress = progress
        self._memory_mib = dict.fromkeys(self._commands, MEMORY_MIB)
        self._attempts: Counter[str] = Counter()
        self._task_of: dict[str, str] = {}
        self._waiting = list(self._commands)
        self._instantiated: deque[str] = deque()
        self._due: dict[str, datetime] = {}
        self._lost: list[str] = []
        self.ended: dict[str, str] = {}
        self.orphans: list[str] = []

    def run(self) -> None:
        """Run every command to its end. Then `ended` has each task's last status, `orphans` the orphaned instances."""
        self._register()
        while len(self.ended) < len(self._commands):
            self._queue()
            self._launch()
            self._listen()
            self._look_for_lost()
        self._triage()

    def _register(self) -> None:
        specs = [
            TaskSpec(command.task_id, command.max_attempts, command.template) for command in self._commands.values()
        ]
        self._service.register_tasks(self._workflow_id, specs, actor=ACTOR)

    def _queue(self) -> None:
        """Let waiting tasks pass the gate, each with an instance of its own."""
        if not self._waiting:
            return
        gated = set(self._service.gate_tasks_for_queueing(self._waiting, actor=ACTOR)["gated"])
        instances = {self._next_instance(task_id): task_id for task_id in self._waiting if task_id in gated}
        self._waiting = [task_id for task_id in self._waiting if task_id not in gated]
        self._service.create_task_instances(instances, actor=ACTOR)
        self._service.transition_task_instances(list(instances), "INSTANTIATED", actor=ACTOR)
        self._task_of |= instances
        self._instantiated.extend(instances)

    def _next_instance(self, task_id: str) -> str:
        self._attempts[task_id] += 1
        return f"{task_id}/{self._attempts[task_id]}"

    def _launch(self) -> None:
        """Give an instance to every worker that has none."""
        while self._instantiated and self._pool.free:
            name = self._instantiated.popleft()
            memory_mib = self._memory_mib[self._task_of[name]]
            self._due[name] = datetime.now(UTC) + LAUNCH_WITHIN
            self._service.transition_task_instance(
                name,
                "LAUNCHED",
                "INSTANTIATED",
                report_by_date=self._due[name],
                actor=ACTOR,
                reason=f"memory limit {memory_mib} MiB",
            )
            argv = self._commands[self._task_of[name]].argv
            self._pool.free.pop().take(Order(task_instance_id=name, argv=argv, memory_mib=memory_mib))

    def _listen(self) -> None:
        """Hear what the workers have to say; wait for it no longer than until something is due."""
        due = min([*self._due.values(), datetime.now(UTC) + LOOK_AGAIN]) - datetime.now(UTC)
        for word in self._pool.words(max(due.total_seconds(), 0)):
            if word.task_instance_id not in self._due:
                continue
            if isinstance(word, Heartbeat):
                self._due[word.task_instance_id] = word.report_by_date
            else:
                self._go_on(word.task_instance_id, word.task_status)

    def _go_on(self, name: str, task_status: str | None) -> None:
        """See what an instance that has ended leaves to be done for its task."""
        if task_status is None:  # the report did not get through: what is overdue is looked for again
            return
        del self._due[name]
        task_id = self._task_of[name]
        if task_status == "ADJUSTING_RESOURCES":
            self._memory_mib[task_id] *= 2
        if task_status in AT_THE_GATE:
            self._waiting.append(task_id)
        else:
            self.ended[task_id] = task_status
            self._progress(len(self.ended), len(self._commands))

    def _look_for_lost(self) -> None:
        """Give up the instances whose report_by_date has passed; their tasks begin again, as after a resume."""
        now = datetime.now(UTC)
        for name in [name for name, due in self._due.items() if due < now]:
            answer = self._report(name, "TRIAGING", "RUNNING", "not heard of by its report_by_date")
            if answer["ti_updated"]:
                self._lost.append(name)
                self._service.reset_tasks(
                    [self._task_of[name]], reset_if_running=True, actor=ACTOR, reason=f"resumed without {name}"
                )
                self._go_on(name, "REGISTERING")
            elif answer["task_status"] == "LAUNCHED":
                self._report(name, "NO_HEARTBEAT", "LAUNCHED", "not heard of since it was launched")
                self._go_on(name, self._report(name, "ERROR", "NO_HEARTBEAT", "given up")["task_status"])
            else:  # it has ended, and its worker could not say so any more
                self._go_on(name, answer["task_status"])

    def _triage(self) -> None:
        """Say what became of the lost: as on a cluster whose accounting is slow, when all else has ended."""
        for name in self._lost:
            answer = self._report(name, "UNKNOWN_ERROR", "TRIAGING", "its process is gone and left no exit status")
            if answer["orphaned"]:
                self.orphans.append(name)

    def _report(self, name: str, status: str, believed: str, reason: str) -> TaskInstanceAnswer:
        return self._service.transition_task_instance(name, status, believed, actor=ACTOR, reason=reason)
