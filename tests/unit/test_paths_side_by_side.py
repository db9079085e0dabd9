"""Links of two critical paths that correspond share a row."""

from typing import Any

from interfaces.wording.paths_side_by_side import SHOWN_LINKS, name_link, pair_links


def link(entity: str, kind: str, template: str | None = None, detail: str | None = None) -> Any:
    return {"entity": entity, "kind": kind, "template": template, "detail": detail}


def test_links_of_one_template_and_kind_share_a_row() -> None:
    a = [link("ti:a/1", "waiting", "align"), link("ti:a/1", "running", "align"), link("ti:m/1", "running", "merge")]
    b = [a[0], link("ti:b/1", "failed-attempt", "align"), link("ti:b/2", "running", "align")]

    assert pair_links(a, b) == [(a[0], a[0]), (None, b[1]), (a[1], b[2]), (a[2], None)]


def test_long_paths_are_not_paired() -> None:
    assert pair_links([link("task:a", "waiting")] * (SHOWN_LINKS + 1), []) == []


def test_a_link_says_what_it_waited_for() -> None:
    assert name_link(link("task:a", "waiting-slot", detail="gpu")) == "task:a waiting-slot (gpu)"
    assert name_link(None) == ""
