"""What is wrong with a lifecycle file, in words; and what is only probably not meant."""

from pathlib import Path

import pytest

from application.shared.lifecycle_source import LifecycleFileInvalid, find_lifecycle, read_lifecycle_file
from domain.lifecycles import get_lifecycle, read_lifecycle, shipped
from domain.lifecycles.warnings import LifecycleWarning, lifecycle_warnings

GOOD = """
name = "mine"
version = 1
rules = ["orphaned-instance"]
[gate]
to = "WAITS"
[reset]
to = "NEW"
keep = ["DONE"]
kill_instances_with = "STOPS"
[task]
initial = "NEW"
terminal = ["DONE"]
[task.transitions]
NEW = ["WAITS"]
WAITS = { DONE = "it is over" }
DONE = []
[task_instance]
initial = "BEGINS"
terminal = ["STOPS"]
[task_instance.transitions]
BEGINS = ["STOPS"]
STOPS = []
[implies]
STOPS = { status = "DONE" }
"""
KEY = ": every status is a key of transitions, even if nothing follows it"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "mine.toml"


def problems_of(file: Path) -> list[str]:
    try:
        read_lifecycle_file(file)
    except LifecycleFileInvalid as invalid:
        return invalid.problems
    return []


class TestProblems:
    def test_none(self, file: Path) -> None:
        file.write_text(GOOD)

        assert find_lifecycle(str(file)) == find_lifecycle(file) == read_lifecycle(GOOD)

    @pytest.mark.parametrize(
        ("old", "new", "problems"),
        [
            (GOOD, "", ["name is missing", "version is missing", "task is missing"]),
            ('name = "mine"', "", ["name is missing"]),
            ('name = "mine"', 'name = ""', ["name is empty"]),
            ('name = "mine"', f'name = "{"n" * 256}"', ["name is longer than 255 characters"]),
            ("version = 1", "version = 1.5", ["version is not a whole number"]),
            ('name = "mine"', "name = 7", ["name is not a text"]),
            ("version = 1", 'version = "new"', ["version is not a whole number"]),
            ("version = 1", "version = 0", ["version is not 1 or more"]),
            ('initial = "NEW"', "", ["task.initial is missing"]),
            (
                'initial = "NEW"',
                'intial = "NEW"',
                ["task.initial is missing", "task.intial is not a known key; did you mean 'initial'?"],
            ),
            ("version = 1", "version = 1\nzzz = 1", ["zzz is not a known key"]),
            ('"orphaned-instance"', '"orphaned"', ["rules: no rule 'orphaned'; did you mean 'orphaned-instance'?"]),
            ('["WAITS"]', '["WAIT"]', ["task.transitions.NEW names 'WAIT', which is no status; did you mean 'WAITS'?"]),
            ('["WAITS"]', "3", ["task.transitions.NEW is not a table"]),
            ('terminal = ["DONE"]', 'terminal = "DONE"', ["task.terminal is not a list"]),
            ("DONE = []", "", [
                f"task.transitions.WAITS names 'DONE', which is no status{KEY}",
                f"task.terminal names 'DONE', which is no status{KEY}",
                f"implies.STOPS names 'DONE', which is no status{KEY}",
                f"reset.keep names 'DONE', which is no status{KEY}",
            ]),
            ('to = "WAITS"', 'to = "GO"', [f"gate.to names 'GO', which is no status{KEY}"]),
            ('to = "NEW"', 'to = "OLD"', [f"reset.to names 'OLD', which is no status{KEY}"]),
            ('keep = ["DONE"]', 'keep = ["DON"]', ["reset.keep names 'DON', which is no status; did you mean 'DONE'?"]),
            ('with = "STOPS"', 'with = "STOP"', [
                "reset.kill_instances_with names 'STOP', which is no status; did you mean 'STOPS'?"
            ]),
            ('STOPS = { status = "DONE" }', 'STOP = { status = "done" }', [
                "implies names 'STOP', which is no status; did you mean 'STOPS'?",
                "implies.STOP names 'done', which is no status; did you mean 'DONE'?",
            ]),
        ],
    )  # fmt: skip
    def test_are_told_with_their_places(self, file: Path, old: str, new: str, problems: list[str]) -> None:
        assert old in GOOD
        file.write_text(GOOD.replace(old, new))

        with pytest.raises(LifecycleFileInvalid) as raised:
            read_lifecycle_file(file)

        assert raised.value.problems == problems
        assert str(file) in str(raised.value)

    @pytest.mark.parametrize(
        ("flags", "problems"),
        [
            ('final = ["DONE"]\nreleases = ["NEW"]\nacquires = ["WAITS"]', []),
            (
                'acquires = ["WAITS"]\nreleases = ["NEW", "WAITS"]',
                ["task.acquires names 'WAITS', which is in releases too: a status takes an owner or lets it go"],
            ),
            (
                'overrides = ["WAITS"]\nrequires_ownership = ["WAITS"]',
                [
                    "task.overrides names 'WAITS', which is in requires_ownership too: the runner that takes over "
                    "would need to own the task first"
                ],
            ),
            (
                'final = ["WAITS"]',
                ["task.final names 'WAITS', which may become DONE: nothing follows a final status"],
            ),
            (
                'available_for_run = ["NEWS"]',
                ["task.available_for_run names 'NEWS', which is no status; did you mean 'NEW'?"],
            ),
            (
                'final = ["DON"]\nacquires = ["done"]',
                [
                    "task.final names 'DON', which is no status; did you mean 'DONE'?",
                    "task.acquires names 'done', which is no status; did you mean 'DONE'?",
                ],
            ),
            ("stuck_after = { WAITS = '1h 30m', NEW = 5 }", []),
            (
                "stuck_after = { WAIT = '10m', DONE = 5 }",
                [
                    "task.stuck_after names 'WAIT', which is no status; did you mean 'WAITS'?",
                    "task.stuck_after names 'DONE', which is in terminal too: nothing is stuck in a terminal status",
                ],
            ),
            ("stuck_after.NEW = 0", ["task.stuck_after.NEW is not more than 0"]),
            (
                "stuck_after.NEW = 'x'",
                [
                    "task.stuck_after.NEW is not valid: duration 'x' cannot be used; write it like 90s, 5m or 1h 30m, "
                    "above 0"
                ],
            ),
            ("stuck_after.NEW = true", ["task.stuck_after.NEW is not a number"]),
            ('aquires = ["NEW"]', ["task.aquires is not a known key; did you mean 'acquires'?"]),
        ],
    )
    def test_flags(self, file: Path, flags: str, problems: list[str]) -> None:
        file.write_text(GOOD.replace('terminal = ["DONE"]', f'terminal = ["DONE"]\n{flags}'))

        assert problems_of(file) == problems

    @pytest.mark.parametrize(
        ("recovery", "problems"),
        [
            ("max_pending_seconds = 5\nrunner_dead_after = 0.5\noverdue.NEW = ['WAITS', 'DONE']", []),
            ("max_pending_seconds = 5", ["recovery.runner_dead_after is missing"]),
            (
                "runner_dead_after = 5\noverdue.NEW = ['WAITS', 'DONE']",
                ["recovery.overdue needs recovery.max_pending_seconds, after which a task is overdue"],
            ),
            ("max_pending_seconds = 0\nrunner_dead_after = 5", ["recovery.max_pending_seconds is not more than 0"]),
            ("max_pending_seconds = 1\nrunner_dead_after = 'x'", ["recovery.runner_dead_after is not a number"]),
            (
                "max_pending_seconds = 1\nrunner_dead_after = 1\noverdue.NEW = ['WAIT']",
                ["recovery.overdue.NEW names 'WAIT', which is no status; did you mean 'WAITS'?"],
            ),
            (
                "max_pending_seconds = 1\nrunner_dead_after = 1\nabandoned.NEW = ['WAITS', 'NEW']",
                ["recovery.abandoned.NEW goes from WAITS to NEW, which is no edge of task.transitions"],
            ),
        ],
    )
    def test_recovery(self, file: Path, recovery: str, problems: list[str]) -> None:
        file.write_text(f"{GOOD}[recovery]\n{recovery}\n")

        assert problems_of(file) == problems

    def test_an_attempt_begins_with_a_status(self, file: Path) -> None:
        file.write_text(GOOD.replace("version = 1", 'version = 1\nattempt = "WAITZ"'))

        assert problems_of(file) == ["attempt names 'WAITZ', which is no status; did you mean 'WAITS'?"]

    def test_problems_of_both_machines_are_told_at_once(self, file: Path) -> None:
        file.write_text(GOOD.replace('["WAITS"]', '["WAIT"]').replace('["STOPS"]', '["STOP"]'))

        with pytest.raises(LifecycleFileInvalid) as raised:
            read_lifecycle_file(file)

        places = [problem.partition(" ")[0] for problem in raised.value.problems]
        assert places == ["task.transitions.NEW", "task_instance.transitions.BEGINS", "task_instance.terminal"]

    def test_no_toml(self, file: Path) -> None:
        file.write_text("name: mine")

        with pytest.raises(LifecycleFileInvalid, match=r"is not valid TOML: .*line 1"):
            read_lifecycle_file(file)

    def test_no_text(self, file: Path) -> None:
        file.write_bytes(b"\xff\xfe")

        with pytest.raises(LifecycleFileInvalid, match="is not UTF-8 text"):
            read_lifecycle_file(file)

    def test_no_file(self, file: Path) -> None:
        with pytest.raises(LifecycleFileInvalid, match="cannot be read: No such file"):
            read_lifecycle_file(file)


class TestWarnings:
    @pytest.mark.parametrize("name", shipped())
    def test_a_shipped_lifecycle_has_none(self, name: str) -> None:
        assert lifecycle_warnings(get_lifecycle(name)) == ()

    @pytest.mark.parametrize(
        ("old", "new", "warnings"),
        [
            ("", "", []),
            ("DONE = []", "DONE = []\nLOST = ['DONE']", [("task", "LOST", "unreachable")]),
            ("DONE = []", "DONE = []\nA = ['B']\nB = ['A']", [
                ("task", "A", "unreachable"), ("task", "B", "unreachable"),
            ]),
            ('["WAITS"]', '["WAITS", "STUCK"]\nSTUCK = []', [("task", "STUCK", "dead end")]),
            ("DONE = []", "DONE = []\nX = []", [("task", "X", "unreachable"), ("task", "X", "dead end")]),
            ('terminal = ["STOPS"]', "terminal = []", [("task_instance", "STOPS", "dead end")]),
            ('terminal = ["STOPS"]', 'terminal = []\nfinal = ["STOPS"]', []),
            ("DONE = []", "DONE = []\nX = []\nY = ['X']", [
                ("task", "X", "unreachable"), ("task", "X", "dead end"), ("task", "Y", "unreachable"),
            ]),
            ('to = "NEW"', 'to = "AGAIN"', []),
        ],
    )  # fmt: skip
    def test_are_found(self, old: str, new: str, warnings: list[tuple[str, str, str]]) -> None:
        definition = GOOD.replace(old, new) if old else GOOD
        if "AGAIN" in definition:
            # Nothing leads to AGAIN but a reset.
            definition = definition.replace("DONE = []", "DONE = []\nAGAIN = ['WAITS']")

        found = lifecycle_warnings(read_lifecycle(definition))

        assert [(warning.machine, warning.status, warning.warning) for warning in found] == warnings

    def test_what_only_the_orphan_rule_leads_to_is_reached(self) -> None:
        definition = GOOD.replace('terminal = ["STOPS"]', 'terminal = ["STOPS", "LOST"]\norphaned = "LOST"')

        assert lifecycle_warnings(read_lifecycle(definition.replace("STOPS = []", "STOPS = []\nLOST = []"))) == ()

    def test_a_sentence(self) -> None:
        warning = LifecycleWarning("task", "STUCK", "dead end")

        assert warning.text == "task status STUCK is a dead end: nothing follows it, and it is not terminal"
