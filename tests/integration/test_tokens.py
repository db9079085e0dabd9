"""Tokens: what each scope allows, how they are revoked, and what the database keeps of them."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from fastapi.testclient import TestClient

from application.maintain.tokens import (
    Scope,
    TokenExists,
    authenticate,
    create_token,
    list_token_holders,
    list_tokens,
    revoke_token,
)
from application.transition_service import TransitionService
from domain.errors import UnknownEntity
from interfaces.http.access import TOKEN_CACHE_SECONDS, needed_scope
from interfaces.http.app import create_app
from tests.support.agreement import rows

pytestmark = pytest.mark.security

READ, WRITE, ADMIN = "/api/v3/time-in-status", "/api/v3/tasks/gate", "/api/v3/tokens"


@pytest.fixture
def client(service: TransitionService) -> Iterator[TestClient]:
    """A client of an app on a database of its own."""
    with TestClient(create_app(service), "http://127.0.0.1") as connected:
        yield connected


def statuses(client: TestClient, secret: str | None) -> list[int]:
    """Return the statuses of a read, a report and an administrative request."""
    headers = {"Authorization": f"Bearer {secret}"} if secret is not None else {}
    return [
        client.get(READ, headers=headers).status_code,
        client.post(WRITE, json={"task_ids": []}, headers=headers).status_code,
        client.get(ADMIN, headers=headers).status_code,
    ]


def test_a_scope_allows_what_it_covers_and_without_a_token_nothing_is_allowed(
    client: TestClient, service: TransitionService
) -> None:
    made = {scope: create_token(service.store, str(scope), scope) for scope in Scope}

    assert statuses(client, made[Scope.READ]) == [200, 403, 403]
    assert statuses(client, made[Scope.WRITE]) == [200, 200, 403]
    assert statuses(client, made[Scope.ADMIN]) == [200, 200, 200]
    for wrong in (None, "", "nonsense", made[Scope.READ] + "x"):
        assert statuses(client, wrong) == [401, 401, 401]
    refusal = client.get(READ)
    assert refusal.headers["www-authenticate"] == "Bearer"
    assert client.get("/healthz").status_code == 200


def test_a_denial_states_what_is_missing(client: TestClient, service: TransitionService) -> None:
    foreign = client.get(READ, headers={"Host": "evil.example"}).json()
    secret = create_token(service.store, "dashboard", Scope.READ)
    with TestClient(create_app(service), "http://127.0.0.1") as restarted:
        denied = restarted.post(WRITE, json={"task_ids": []}, headers={"Authorization": f"Bearer {secret}"}).json()

    assert foreign["detail"].startswith("host 'evil.example' is not a loopback name")
    assert denied["detail"] == "scope read of token 'dashboard' is not enough; use a token with scope write"
    assert (denied["scope"], denied["needs"]) == ("read", "write")


def test_without_any_token_a_server_on_loopback_is_open(client: TestClient, service: TransitionService) -> None:
    assert statuses(client, None) == [200, 200, 200]
    for host in ("localhost:8470", "[::1]:8470", "127.0.0.1"):
        assert client.get(READ, headers={"Host": host}).status_code == 200
    for host in ("evil.example", "127.0.0.1.evil.example", "localhost@evil.example", "[", ""):
        assert client.get(READ, headers={"Host": host}).status_code == 403
    with TestClient(create_app(service, open_without_token=False)) as elsewhere:
        assert statuses(elsewhere, None) == [401, 401, 401]


def test_after_the_last_token_is_revoked_nobody_has_access(
    client: TestClient, service: TransitionService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("interfaces.http.access.TOKEN_CACHE_SECONDS", -1.0)
    secret = create_token(service.store, "only", Scope.ADMIN)
    headers = {"Authorization": f"Bearer {secret}"}

    revoked = client.delete(f"{ADMIN}/only", headers=headers)

    assert revoked.json()["revoked_at"] is not None
    assert statuses(client, secret) == [401, 401, 401]
    assert statuses(client, None) == [401, 401, 401]


def test_tokens_are_loaded_again_within_a_second() -> None:
    assert 0 < TOKEN_CACHE_SECONDS <= 1


def test_a_report_keeps_the_name_of_its_token(client: TestClient, service: TransitionService) -> None:
    headers = {"Authorization": f"Bearer {create_token(service.store, 'cluster-3', Scope.WRITE)}"}
    client.post("/api/v3/tasks", json={"workflow_id": 1, "tasks": [{"task_id": 1}]}, headers=headers)

    events = client.get("/api/v3/history/task:1", headers=headers).json()

    assert (events[0]["actor"], events[0]["user"]) == ("http", "cluster-3")


def test_the_database_keeps_a_token_as_its_hash_and_its_name_is_not_used_again(
    service: TransitionService, connection: psycopg.Connection[Any]
) -> None:
    secret = create_token(service.store, "a", Scope.READ)
    revoke_token(service.store, "a")

    with pytest.raises(TokenExists, match="'a'"):
        create_token(service.store, "a", Scope.ADMIN)
    with pytest.raises(UnknownEntity, match="did you mean 'a'"):
        revoke_token(service.store, "aa")
    kept = rows(connection, "SELECT * FROM sojourn.token")
    assert secret not in str(kept)
    assert len(secret) > 43
    assert authenticate(secret, list_token_holders(service.store)) is None
    assert [(token["name"], token["scope"]) for token in list_tokens(service.store)] == [("a", "read")]


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("GET", "/api/v3/status/task:1", Scope.READ),
        ("GET", "/metrics", Scope.READ),
        ("POST", "/api/v3/tasks", Scope.WRITE),
        ("BREW", "/coffee", Scope.WRITE),
        ("GET", "/api/v3/tokens", Scope.ADMIN),
        ("DELETE", "/api/v3/tokens/a", Scope.ADMIN),
    ],
)
def test_needed_scope(method: str, path: str, scope: Scope) -> None:
    assert needed_scope(method, path) is scope
