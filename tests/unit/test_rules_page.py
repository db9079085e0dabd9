"""docs/rules.md, held against the rules that there are."""

import re
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

from domain.lifecycles import get_lifecycle, shipped
from domain.rule_names import RULES

PAGE = (Path(__file__).parents[2] / "docs" / "rules.md").read_text("utf-8")


def test_its_table_has_every_rule_and_the_lifecycles_that_name_it() -> None:
    rows = re.findall(r"^\| `([a-z-]+)` \| ([a-z_, ]+) \|", PAGE, re.MULTILINE)

    assert {name: lifecycles.split(", ") for name, lifecycles in rows} == {
        name: [lifecycle for lifecycle in shipped() if name in get_lifecycle(lifecycle).rules] for name in RULES
    }


def test_its_example_prints_what_it_says() -> None:
    section = PAGE.partition("## Write a rule in Python")[2]
    code, output = re.findall(r"```(?:python)?\n(.*?)```", section, re.DOTALL)
    printed = StringIO()

    with redirect_stdout(printed):
        exec(code, {})

    assert printed.getvalue() == output
