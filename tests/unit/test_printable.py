"""Text from others, made printable."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.printable import printable, printable_json, printable_lines

pytestmark = pytest.mark.security


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Zürich 東京 naïve", "Zürich 東京 naïve"),
        (r"C:\new", r"C:\new"),
        ("\x1b[2J", r"\x1b[2J"),
        ("a\r\nb\tc", r"a\r\nb\tc"),
        ("\x9b31m\x85\x7f\x07", r"\x9b31m\x85\x7f\x07"),
        ("abc\u202edcba\u2069", r"abc\u202edcba\u2069"),
        ("a\u2028b\u200bc\ufeff", r"a\u2028b\u200bc\ufeff"),
        ("\U000e0041", r"\U000e0041"),
        ("\udc80", r"\udc80"),
    ],
)
def test_what_acts_on_a_terminal_is_escaped(text: str, shown: str) -> None:
    assert printable(text) == shown


@given(st.text())
def test_printable_text_stays_and_nothing_else_is_left(text: str) -> None:
    assert printable(text).isprintable()
    assert printable(printable(text)) == printable(text)
    assert printable_lines(text).count("\n") == text.count("\n")


@given(
    st.recursive(st.none() | st.text(), lambda part: st.lists(part) | st.dictionaries(st.text(), part)), st.booleans()
)
def test_json_means_the_same(value: object, only_ascii: bool) -> None:
    written = printable_json(json.dumps(value, ensure_ascii=False, indent=2), only_ascii=only_ascii)

    assert json.loads(written) == value
    assert written.replace("\n", "").isprintable()
    assert written.isascii() or not only_ascii
