"""Reads the tasks of a run as Seqera Platform (Nextflow Tower) lists them, as rows of a trace.

It reads what the API answers (`GET /workflow/ID/tasks`), what `tw runs dump` writes (`workflow-tasks.json`), and a list
of either with the run's `workflow`. One file may hold several such documents, because the API answers in pages.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from json import JSONDecoder
from typing import Any

from application.imports.change import InvalidLine
from application.imports.input_file import MAX_LINE_BYTES
from application.imports.naming import placeholder_name
from application.imports.trace_file import CACHED, USED, TraceFile, TraceRow
from domain.errors import SojournError

KEYS = {"task_id": "taskId", "native_id": "nativeId"}
"""The keys of a task that differ from the fields of a trace."""

IN_TASK_LISTS = re.compile(r'"tasks"\s*:\s*\[|"task"\s*:\s*\{|"taskId"|"nativeId"')


class UnknownTaskList(SojournError):
    """Raised when a JSON file is not a list of a run's tasks as Seqera Platform writes it.

    Fix: save the answer of GET /workflow/ID/tasks, or the workflow-tasks.json of `tw runs dump`.
    """

    def __init__(self, why: str) -> None:
        super().__init__(
            f"the file is not a list of tasks as Seqera Platform writes it: {why}; "
            "save the answer of GET /workflow/ID/tasks, or the workflow-tasks.json of `tw runs dump`"
        )


def can_be_task_list(beginning: str) -> bool:
    """Return whether a file that begins like this can be a list of tasks."""
    return beginning.lstrip().startswith(("{", "[")) and IN_TASK_LISTS.search(beginning) is not None


def open_task_list(lines: Iterable[tuple[int, bytes]], format_name: str) -> TraceFile:
    """Return the run and the rows of a list of tasks. The number of a row is that of its task.

    Raises:
        UnknownTaskList: the file is another one.
    """
    texts = [text for _, text in lines]
    if any(len(text) >= MAX_LINE_BYTES for text in texts):
        raise UnknownTaskList("a line is longer than 16 MiB (`jq .` breaks it into lines)")
    documents = list(_parse_documents(b"".join(texts).decode(errors="replace")))
    tasks = [task for document in documents for task in _tasks_of(document)]
    run = next(filter(None, map(_run_of, documents)), None) or _placeholder(tasks, format_name)
    return TraceFile(run, _rows(tasks))


def _parse_documents(text: str) -> Iterator[Any]:
    decode, at = JSONDecoder().raw_decode, len(text) - len(text.lstrip())
    while at < len(text):
        try:
            document, end = decode(text, at)
        except (ValueError, RecursionError) as error:
            raise UnknownTaskList(f"it is not valid JSON: {error}") from error
        yield document
        at = end + len(text[end:]) - len(text[end:].lstrip())


def _tasks_of(document: Any) -> list[Any]:
    if isinstance(document, list):
        return [_unwrapped(item) for item in document]
    if isinstance(document, dict):
        if isinstance(document.get("tasks"), list):
            return [_unwrapped(item) for item in document["tasks"]]
        if "task" in document or "taskId" in document:
            return [_unwrapped(document)]
    raise UnknownTaskList("it has no tasks")


def _unwrapped(item: Any) -> Any:
    return item["task"] if isinstance(item, dict) and isinstance(item.get("task"), dict) else item


def _run_of(document: Any) -> str | None:
    workflow = document.get("workflow") if isinstance(document, dict) else None
    name = workflow.get("id") if isinstance(workflow, dict) else None
    return name if isinstance(name, str) else None


def _placeholder(tasks: Iterable[Any], format_name: str) -> str:
    """Return a name made of the first task that the run executed itself, whatever the order of the list."""
    ids = [_identity(task) for task in tasks if isinstance(task, dict) and task.get("status") != CACHED]
    return placeholder_name(format_name, min(ids, default=(0, ""))[1])


def _identity(task: Mapping[str, Any]) -> tuple[int, str]:
    number = task.get("taskId")
    values = (_text(task.get(key)) for key in ("hash", "nativeId", "submit"))
    return number if isinstance(number, int) else 0, " ".join(value or "-" for value in values)


def _rows(tasks: Iterable[Any]) -> Iterator[tuple[int, Callable[[], TraceRow]]]:
    return ((number, partial(_row, task)) for number, task in enumerate(tasks, 1))


def _row(task: Any) -> TraceRow:
    if not isinstance(task, dict):
        raise InvalidLine("is not a task")
    row = TraceRow.of(_text(task.get(KEYS.get(field, field))) for field in USED)
    return row if row.exit else TraceRow.of(row._replace(exit=_text(task.get("exitStatus"))))


def _text(value: object) -> str | None:
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
