"""How long an entity has been in its status, compared with others, in words."""

from datetime import timedelta
from typing import Any

import pytest

from application.shared.open_interval import OpenInterval
from application.wording.open_interval_in_words import describe_open_interval

INTERVAL = OpenInterval("slurm", "align", "PENDING", timedelta(hours=6, minutes=12), 20, 10_185, 9_981, 19, 19)


@pytest.mark.parametrize(
    ("changes", "compared"),
    [
        ({}, "longer than 97 % of the 10,185 intervals of lifecycle slurm"),
        ({"shorter": 10_184}, "longer than 99 % of the 10,185 intervals of lifecycle slurm"),
        ({"shorter": 10_185}, "longer than each of the 10,185 intervals of lifecycle slurm"),
        ({"shorter": 1}, "longer than 1 % of the 10,185 intervals of lifecycle slurm"),
        ({"shorter": 0}, "no longer than any of the 10,185 intervals of lifecycle slurm"),
        ({"ended_of_template": 20, "shorter_of_template": 5}, "longer than 25 % of the 20 intervals of template align"),
    ],
)
def test_with_whom_it_is_compared(changes: dict[str, Any], compared: str) -> None:
    sentence = f"It has been PENDING for 6h 12m, {compared} in that status that have ended."

    assert describe_open_interval(INTERVAL._replace(**changes)) == sentence


def test_too_few_are_no_comparison() -> None:
    assert describe_open_interval(INTERVAL._replace(ended=19, shorter=19)) is None
