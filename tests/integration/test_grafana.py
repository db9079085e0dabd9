"""The Grafana dashboard: what it asks is answered, as the reader, with the columns that its panels need."""

import json
import re
from itertools import product
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.errors import InvalidParameterValue

from application.transition_service import TransitionService
from tests.support.agreement import Row, rows
from tests.support.attempts import attempt, register

DASHBOARD = json.loads((Path(__file__).parents[2] / "docs" / "grafana" / "sojourn.json").read_text("utf-8"))
PANELS = DASHBOARD["panels"]
SOURCE = {"type": "grafana-postgresql-datasource", "uid": "${datasource}"}
FROM, TO = "'2020-01-01T00:00:00Z'", "'2100-01-01T00:00:00Z'"


@pytest.fixture
def reader(service: TransitionService, connection: psycopg.Connection[Any]) -> psycopg.Connection[Any]:
    """The reader's connection to a log in which two tasks run, one of them for the second time."""
    register(service, "t", "it's")
    attempt(service, "t", "it's")
    service.transition_task_instance("t/1", "ERROR")
    attempt(service, "t")
    connection.execute("SET ROLE sojourn_reader")
    connection.execute("SET jit = off")  # as docs/analytics.md sets it for the role
    return connection


Range = tuple[str, str]

ALWAYS: Range = (FROM, TO)
LONG_AGO: Range = ("'1990-01-01T00:00:00Z'", "'1991-01-01T00:00:00Z'")
LATER: Range = ("'2200-01-01T00:00:00Z'", "'2201-01-01T00:00:00Z'")


def as_grafana_sends_it(query: str, values: dict[str, str], within: Range = ALWAYS) -> str:
    """A query with Grafana's variables and macros replaced."""
    begin, end = within
    text = query
    for name, value in values.items():
        quoted = "'" + value.replace("'", "''") + "'"
        text = text.replace(f"${{{name}:sqlstring}}", quoted)
    text = re.sub(r"\$__timeFilter\(([^()]+)\)", rf"\1 BETWEEN {begin} AND {end}", text)
    text = text.replace("$__timeFrom()", begin).replace("$__timeTo()", end).replace("$__interval_ms", "3600000")
    assert "$" not in text, text
    return text


def ask(reader: psycopg.Connection[Any], query: str, *, within: Range = ALWAYS, **values: str) -> list[Row]:
    variables = {"entity_kind": "task", "workflow": "", "status": "RUNNING", "wait_by": "template"} | values
    statement = as_grafana_sends_it(query, variables, within)
    return rows(reader, statement.replace("%", "%%") if "%" in statement else statement)


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
def test_a_panel_gets_what_it_shows(reader: psycopg.Connection[Any], panel: dict[str, Any]) -> None:
    (target,) = panel["targets"]

    for kind, workflow in product(("task", "task_instance"), ("", "w")):
        found = ask(reader, target["rawSql"], entity_kind=kind, workflow=workflow)
        assert found or panel["title"] == "Orphans", (kind, workflow)
        columns = set(found[0] if found else ())
        if target["format"] == "time_series":
            assert "time" in columns
            assert all(row["time"].tzinfo for row in found)
            assert [row["time"] for row in found] == sorted(row["time"] for row in found)
        for field in needed(panel):
            assert field in columns
    if re.search(r"FROM sojourn\.\w+\(", target["rawSql"]):
        with pytest.raises(InvalidParameterValue, match="workflow_id => 'it''s nowhere' is not a workflow"):
            ask(reader, target["rawSql"], workflow="it's nowhere")
    else:
        assert ask(reader, target["rawSql"], workflow="it's nowhere") == []


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
@pytest.mark.parametrize("kind", ["task", "task_instance"])
def test_a_panel_follows_the_time_picker(
    service: TransitionService, reader: psycopg.Connection[Any], panel: dict[str, Any], kind: str
) -> None:
    """Given an orphan too: a range before the log, and one after the end of it, has nothing of it."""
    service.create_task_instances({"t/9": "t"})
    service.transition_task_instance("t/2", "DONE")
    query = panel["targets"][0]["rawSql"]

    assert ask(reader, query, entity_kind=kind) != []
    assert [row for row in ask(reader, query, entity_kind=kind, within=LONG_AGO) if row.get("mean") != 0] == []
    if panel["title"] not in {"Where they are", "The newest 50", "Concurrency in $status"}:
        assert ask(reader, query, entity_kind=kind, within=LATER) == []


@pytest.mark.parametrize("kind", ["task", "task_instance"])
def test_panels_over_the_whole_time_show_what_the_functions_return(reader: psycopg.Connection[Any], kind: str) -> None:
    panels = {panel["title"]: panel["targets"][0]["rawSql"] for panel in PANELS}
    shown = {row["status"]: row for row in ask(reader, panels["Time in status"], entity_kind=kind)}
    answer = {row["status"]: row for row in rows(reader, f"SELECT * FROM sojourn.time_in_status('{kind}')")}

    assert shown.keys() == answer.keys() != set()
    for status, row in answer.items():
        assert (shown[status]["n"], shown[status]["open"]) == (row["n"], row["open"])
        assert shown[status]["mean"] == pytest.approx(row["mean_seconds"], abs=5)
        assert (shown[status]["km p90"] is None) == (row["km_p90_seconds"] is None)
    where = {row["status"]: row["n"] for row in ask(reader, panels["Where they are"], entity_kind=kind)}
    current = f"SELECT c.status, count(*) AS n FROM sojourn.current_{kind} AS c GROUP BY 1"
    assert where == {row["status"]: row["n"] for row in rows(reader, current)}
    (waits,) = ask(reader, panels["Queue wait by $wait_by"], wait_by="workflow")
    (waited,) = rows(reader, "SELECT * FROM sojourn.queue_wait('workflow')")
    assert [waits[name] for name in ("group", "tasks", "ran", "ended")] == ["w", 2, waited["started"], waited["ended"]]
    counts = ["tasks", "attempts", "succeeded", "failed", "cancelled", "lost", "open"]
    attempts = {row["template"]: [row[name] for name in counts] for row in ask(reader, panels["Attempts"])}
    counted = rows(reader, "SELECT * FROM sojourn.count_attempts('template')")
    assert attempts == {row["group"]: [row[name] for name in counts] for row in counted} != {}


def needed(panel: dict[str, Any]) -> list[str]:
    """The columns that a panel's options name."""
    fields = [panel["options"]["xField"]] if "xField" in panel["options"] else []
    for transformation in panel.get("transformations", []):
        fields += transformation["options"]["fields"]
    for override in panel["fieldConfig"]["overrides"]:
        fields += override["matcher"]["options"].strip("/^()$").split("|")
    return [*fields, *(("time", "end", "status") if panel["type"] == "state-timeline" else ())]


def test_its_variables_offer_what_there_is(reader: psycopg.Connection[Any]) -> None:
    queries = {found["name"]: found["query"] for found in DASHBOARD["templating"]["list"] if found["type"] == "query"}

    assert ask(reader, queries["workflow"]) == [{"__value": "", "__text": "All"}, {"__value": "w", "__text": "w"}]
    assert {"status": "RUNNING"} in ask(reader, queries["status"])


def test_its_panels_are_such_as_grafana_has() -> None:
    assert {panel["type"] for panel in PANELS} == {"barchart", "state-timeline", "table", "timeseries"}
    assert {needs["id"] for needs in DASHBOARD["__requires"] if needs["type"] == "panel"} == {
        panel["type"] for panel in PANELS
    }
    assert len({panel["id"] for panel in PANELS}) == len(PANELS)
    for panel in PANELS:
        assert panel["datasource"] == SOURCE
        assert [target["datasource"] for target in panel["targets"]] == [SOURCE]
        assert {"defaults", "overrides"} == panel["fieldConfig"].keys()
    variables = {found["name"] for found in DASHBOARD["templating"]["list"]}
    used = set(re.findall(r"\$\{(\w+)", json.dumps(DASHBOARD))) | set(re.findall(r"\$([a-z]\w+)", json.dumps(PANELS)))
    assert used == variables


def test_its_panels_do_not_overlap() -> None:
    cells = [
        (x, y)
        for place in (panel["gridPos"] for panel in PANELS)
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24
