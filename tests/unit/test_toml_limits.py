"""TOML files that would take memory or time out of all proportion: they are refused before, or within, the parser."""

import subprocess
import sys
from pathlib import Path

import pytest

from application.analyse.sla import SlaInvalid, read_sla
from application.shared.lifecycle_source import LifecycleFileInvalid, read_lifecycle_file

STATUSES = "\n".join(f"S{number} = []" for number in range(999))
MACHINE = f'name = "x"\nversion = 1\n[task]\ninitial = "S1"\n{{}}\n[task.transitions]\n{STATUSES}'
UNKNOWN = ", ".join(f'"T{number}"' for number in range(20_000))

FILES = {
    "brackets": ("a = " + "[" * 100_000, "is not valid TOML: it is nested too deeply"),
    "braces": ("a = " + "{b = " * 40_000, "is not valid TOML: it is nested too deeply"),
    "a long number": ("version = " + "9" * 5_000, "is not valid TOML: a number has too many digits"),
    "a dotted key": (".".join(["a"] * 20_000) + " = 1", "has a dotted key of more than 16 parts"),
    "a quoted key": (" . ".join(['"a"'] * 20_000) + " = 1", "has a dotted key of more than 16 parts"),
    "a dotted table": ("[" + ".".join(["a"] * 20_000) + "]", "has a dotted key of more than 16 parts"),
    "many short keys": ("\n".join(f"k{number}.{'a.' * 13}b = 1" for number in range(6_000)), "k0 is not a known key"),
    "many tables": ("\n".join(f"[k{number}]" for number in range(25_000)), "k0 is not a known key"),
    "a long word": ("a" * 262_000, "is not valid TOML"),
    "quotes": ('"' * 262_000, "is not valid TOML"),
    "a long file": ("#" * 262_145, "is longer than 256 KiB"),
}  # fmt: skip


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "odd.toml"


@pytest.mark.parametrize(("text", "problem"), FILES.values(), ids=FILES)
def test_are_refused_with_a_sentence(file: Path, text: str, problem: str) -> None:
    file.write_text(text)

    with pytest.raises(LifecycleFileInvalid) as refused:
        read_lifecycle_file(file)
    with pytest.raises(SlaInvalid):
        read_sla(file)

    assert problem in str(refused.value)
    assert len(refused.value.problems) <= 51


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (MACHINE.format(f"terminal = [{UNKNOWN}]"), "task.terminal names 'T0', which is no status"),
        (MACHINE.format("terminal = []") + "\nS999 = []\nS1000 = []", "task.transitions has more than 1000 items"),
        (MACHINE.format("terminal = []") + '\n"" = []', "task.transitions has the name '', which is empty"),
        (MACHINE.format("terminal = []") + '\n"\\u0000" = []', "a database stores no NUL"),
        (MACHINE.format("terminal = []") + '\nZ = [["S1"]]', "task.transitions.Z is not a table"),
        (
            MACHINE.format("terminal = []").replace("version = 1", "version = 2147483648"),
            "version is not 2,147,483,647 or less",
        ),
        (
            MACHINE.format("terminal = []") + "\n[recovery]\nmax_pending_seconds = inf\nrunner_dead_after = nan",
            "recovery.max_pending_seconds is not 3,153,600,000 or less; recovery.runner_dead_after is not",
        ),
    ],
    ids=["unknown statuses", "too many statuses", "no name", "NUL", "a list in a list", "a large version", "infinity"],
)
def test_what_no_database_or_reader_can_take(file: Path, text: str, problem: str) -> None:
    file.write_text(text)

    with pytest.raises(LifecycleFileInvalid) as refused:
        read_lifecycle_file(file)

    assert problem in str(refused.value)


def test_no_file_takes_much_memory(file: Path) -> None:
    """Each in a process that may have 400 MB; the dotted key alone took 1.5 GB."""
    script = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_AS, (400_000_000, 400_000_000))\n"
        "from pathlib import Path\n"
        "from application.shared.lifecycle_source import LifecycleFileInvalid, read_lifecycle_file\n"
        "for name in sys.argv[1:]:\n"
        "    try: read_lifecycle_file(Path(name))\n"
        "    except LifecycleFileInvalid: pass\n"
    )
    names = []
    for number, (text, _) in enumerate(FILES.values()):
        names.append(file.with_stem(f"odd{number}"))
        names[-1].write_text(text)

    done = subprocess.run(
        [sys.executable, "-c", script, *map(str, names)], capture_output=True, text=True, check=False, timeout=120
    )

    assert (done.returncode, done.stderr) == (0, "")


def test_a_special_file_is_not_read_to_its_end() -> None:
    with pytest.raises(LifecycleFileInvalid, match="is longer than 256 KiB"):
        read_lifecycle_file(Path("/dev/zero"))
    with pytest.raises(LifecycleFileInvalid, match="cannot be read: embedded null byte"):
        read_lifecycle_file(Path("a\0b.toml"))
