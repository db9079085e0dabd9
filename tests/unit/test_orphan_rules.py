"""The rules of orphans, which Python, the view of all orphans and the function that asks each rule by itself list."""

import re
from pathlib import Path
from typing import get_args

from application.shared.orphan import OrphanRule

FOLDER = Path(__file__).parents[2] / "projections" / "orphans"


def test_the_function_asks_every_rule() -> None:
    asked = re.findall(r"\('([a-z-]+)', (?:'\w+'|NULL), '\w+", (FOLDER / "find_orphans.sql").read_text())
    assert sorted(asked) == sorted(get_args(OrphanRule))


def test_the_view_shows_every_rule() -> None:
    shown = re.findall(r"FROM sojourn\.orphan_(\w+)", (FOLDER / "orphan.sql").read_text())
    assert sorted(name.replace("_", "-") for name in shown) == sorted(get_args(OrphanRule))
