"""The links of a task in words."""

import pytest

from interfaces.wording.links_in_words import links_in_words


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, ""),
        ({"parent": None, "upstream": None}, ""),
        ({"parent": "run"}, "a part of run"),
        ({"upstream": ["a"]}, "waits for a"),
        ({"parent": "run", "upstream": ["a", "b", "c"]}, "a part of run, waits for a, b, c"),
        ({"upstream": [f"t{number}" for number in range(1_004)]}, "waits for t0, t1, t2 and 1,001 more"),
    ],
)
def test_what_is_said_of_links(fields: dict[str, object], words: str) -> None:
    assert links_in_words(fields) == words
