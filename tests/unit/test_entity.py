"""Entities, their ids and the text that a log can keep."""

from typing import Any

import pytest

from domain.entity import Entity, check_id, check_ids, parse_entity
from domain.errors import InvalidEntity, InvalidId
from domain.text import is_storable, storable


@pytest.mark.parametrize(
    ("text", "kind", "name", "shown"),
    [
        ("task:t1", "task", "t1", "task:t1"),
        ("ti:t1/1", "task_instance", "t1/1", "ti:t1/1"),
        ("task_instance:t1/1", "task_instance", "t1/1", "ti:t1/1"),
        ("task:a:b", "task", "a:b", "task:a:b"),
        ("array:7", "array", "7", "array:7"),
        ("task: ", "task", " ", "task: "),
        ("runner:r1", "runner", "r1", "runner:r1"),
    ],
)
def test_a_name_is_a_kind_and_an_id(text: str, kind: str, name: str, shown: str) -> None:
    entity = parse_entity(text)

    assert (entity, str(entity), entity.stream) == (Entity(kind, name), shown, f"{kind}:{name}")


@pytest.mark.parametrize("text", ["", "t1", "task", "task:", ":t1", "array:", "arrays:a1", "Task:t1"])
def test_what_names_no_entity(text: str) -> None:
    with pytest.raises(InvalidEntity, match="write task:ID, ti:ID, array:ID or runner:ID"):
        parse_entity(text)


@pytest.mark.parametrize("value", ["x", "x" * 255, "🙂" * 255, " "])
def test_what_can_be_an_id(value: str) -> None:
    assert check_id("task", value) == value


@pytest.mark.parametrize("value", ["", "x" * 256, "a\0b", "\ud800", 17, None, b"x"])
def test_what_cannot(value: Any) -> None:
    with pytest.raises(InvalidId) as raised:
        check_ids("task", ["fine", value])

    assert raised.value.value == value
    with pytest.raises(InvalidId):
        parse_entity(f"task:{value}") if isinstance(value, str) and value else check_id("task", value)


def test_text_that_no_database_takes_becomes_text_that_it_takes() -> None:
    assert storable("a\0b\ud83dc\udfff") == "a\ufffdb\ufffdc\ufffd"
    assert not is_storable("a\0b")
    assert storable("naïve 日本 🙂\n\t\x01") == "naïve 日本 🙂\n\t\x01"
