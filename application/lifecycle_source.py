"""Where a lifecycle comes from: its name among the shipped ones, or a TOML file."""

import tomllib
from pathlib import Path

from pydantic import ValidationError

from domain.errors import SojournError
from domain.lifecycle import Lifecycle
from domain.lifecycles import get_lifecycle, read_lifecycle


class LifecycleFileInvalid(SojournError):
    """A lifecycle file that cannot be used, with every reason."""

    def __init__(self, path: Path, problems: list[str]) -> None:
        self.path = path
        self.problems = problems
        super().__init__(f"lifecycle file {str(path)!r}: {'; '.join(problems)}")


def find_lifecycle(source: str | Path | Lifecycle) -> Lifecycle:
    """The lifecycle of that name, or in that file; raises UnknownLifecycle or LifecycleFileInvalid."""
    if isinstance(source, Lifecycle):
        return source
    if isinstance(source, Path) or source.endswith(".toml"):
        return read_file(Path(source))
    return get_lifecycle(source)


def read_file(path: Path) -> Lifecycle:
    """The lifecycle in a TOML file; raises LifecycleFileInvalid."""
    try:
        return read_lifecycle(path.read_text("utf-8"))
    except OSError as error:
        raise LifecycleFileInvalid(path, [f"cannot be read ({error.strerror})"]) from error
    except tomllib.TOMLDecodeError as error:
        raise LifecycleFileInvalid(path, [f"is no TOML: {error}"]) from error
    except ValidationError as error:
        raise LifecycleFileInvalid(path, [_told(problem) for problem in error.errors()]) from error
    except SojournError as error:
        raise LifecycleFileInvalid(path, [str(error)]) from error


def _told(problem: object) -> str:
    assert isinstance(problem, dict)
    return f"{'.'.join(map(str, problem['loc'])) or 'the file'}: {problem['msg']}"
