"""Lifecycles that are almost right: each is a lifecycle that can be used, or a sentence about what is wrong with it."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from application.imports.change import InvalidLine
from application.imports.named_lifecycles import NamedLifecycles
from application.shared.lifecycle_source import LifecycleFileInvalid, read_lifecycle_file
from domain.lifecycles import get_lifecycle, read_definition, shipped
from domain.lifecycles.lifecycle import Lifecycle
from domain.lifecycles.warnings import lifecycle_warnings
from interfaces.wording import lifecycle_page
from tests.support.almost_right import spoilt_document, spoilt_lines
from tests.support.examples import examples

TEXTS = {name: read_definition(name).encode().split(b"\n") for name in shipped()}
DEFINITIONS = {name: get_lifecycle(name).model_dump(mode="json", by_alias=True) for name in shipped()}


@examples(quick=60, long=300)
@given(data=st.data(), name=st.sampled_from(shipped()))
def test_a_file_that_is_almost_right_is_a_lifecycle_or_a_sentence(
    tmp_path: Path, data: st.DataObject, name: str
) -> None:
    file = tmp_path / "almost.toml"
    file.write_bytes(data.draw(spoilt_lines(TEXTS[name])))

    try:
        lifecycle = read_lifecycle_file(file)
    except LifecycleFileInvalid as invalid:
        check_problems(invalid.problems)
    else:
        check_usable(lifecycle)


@examples(quick=60, long=300)
@given(data=st.data(), name=st.sampled_from(shipped()))
def test_a_definition_that_is_almost_right_is_a_lifecycle_or_a_bad_line(data: st.DataObject, name: str) -> None:
    definition = data.draw(spoilt_document(DEFINITIONS[name]))

    try:
        lifecycle = NamedLifecycles().define(definition)
    except InvalidLine as invalid:
        check_problems(str(invalid).removeprefix('"definition" is not a valid lifecycle: ').split("; "))
    else:
        check_usable(lifecycle)


def check_problems(problems: list[str]) -> None:
    assert problems
    assert all(problem.strip() for problem in problems)


def check_usable(lifecycle: Lifecycle) -> None:
    """Check that what reads a lifecycle can: its pages, its warnings, and another reader of its definition."""
    assert Lifecycle.model_validate(lifecycle.model_dump(mode="json", by_alias=True)) == lifecycle
    lifecycle_warnings(lifecycle)
    for page in (lifecycle_page.mermaid(lifecycle), lifecycle_page.markdown(lifecycle)):
        assert page.replace("\n", "").isprintable()
