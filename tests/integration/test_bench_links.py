"""The cases of `sojourn bench` about links: a workflow that is done, and one that a failed task blocks."""

import pytest

from sojourn.bench.linked import BLOCKED, ENDED, measure_links, plan_layers
from sojourn.bench.scratch import scratch_database
from tests.support.databases import Server

pytestmark = pytest.mark.one_server


def test_the_questions_are_about_links(server: Server) -> None:
    with scratch_database(server.dsn) as scratch:
        figures = list(measure_links(scratch, 9, layers=3))
        path = scratch.service.critical_path(ENDED)["links"]
        [cause] = scratch.service.blocked(BLOCKED)
        verdict = scratch.service.why(f"task:{BLOCKED}/002-00000")["verdict"]

    assert [figure["case"] for figure in figures] == ["links", "critical-path", "compare", "why-upstream", "blocked"]
    assert {figure["size"] for figure in figures} == {9}
    assert len({link["entity"].removeprefix("ti:").removesuffix("/1") for link in path}) >= 3
    assert (cause["cause"], cause["blocked"]) == (f"task:{BLOCKED}/000-00000", 6)
    assert f"task:{BLOCKED}/000-00000" in verdict


def test_each_task_waits_for_four_of_the_layer_before() -> None:
    layers = plan_layers("w", 1_000, 10)

    assert [len(layer) for layer in layers] == [100] * 10
    assert {len(spec.upstream) for layer in layers[1:] for spec in layer} == {4}
