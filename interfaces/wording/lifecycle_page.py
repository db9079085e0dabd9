"""A lifecycle as Markdown and Mermaid: the generated parts of its page."""

import re
from collections.abc import Callable, Iterable, Iterator

from domain.lifecycles.lifecycle import Lifecycle
from domain.lifecycles.machine import Machine
from domain.printable import printable
from interfaces.wording.values import format_duration

PLAIN = re.compile(r"(?!(?i:state|note|class|classdef|direction|default|end)$)[A-Za-z_]\w*$", re.ASCII)
"""A status that Mermaid accepts as the name of a state."""


MARKS = {
    "starts_in": "may begin",
    "terminal": "terminal",
    "final": "final",
    "transient": "transient",
    "available_for_run": "available for run",
    "requires_ownership": "requires ownership",
    "acquires": "acquires",
    "adopts": "adopts",
    "releases": "releases",
    "overrides": "overrides",
    "awaits_report": "awaits a report",
    "awaits_distributor": "awaits a distributor id",
}
"""The sets of a machine that are printed next to a status, in words."""


def mermaid(lifecycle: Lifecycle) -> str:
    """Return the lifecycle as one Mermaid state diagram, with a frame for each of two machines."""
    if lifecycle.instance is None:
        return mermaid_of(lifecycle.task)
    frames = (("task", lifecycle.task), ("task_instance", lifecycle.instance))
    lines = [line for kind, machine in frames for line in _framed(kind, machine)]
    return "\n".join(["stateDiagram-v2", *_indented(lines)])


def mermaid_of(machine: Machine) -> str:
    """Return one machine as a Mermaid state diagram, every edge with its cause."""
    names = {
        status: status if PLAIN.match(status) else f"status_{number}" for number, status in enumerate(machine.statuses)
    }
    return "\n".join(["stateDiagram-v2", *_indented(_diagram(machine, names))])


def markdown(lifecycle: Lifecycle) -> str:
    """Return the whole lifecycle as Markdown."""
    title = f"# Lifecycle `{printable(lifecycle.name)}`, version {lifecycle.version}"
    parts = [f"## {name}\n\n{text}" for name, part in PARTS.items() if (text := part(lifecycle))]
    return "\n\n".join([title, *parts])


def filled(page: str, lifecycle: Lifecycle) -> str:
    """Return the page with the text between `<!-- NAME -->` and `<!-- end of NAME -->` generated again."""
    for name, part in PARTS.items():
        begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
        before, found, rest = page.partition(begin)
        _, found_end, after = rest.partition(end)
        if found and found_end:
            page = f"{before}{begin}\n\n{part(lifecycle)}\n\n{end}{after}"
    return page


def marks(machine: Machine, status: str) -> tuple[str, ...]:
    """Return the marks of a status: initial, terminal, transient, ..., and its limit."""
    initial = ("initial",) if status == machine.initial else ()
    sets = (text for flag, text in MARKS.items() if status in getattr(machine, flag))
    limit = (f"stuck after {format_duration(machine.stuck_after[status])}",) if status in machine.stuck_after else ()
    return (*initial, *sets, *limit)


def untimely(machine: Machine) -> list[tuple[str, str]]:
    """Return the untimely pairs in the order of the statuses."""
    order = {status: number for number, status in enumerate(machine.statuses)}
    return sorted(machine.untimely, key=lambda pair: (order[pair[0]], order[pair[1]]))


def _diagram(machine: Machine, names: dict[str, str]) -> Iterator[str]:
    yield from (f'state "{status}" as {name}' for status, name in names.items() if status != name)
    yield from (f"[*] --> {names[status]}" for status in machine.statuses if status in machine.starts)
    for source, targets in machine.transitions.items():
        for target, cause in targets.items():
            # Mermaid ends a label at a colon or semicolon.
            label = re.sub(r"\s*[:;]", ",", cause)
            yield f"{names[source]} --> {names[target]}{f' : {label}' if label else ''}"
    yield from (f"{names[status]} --> [*]" for status in machine.statuses if machine.is_terminal(status))
    if machine.transient:
        yield "classDef transient stroke-dasharray: 5 5"
        yield from (f"class {names[status]} transient" for status in sorted(machine.transient))


def _framed(kind: str, machine: Machine) -> Iterator[str]:
    names = {status: f"{kind}_{number}" for number, status in enumerate(machine.statuses)}
    yield f"state {kind} {{"
    yield from _indented(_diagram(machine, names))
    yield "}"


def _indented(lines: Iterable[str]) -> Iterator[str]:
    return (f"    {printable(line)}" for line in lines)


def _fenced(machine: Machine | None) -> str:
    return f"```mermaid\n{mermaid_of(machine)}\n```" if machine else ""


def _statuses(machine: Machine | None) -> str:
    if machine is None:
        return ""
    rows = (
        (f"`{source}`{_marked(machine, source)}", f"`{target}`" if target else "", cause)
        for source, targets in machine.transitions.items()
        for target, cause in (targets or {"": ""}).items()
    )
    return _table(("From", "To", "What makes it happen"), rows)


def _marked(machine: Machine, status: str) -> str:
    found = marks(machine, status)
    return f" ({', '.join(found)})" if found else ""


def _untimely(machine: Machine | None) -> str:
    if machine is None or not machine.untimely:
        return ""
    rows = ((f"`{source}`", f"`{target}`") for source, target in untimely(machine))
    return _table(("The instance is", "and the report says"), rows)


def _implies(lifecycle: Lifecycle) -> str:
    if lifecycle.instance is None:
        return ""
    rows = (_implied(lifecycle, status) for status in lifecycle.instance.statuses)
    return _table(("An instance that is", "implies for its task", "with no attempt left", "by way of"), rows)


def _implied(lifecycle: Lifecycle, status: str) -> tuple[str, ...]:
    implication = lifecycle.implies.get(status)
    if implication is None:
        return f"`{status}`", "nothing", "", ""
    others = (implication.exhausted, implication.through)
    return f"`{status}`", f"`{implication.status}`", *(f"`{other}`" if other else "" for other in others)


def _table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    lines = [list(heads), *map(list, rows)]
    lines.insert(1, ["---"] * len(lines[0]))
    return "\n".join(f"| {' | '.join(map(printable, cells))} |" for cells in lines)


PARTS: dict[str, Callable[[Lifecycle], str]] = {
    "task diagram": lambda lifecycle: _fenced(lifecycle.task),
    "task edges": lambda lifecycle: _statuses(lifecycle.task),
    "task instance diagram": lambda lifecycle: _fenced(lifecycle.instance),
    "task instance edges": lambda lifecycle: _statuses(lifecycle.instance),
    "untimely reports": lambda lifecycle: _untimely(lifecycle.instance),
    "what an instance implies": _implies,
}
"""The generated parts of a page, by the names in its markers."""
