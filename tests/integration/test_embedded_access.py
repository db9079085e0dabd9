"""Nobody but its owner and root gets into the embedded server, and no folder is opened or shared for it.

Real users of the operating system try it, so most of these tests need root.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from infrastructure.database import server_provider
from infrastructure.database.embedded import EmbeddedServer
from infrastructure.database.private_folder import PARENT, PrivateFolderTaken, private_folder
from infrastructure.database.server_account import ServerAccount
from infrastructure.database.server_provider import ServerProvider, installed_providers
from tests.support.system_users import needs_root, new_user, run_as

pytestmark = pytest.mark.security

START = "print(EmbeddedServer(Path(arguments[0])).start())"
STOP = "print(EmbeddedServer(Path(arguments[0])).stop())"
COPY_TO_PROGRAM = """
try:
    with psycopg.connect(arguments[0]) as connection:
        connection.execute("COPY (SELECT 1) TO PROGRAM 'id'")
        print("in as", connection.info.user)
except psycopg.OperationalError as error:
    print(error)
"""
WHOAMI = """
with psycopg.connect(arguments[0]) as connection:
    print(*connection.execute("SELECT session_user, current_setting('unix_socket_permissions')").fetchone())
"""
LONG = "a-very-long-name-of-a-folder-for-a-project/" * 3
"""A path below which a socket's own path would be too long."""


NEWEST = max(installed_providers(), key=lambda installed: installed.server_version())
PROVIDED = [
    pytest.param(installed, id=installed.package, marks=() if installed is NEWEST else pytest.mark.stress)
    for installed in installed_providers()
]


@pytest.fixture(params=PROVIDED)
def provider(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> ServerProvider:
    chosen: ServerProvider = request.param
    monkeypatch.setattr(server_provider, "PROVIDERS", [chosen])
    return chosen


@pytest.fixture
def newest() -> ServerProvider:
    """The provider that is used where several are installed."""
    return NEWEST


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that everybody may pass."""
    with tempfile.TemporaryDirectory(prefix="sojourn-", ignore_cleanup_errors=True) as made:
        Path(made).chmod(0o755)
        yield Path(made)


@pytest.fixture
def owner() -> Iterator[ServerAccount]:
    with new_user() as user:
        yield user


@pytest.fixture
def stranger() -> Iterator[ServerAccount]:
    with new_user() as user:
        yield user


@pytest.fixture(params=["home", LONG + "home"], ids=["short", "long"])
def home(request: pytest.FixtureRequest, folder: Path) -> Path:
    """A SOJOURN_HOME that does not exist yet."""
    named: str = request.param
    return folder / named


@needs_root
@pytest.mark.parametrize("is_root", [True, False], ids=["root", "user"])
def test_another_user_does_not_get_in(
    home: Path, provider: ServerProvider, owner: ServerAccount, stranger: ServerAccount, *, is_root: bool
) -> None:
    starter = ServerAccount.of(0) if is_root else owner
    require_reach(provider, starter)
    home.parent.mkdir(parents=True, exist_ok=True)
    os.chown(home.parent, starter.uid, starter.gid)
    dsn = run_as(starter, provider.package, START, home)
    try:
        assert run_as(starter, provider.package, WHOAMI, dsn) == "postgres 0700"
        assert "Permission denied" in run_as(stranger, provider.package, COPY_TO_PROGRAM, dsn)

        if open_to_all(home, dsn):
            answer = run_as(stranger, provider.package, COPY_TO_PROGRAM, dsn)
            assert 'Peer authentication failed for user "postgres"' in answer
        assert run_as(ServerAccount.of(0), provider.package, WHOAMI, dsn) == "postgres 0700"
    finally:
        run_as(starter, provider.package, STOP, home)


def open_to_all(home: Path, dsn: str) -> bool:
    """Let everybody reach the socket, so that only the server itself can refuse them; not one in a shared folder."""
    sockets = Path(str(conninfo_to_dict(dsn)["host"]))
    if sockets.parent.parent == PARENT:
        return False
    for path in (home / "postgres", sockets, sockets / ".s.PGSQL.5432"):
        path.chmod(0o777)
    return True


def require_reach(provider: ServerProvider, user: ServerAccount) -> None:
    if user.uid and not user.can_reach(provider.site / provider.module / provider.server):
        pytest.skip("an ordinary user cannot reach the Python environment of these tests")


@needs_root
def test_root_runs_the_server_as_a_user_without_groups_of_root(home: Path) -> None:
    server = EmbeddedServer(home)
    server.start()
    try:
        process = psutil.Process(int((server.data / "postmaster.pid").read_text().split()[0]))
        assert process.username() == "_sojourn"
        assert 0 not in process.gids()
        assert "Groups:\t\n" in Path(f"/proc/{process.pid}/status").read_text().replace("Groups:\t \n", "Groups:\t\n")
    finally:
        server.stop()


@needs_root
def test_root_opens_no_folder_and_the_server_works_below_closed_ones(folder: Path, newest: ServerProvider) -> None:
    home = folder / "closed" / "also closed, it's" / "home"
    home.mkdir(parents=True)
    above = [home, *home.parents]
    for path in above[: above.index(folder)]:
        path.chmod(0o700)
    modes = [path.stat().st_mode for path in above]
    site = [path.stat().st_mode for path in newest.site.parents]
    server = EmbeddedServer(home)

    dsn = server.start()
    try:
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute("CREATE TABLE kept (one) AS VALUES (1)")
            connection.execute("ALTER SYSTEM SET work_mem = '5MB'")
            connection.execute("SELECT pg_reload_conf()")
            connection.execute("CHECKPOINT")
        assert server.stop()
        with psycopg.connect(server.start()) as connection:
            assert connection.execute("SELECT one FROM kept").fetchall() == [(1,)]
    finally:
        server.stop()
    assert [path.stat().st_mode for path in above] == modes
    assert [path.stat().st_mode for path in newest.site.parents] == site


@needs_root
def test_programs_that_the_servers_user_cannot_reach_are_copied(
    folder: Path, newest: ServerProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = folder / "closed"
    closed.mkdir(mode=0o700)
    for name in newest.folders:
        shutil.copytree(newest.site / name, closed / name, symlinks=True)
    monkeypatch.setattr(server_provider, "PROVIDERS", [newest])
    monkeypatch.setattr(ServerProvider, "site", closed)
    monkeypatch.setattr("infrastructure.database.server_programs.CACHE", folder / "cache")
    server = EmbeddedServer(folder / "home")

    dsn = server.start()
    try:
        with psycopg.connect(dsn) as connection:
            assert connection.execute("SELECT 1").fetchall() == [(1,)]
        program = psutil.Process(int((server.data / "postmaster.pid").read_text().split()[0])).exe()
        assert Path(program).is_relative_to(folder / "cache")
    finally:
        server.stop()
    assert closed.stat().st_mode & 0o777 == 0o700


@needs_root
def test_users_without_a_runtime_folder_do_not_share_a_lock(
    folder: Path, newest: ServerProvider, owner: ServerAccount, stranger: ServerAccount
) -> None:
    require_reach(newest, owner)
    dsns = []
    for number, user in enumerate((ServerAccount.of(0), owner, stranger)):
        home = folder / str(number) / LONG / "home"
        home.mkdir(parents=True)
        os.chown(home, user.uid, user.gid)
        dsns.append(run_as(user, newest.package, START, home))
        run_as(user, newest.package, STOP, home)

    assert len(set(dsns)) == 3


@needs_root
@pytest.mark.parametrize("kind", ["of another user", "open to all", "a link"])
def test_a_folder_in_tmp_that_is_not_the_users_alone_is_refused(
    owner: ServerAccount, stranger: ServerAccount, folder: Path, kind: str
) -> None:
    taken = PARENT / f"sojourn-{owner.uid}"
    if kind == "a link":
        taken.symlink_to(folder)
    else:
        taken.mkdir(mode=0o700)
        other = stranger if kind == "of another user" else owner
        os.chown(taken, other.uid, other.gid)
        taken.chmod(0o700 if other is stranger else 0o755)
    try:
        with pytest.raises(PrivateFolderTaken, match=f"{taken} is not a folder of its user alone") as raised:
            private_folder(owner.uid, owner.gid)
        assert raised.value.folder == taken
    finally:
        taken.unlink() if kind == "a link" else taken.rmdir()


def test_a_long_home_has_its_socket_in_a_folder_of_its_own(folder: Path) -> None:
    server = EmbeddedServer(folder / LONG / "home")
    dsn = server.start()
    sockets = Path(str(conninfo_to_dict(dsn)["host"]))
    try:
        assert not sockets.is_relative_to(server.home)
        assert {path.stat().st_mode & 0o777 for path in (sockets, sockets.parent, server.data)} == {0o700}
        with psycopg.connect(dsn) as connection:
            assert connection.execute("SELECT 1").fetchall() == [(1,)]
    finally:
        assert server.stop()
    assert EmbeddedServer(folder / LONG / "home").start() == dsn
    server.stop()


def test_one_whose_socket_was_removed_is_started_again(folder: Path) -> None:
    server = EmbeddedServer(folder / "home")
    dsn = server.start()
    before = (server.data / "postmaster.pid").read_text()
    (server.data / ".s.PGSQL.5432").unlink()
    try:
        assert server.start() == dsn
        assert (server.data / "postmaster.pid").read_text() != before
    finally:
        server.stop()


def test_settings_of_the_environment_do_not_reach_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGPORT", "6000")
    monkeypatch.setenv("PGDATA", "/nowhere")
    server = EmbeddedServer(folder / "home")
    dsn = server.start()
    try:
        with psycopg.connect(dsn) as connection:
            assert connection.execute("SHOW port").fetchone() == ("5432",)
    finally:
        server.stop()


def test_data_that_was_left_half_made_is_made_again(folder: Path) -> None:
    server = EmbeddedServer(folder / "home")
    half_made = server.home / "postgres.new"
    half_made.mkdir(parents=True)
    (half_made / "PG_VERSION").write_text("18\n")
    try:
        with psycopg.connect(server.start()) as connection:
            assert connection.execute("SELECT 1").fetchall() == [(1,)]
        assert not half_made.exists()
    finally:
        server.stop()


OLDER = """
import sys
from importlib import import_module
from pathlib import Path
server = import_module(sys.argv[1] + ".postgres_server").get_server(Path(sys.argv[2]), cleanup_mode=None)
print(server.get_uri())
"""
"""Starts a server as versions did that let every local user in."""


@pytest.mark.stress
class TestDataOfAnOlderVersion:
    @pytest.fixture
    def older_dsn(self, home: Path, provider: ServerProvider, monkeypatch: pytest.MonkeyPatch) -> str:
        home.mkdir(parents=True)
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(home.parent))
        command = [sys.executable, "-W", "ignore", "-c", OLDER, provider.module, str(home / "postgres")]
        dsn = subprocess.run(command, capture_output=True, text=True, check=True, timeout=600).stdout.strip()
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute("CREATE TABLE kept (one) AS VALUES (1)")
        return dsn

    @pytest.mark.parametrize("runs", [True, False], ids=["running", "stopped"])
    def test_is_restricted_by_the_next_start(
        self, home: Path, provider: ServerProvider, older_dsn: str, *, runs: bool
    ) -> None:
        server = EmbeddedServer(home)
        if not runs:
            assert server.stop()

        dsn = server.start()
        try:
            with psycopg.connect(dsn) as connection:
                assert connection.execute("SELECT one FROM kept").fetchall() == [(1,)]
                rules = connection.execute("SELECT DISTINCT auth_method, options FROM pg_hba_file_rules").fetchall()
                assert rules == [("peer", ["map=sojourn"])]
            sockets = Path(str(conninfo_to_dict(dsn)["host"]))
            assert sockets.stat().st_mode & 0o777 == 0o700
        finally:
            server.stop()

    @needs_root
    def test_shuts_other_users_out(
        self, home: Path, provider: ServerProvider, older_dsn: str, stranger: ServerAccount
    ) -> None:
        server = EmbeddedServer(home)
        dsn = server.start()
        try:
            assert open_to_all(home, dsn)
            answer = run_as(stranger, provider.package, COPY_TO_PROGRAM, dsn)
            assert "Peer authentication failed" in answer
        finally:
            server.stop()


def test_a_role_of_its_own_may_be_used_by_the_owner(folder: Path) -> None:
    server = EmbeddedServer(folder / "home")
    dsn = server.start()
    try:
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute("CREATE ROLE somebody LOGIN")
        with psycopg.connect(make_conninfo(dsn, user="somebody")) as connection:
            assert connection.execute("SELECT session_user").fetchone() == ("somebody",)
    finally:
        server.stop()
