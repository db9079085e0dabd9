"""What somebody without the right token gets from `sojourn serve`."""

from application.maintain.tokens import Scope, create_token, revoke_token
from application.transition_service import TransitionService
from tests.support.attempts import register
from tests.support.listening import Listener
from tests.support.serving import serving


def test_a_stream_ends_after_its_token_was_revoked(dsn: str, service: TransitionService) -> None:
    secret = create_token(service.store, "dashboard", Scope.READ)
    with serving(dsn) as server:
        server.headers["Authorization"] = f"Bearer {secret}"
        with Listener(server) as listener:
            register(service, "t1")
            assert [event["entity"] for event in listener.take(1)] == ["task:t1"]
            revoke_token(service.store, "dashboard")
            while server.ask("GET", "/api/v3/orphans")[0] == 200:
                pass  # for a second at most; the test's own limit is the limit
            register(service, "t2")

            assert listener.wait_for_end() == []


def test_a_stream_that_was_open_to_all_ends_after_the_first_token_was_made(
    dsn: str, service: TransitionService
) -> None:
    with serving(dsn) as server, Listener(server) as listener:
        create_token(service.store, "dashboard", Scope.READ)
        while server.ask("GET", "/api/v3/orphans")[0] == 200:
            pass  # for a second at most; the test's own limit is the limit
        register(service, "t1")

        assert listener.wait_for_end() == []


def test_a_stream_without_news_ends_at_its_next_sign_of_life(dsn: str, service: TransitionService) -> None:
    secret = create_token(service.store, "dashboard", Scope.READ)
    with serving(dsn) as server:
        server.headers["Authorization"] = f"Bearer {secret}"
        with Listener(server) as listener:
            revoke_token(service.store, "dashboard")

            assert listener.wait_for_end() == []
