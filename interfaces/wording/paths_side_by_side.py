"""Two critical paths side by side: which link of one corresponds to which of the other."""

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from itertools import zip_longest
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from application.analyse.critical_path import PathLink

SHOWN_LINKS = 40
"""The number of links of the longer path up to which both are shown side by side."""

Pair = tuple["PathLink | None", "PathLink | None"]


def pair_links(a: "Sequence[PathLink]", b: "Sequence[PathLink]") -> list[Pair]:
    """Return both paths in their order, with links of one template and kind in one row; none where one is too long."""
    if max(len(a), len(b)) > SHOWN_LINKS:
        return []
    return list(_align(a, b))


def _align(a: "Sequence[PathLink]", b: "Sequence[PathLink]") -> Iterator[Pair]:
    keys = [[(link["template"], link["kind"]) for link in path] for path in (a, b)]
    matched = SequenceMatcher(a=keys[0], b=keys[1], autojunk=False)
    for tag, since_a, until_a, since_b, until_b in matched.get_opcodes():
        if tag == "equal":
            yield from zip(a[since_a:until_a], b[since_b:until_b], strict=True)
        else:
            yield from zip_longest(a[since_a:until_a], b[since_b:until_b])


def name_link(link: "PathLink | None") -> str:
    """Return the entity of a link and what it did, or nothing where a path has no such link."""
    if link is None:
        return ""
    return f"{link['entity']} {link['kind']}" + (f" ({link['detail']})" if link["detail"] else "")
