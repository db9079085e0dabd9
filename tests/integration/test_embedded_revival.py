"""An embedded server that dies is started again by the next call of whatever is connected to it."""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from application.replay.verify import verify_log
from application.shared.store import Store
from application.transition_service import TaskSpec, TransitionService
from infrastructure.database.embedded import EmbeddedServer
from sojourn.errors import ConnectionLost, DatabaseUnreachable
from tests.support.attempts import attempt, register, status
from tests.support.concurrently import processes_at_once
from tests.support.serving import serving
from tests.support.waiting import wait_for

Kill = Callable[[EmbeddedServer], None]

CONNECTED = """
import sys
from application.transition_service import TaskSpec, TransitionService
with TransitionService.connect() as service:
    service.status("task:t")  # a connection is idle from here on
    print("ready", flush=True)
    sys.stdin.readline()
    service.register_tasks("w", [TaskSpec(sys.argv[1])])
    print(service.dsn)
"""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[EmbeddedServer]:
    """The embedded server of an empty SOJOURN_HOME."""
    with tempfile.TemporaryDirectory(prefix="sojourn-", ignore_cleanup_errors=True) as folder:
        monkeypatch.setenv("SOJOURN_HOME", folder)
        monkeypatch.delenv("SOJOURN_DSN", raising=False)
        server = EmbeddedServer(Path(folder))
        yield server
        server.stop()


def processes(server: EmbeddedServer) -> list[psutil.Process]:
    """Return the postmaster and its children, the postmaster first."""
    postmaster = psutil.Process(int((server.data / "postmaster.pid").read_text().split()[0]))
    return [postmaster, *postmaster.children(recursive=True)]


def kill_postmaster(server: EmbeddedServer) -> None:
    everything = processes(server)
    everything[0].kill()
    wait_for_end(everything)


def kill_everything(server: EmbeddedServer) -> None:
    everything = processes(server)
    for process in everything:
        process.kill()
    wait_for_end(everything)


def stop(server: EmbeddedServer) -> None:
    server.stop()


def wait_for_end(ended: list[psutil.Process]) -> None:
    wait_for(lambda: not any(one.is_running() and one.status() != psutil.STATUS_ZOMBIE for one in ended))


def postmasters(server: EmbeddedServer) -> list[psutil.Process]:
    """Return the processes of servers on the data that no other such process has begun."""
    found = [process for process in psutil.process_iter() if works_in(process, str(server.data))]
    pids = {process.pid for process in found}
    return [process for process in found if process.ppid() not in pids]


def works_in(process: psutil.Process, folder: str) -> bool:
    try:
        return bool(process.name() == "postgres" and process.cwd() == folder)
    except psutil.Error:
        return False


@pytest.mark.parametrize("end", [kill_postmaster, kill_everything, stop])
def test_the_next_call_works(server: EmbeddedServer, end: Kill) -> None:
    with TransitionService.connect() as service:
        register(service, "t")
        attempt(service, "t")
        with service.store.session(), service.store.session():
            pass  # several connections are idle
        end(server)

        assert service.transition_task_instance("t/1", "DONE")["ti_updated"]

        end(server)
        assert status(service, "task:t", "ti:t/1") == ["DONE", "DONE"]
        end(server)
        assert verify_log(service.store)["mismatches"] == []


def test_processes_that_notice_at_once_start_one_server(server: EmbeddedServer) -> None:
    with TransitionService.connect() as service:
        register(service, "t")
        names = [f"t{number}" for number in range(4)]
        printed = processes_at_once(CONNECTED, [[name] for name in names], before=lambda: kill_everything(server))

        assert {line.strip() for line in printed} == {service.dsn}
        assert status(service, *(f"task:{name}" for name in names)) == ["REGISTERING"] * 4
        assert len(postmasters(server)) == 1


def test_the_server_of_a_dsn_that_was_passed_is_not_started(server: EmbeddedServer) -> None:
    dsn = server.start()
    store = Store.reach(dsn, wait_seconds=0.5)
    with TransitionService(store) as service:
        kill_everything(server)

        with pytest.raises(ConnectionLost):
            service.register_tasks("w", [TaskSpec("t")])
        with pytest.raises(DatabaseUnreachable):
            service.register_tasks("w", [TaskSpec("t")])
        assert server.status() == "stopped"


def test_the_http_api_works_again_too(server: EmbeddedServer) -> None:
    with serving(None) as served:
        body = {"workflow_id": "w", "lifecycle": "jobmon", "tasks": [{"task_id": "t", "max_attempts": 3}]}
        assert served.post("/tasks", body) == {"registered": 1, "existing": 0}
        kill_everything(server)

        assert served.post("/tasks", body) == {"registered": 0, "existing": 1}
