"""The extras: each is listed once for pip and once for users, and a call without its packages names the extra."""

import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from typer.testing import CliRunner

from application.exports.formats import find_format
from application.imports.input_file import open_input
from domain.errors import MissingExtra
from infrastructure.extras import MODULES, require_extra
from infrastructure.seal_keys import read_public_key
from tests.support.command_line import app

PROJECT = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text("utf-8"))["project"]
EXTRAS: dict[str, list[str]] = PROJECT["optional-dependencies"]
OURS = {"all", "check", "dev"}


@pytest.fixture(params=sorted(MODULES))
def missing(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """An extra whose modules cannot be imported."""
    for module in MODULES[request.param]:
        monkeypatch.setitem(sys.modules, module, None)
    return str(request.param)


@pytest.mark.parametrize("extra", sorted(EXTRAS.keys() - OURS))
def test_the_modules_of_an_extra_are_those_of_its_packages(extra: str) -> None:
    distributions = packages_distributions()

    assert {distributions[module][0].lower().replace("_", "-") for module in MODULES[extra]} == {
        Requirement(package).name for package in EXTRAS[extra]
    }


def test_all_is_every_extra() -> None:
    (everything,) = EXTRAS["all"]

    assert Requirement(everything).extras == EXTRAS.keys() - OURS == MODULES.keys()


def test_an_extra_that_is_missing_is_named_with_the_command_that_installs_it(missing: str) -> None:
    with pytest.raises(MissingExtra) as raised:
        require_extra(missing, "`sojourn thing`")

    assert raised.value.extra == missing
    assert str(raised.value) == (
        f"`sojourn thing` needs packages that are not installed; run: pip install 'sojourn[{missing}]'"
    )


@pytest.mark.parametrize(
    ("extra", "command"),
    [
        ("heartbeat", ["heartbeat", "r1", "--every", "1s", "--while", "1"]),
        ("lake", ["archive", "--before", "now", "--to", "archive"]),
        ("lake", ["restore", "--from", "archive", "--workflow", "w"]),
        ("report", ["report", "--workflow", "w", "-o", "page.html"]),
        ("serve", ["serve"]),
        ("serve", ["bench"]),
        ("zstd", ["bundle", "--workflow", "w", "-o", "w.sojourn"]),
        ("zstd", ["open", "w.sojourn"]),
    ],
)
def test_a_command_names_the_extra_that_it_needs(
    extra: str, command: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in MODULES[extra]:
        monkeypatch.setitem(sys.modules, module, None)

    done = CliRunner().invoke(app, command)

    assert isinstance(done.exception, MissingExtra), done
    assert done.exception.extra == extra
    assert f"`sojourn {command[0]}" in str(done.exception)


def test_so_does_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cryptography", None)

    with pytest.raises(MissingExtra, match=r"checking a signature needs .* pip install 'sojourn\[seal\]'"):
        read_public_key("0" * 64)


def test_so_does_an_export_format(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)

    with pytest.raises(MissingExtra, match=r"'parquet' needs .* pip install 'sojourn\[parquet\]'"):
        find_format("parquet")


def test_and_a_compressed_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "log.zst").write_bytes(b"\x28\xb5\x2f\xfd and more")
    monkeypatch.setitem(sys.modules, "zstandard", None)

    with (
        pytest.raises(MissingExtra, match=r"zstd needs .* pip install 'sojourn\[zstd\]'"),
        open_input(str(tmp_path / "log.zst")),
    ):
        pass
