"""Files that are almost right, imported: a bad line stores nothing, and the others are stored."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from application.imports.formats import format_names
from application.imports.formats.jobmon import MissingColumns
from application.imports.formats.sacct import MissingSacctFields
from application.imports.seqera_tasks import UnknownTaskList
from application.imports.tally import ImportAnswer
from application.imports.trace_file import MissingTraceFields
from application.replay.verify import verify_log
from application.transition_service import TransitionService
from tests.support.almost_right import almost_right
from tests.support.databases import DatabasePool
from tests.support.examples import examples
from tests.support.importing import audit, events, imported_bytes

pytestmark = pytest.mark.one_server

OF_THE_WHOLE_FILE = (MissingColumns, MissingTraceFields, MissingSacctFields, UnknownTaskList)


@pytest.mark.parametrize("format_name", format_names())
@examples(quick=8, long=40)
@given(data=st.data())
def test_what_is_almost_right(databases: DatabasePool, format_name: str, data: st.DataObject) -> None:
    content = data.draw(almost_right(format_name))

    with databases.borrowed() as dsn, TransitionService.connect(dsn) as service:
        try:
            answer = imported_bytes(service, format_name, content, zone="Europe/Berlin")
        except OF_THE_WHOLE_FILE:
            return
        assert verify_log(service.store)["mismatches"] == []
        assert answer["transitions"] + sum(answer["refused"].values()) == count_events(service)
        again = imported_bytes(service, format_name, content, zone="Europe/Berlin")

    added = {key: again[key] for key in ("tasks", "task_instances", "transitions")}
    assert set(added.values()) == {0}, (answer, again)


def count_events(service: TransitionService) -> int:
    with service.store.session() as connection:
        return events(connection)


@examples(quick=8, long=40)
@given(content=almost_right("jsonl"))
def test_a_bad_line_makes_no_difference(databases: DatabasePool, content: bytes) -> None:
    def imported_into_a_new_log(text: bytes) -> tuple[ImportAnswer, object]:
        with databases.borrowed() as dsn, TransitionService.connect(dsn) as service:
            answer = imported_bytes(service, "jsonl", text)
            with service.store.session() as connection:
                return answer, audit(connection)

    answer, with_bad_lines = imported_into_a_new_log(content)
    bad = {line["line"] for line in answer["bad_lines"]}
    good = [line for number, line in enumerate(content.split(b"\n"), 1) if number not in bad]

    rest, without = imported_into_a_new_log(b"\n".join(good))
    assert (rest["bad_lines"], without) == ([], with_bad_lines)
