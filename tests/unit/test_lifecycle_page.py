"""The lifecycle's page and what it is made from say the same."""

from pathlib import Path

import pytest

from domain.lifecycles import get_lifecycle, read_lifecycle
from domain.lifecycles.lifecycle import Lifecycle
from domain.lifecycles.machine import Machine
from interfaces.wording.lifecycle_page import PARTS, filled, markdown, mermaid, mermaid_of

PAGE = Path(__file__).parents[2] / "docs" / "lifecycle.md"
JOBMON = get_lifecycle("jobmon")

ODD = read_lifecycle("""
name = "odd"
version = 1
[task]
initial = "in progress"
terminal = ["end"]
transient = ["half-way"]
[task.transitions]
"in progress" = ["half-way", "Gone"]
"half-way" = { end = "because: of; it" }
Gone = ["end"]
end = []
""")


def changed() -> Lifecycle:
    """Jobmon's lifecycle with another cause, another untimely pair and another implication."""
    data = JOBMON.model_dump(mode="json", by_alias=True)
    data["task"]["transitions"]["RUNNING"]["DONE"] = "it is over"
    data["task_instance"]["transitions"]["NO_HEARTBEAT"]["DONE"] = "it was only slow"
    data["task_instance"]["untimely"].append(["DONE", "ERROR"])
    data["implies"]["TRIAGING"] = {"status": "RUNNING"}
    return Lifecycle.model_validate(data)


class TestPage:
    def test_it_says_what_the_lifecycle_says(self) -> None:
        assert filled(PAGE.read_text("utf-8"), JOBMON) == PAGE.read_text("utf-8"), "run scripts/render-docs"

    def test_it_has_a_place_for_every_part(self) -> None:
        page = PAGE.read_text("utf-8")

        for name, part in PARTS.items():
            assert f"<!-- {name} -->\n\n{part(JOBMON)}\n\n<!-- end of {name} -->" in page

    def test_it_follows_the_lifecycle(self) -> None:
        page = filled(PAGE.read_text("utf-8"), changed())

        before, after = PAGE.read_text("utf-8").splitlines(), page.splitlines()
        assert {line for line in after if line not in before} == {
            "    RUNNING --> DONE : it is over",
            "| `RUNNING` (may begin) | `DONE` | it is over |",
            "    NO_HEARTBEAT --> DONE : it was only slow",
            "| `NO_HEARTBEAT` | `DONE` | it was only slow |",
            "| `DONE` | `ERROR` |",
            "| `TRIAGING` | `RUNNING` |  |  |",
        }

    def test_what_stands_outside_the_markers_stays(self) -> None:
        page = "a <!-- task edges -->old<!-- end of task edges --> b <!-- task diagram --> c"

        assert filled(page, ODD).startswith("a <!-- task edges -->\n\n| From")
        assert filled(page, ODD).endswith("|\n\n<!-- end of task edges --> b <!-- task diagram --> c")


class TestMermaid:
    @pytest.mark.parametrize("machine", [machine for machine in (JOBMON.task, JOBMON.instance, ODD.task) if machine])
    def test_every_edge_is_a_line(self, machine: Machine) -> None:
        lines = [line for line in mermaid_of(machine).splitlines() if "-->" in line and "[*]" not in line]

        assert len(lines) == len(machine.edges)
        assert sorted(line.count(" : ") for line in lines) == sorted(
            int(bool(cause)) for targets in machine.transitions.values() for cause in targets.values()
        )

    def test_an_edge_is_named_by_its_cause(self) -> None:
        lines = mermaid_of(JOBMON.task).splitlines()

        assert "    QUEUED --> INSTANTIATING : a distributor takes its instance" in lines

    def test_names_that_mermaid_would_take_for_something_else(self) -> None:
        assert mermaid(ODD) == (
            "stateDiagram-v2\n"
            '    state "in progress" as status_0\n'
            '    state "half-way" as status_1\n'
            '    state "end" as status_3\n'
            "    [*] --> status_0\n"
            "    status_0 --> status_1\n"
            "    status_0 --> Gone\n"
            "    status_1 --> status_3 : because, of, it\n"
            "    Gone --> status_3\n"
            "    status_3 --> [*]\n"
            "    classDef transient stroke-dasharray: 5 5\n"
            "    class status_1 transient"
        )

    def test_two_machines_are_one_diagram_and_share_no_name(self) -> None:
        lines = mermaid(JOBMON).splitlines()

        assert lines[0] == "stateDiagram-v2"
        assert [line for line in lines if not line.startswith("     ")][1:] == [
            "    state task {", "    }", "    state task_instance {", "    }",
        ]  # fmt: skip
        assert '        state "QUEUED" as task_2' in lines
        assert '        state "QUEUED" as task_instance_0' in lines


def test_markdown_leaves_out_what_a_lifecycle_has_not() -> None:
    assert "## task instance edges" in markdown(JOBMON)
    assert markdown(ODD).startswith("# Lifecycle `odd`, version 1\n\n## task diagram\n\n```mermaid\n")
    assert "instance" not in markdown(ODD)
    assert "untimely" not in markdown(ODD)
    assert "| `end` (terminal) |  |  |" in markdown(ODD)
