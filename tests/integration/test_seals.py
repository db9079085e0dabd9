"""Seals: with a root or a key that was kept outside, every change of a sealed log is found, and an erasure is none."""

import json
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from psycopg.errors import DatabaseError, InsufficientPrivilege

from application.maintain.jobs.seals import keep_sealed
from application.maintain.maintenance import maintain_once
from application.replay.verify import verify_log
from application.seals import seal_log as sealing
from application.seals.check_proof_file import check_proof_file
from application.seals.prove import NotSealed, prove_event
from application.seals.seal_log import seal_log
from application.seals.verify_seals import NO_TRUST, Trust
from application.transition_service import TaskSpec, TransitionService
from domain.actor import Actor
from domain.errors import SojournError
from infrastructure.seal_keys import SigningKey
from tests.support.attempts import attempt, ids, register
from tests.support.rewriting import rewriting
from tests.support.roles import login_role

Connection = psycopg.Connection[Any]

KEY = SigningKey(Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
OTHER_KEY = SigningKey(Ed25519PrivateKey.from_private_bytes(bytes(32)))
ALICE = Actor(component="worker", host="node7", user="alice")


@pytest.fixture
def log(service: TransitionService, connection: Connection) -> TransitionService:
    """A log with a hole, whose two seals are signed."""
    register(service, "t1", "t2")
    with psycopg.connect(service.dsn) as aborted:
        register(service, "t3")
        service.gate_tasks_for_queueing(["t3"], connection=aborted)
        aborted.rollback()
    attempt(service, "t1")
    service.transition_task_instance("t1/1", "ERROR", actor=ALICE, reason="out of memory")
    assert seal_log(service.store, KEY)["seals"] == 1
    attempt(service, "t2")
    assert seal_log(service.store, KEY)["seals"] == 1
    assert missing(connection), "the log has no hole"
    return service


TAMPERING = {
    "an edit of the JSON": 'UPDATE sojourn.event SET data = data || \'{"reason": "other"}\' WHERE position = %(some)s',
    "an edit of a salted field": """
        UPDATE sojourn.event SET data = jsonb_set(data, '{actor,user}', '"bob"') WHERE data -> 'actor' ? 'user'
    """,
    "an edit of a time": "UPDATE sojourn.event SET recorded_at = recorded_at + '1 us' WHERE position = %(some)s",
    "an edit of a column": "UPDATE sojourn.event SET workflow_id = 'v' WHERE position = %(some)s",
    "a removal": "DELETE FROM sojourn.event WHERE position = %(some)s",
    "a removal at the end": "DELETE FROM sojourn.event WHERE position = (SELECT max(position) FROM sojourn.event)",
    "an insertion": """
        INSERT INTO sojourn.event (position, stream, version, name, workflow_id, recorded_at, entered_at, data)
        SELECT %(hole)s, stream, version + 90, name, workflow_id, recorded_at, entered_at, data
        FROM sojourn.event WHERE position = %(some)s
    """,
    "a reordering": """
        UPDATE sojourn.event SET position = 1000 + position WHERE position = %(some)s;
        UPDATE sojourn.event SET position = position - 1 WHERE position = %(some)s + 1;
        UPDATE sojourn.event SET position = position - 999 WHERE position = %(some)s + 1000
    """,
    "a move into a hole": "UPDATE sojourn.event SET position = %(hole)s WHERE position = %(some)s",
}


@pytest.mark.parametrize("statement", TAMPERING.values(), ids=TAMPERING)
class TestTampering:
    def test_is_found(self, log: TransitionService, connection: Connection, statement: str) -> None:
        tamper(connection, statement)

        assert what(log) & {"seal.events"}

    def test_is_found_by_a_root_or_a_key_after_the_log_was_sealed_again(
        self, log: TransitionService, connection: Connection, statement: str
    ) -> None:
        root = last_root(connection)
        tamper(connection, statement)
        tamper(connection, "TRUNCATE sojourn.seal; TRUNCATE sojourn.seal_seed")
        seal_log(log.store, OTHER_KEY)

        assert not what(log) & {"seal.events", "seal.trust"}, "without what was kept outside it is not found"
        assert "seal.trust" in what(log, Trust(root=root))
        assert "seal.trust" in what(log, Trust(public_key=KEY.public_key))


class TestTrust:
    def test_a_root_or_a_key_that_was_kept_proves_the_log_up_to_its_seal(
        self, log: TransitionService, connection: Connection
    ) -> None:
        [(first, end), (last, last_end)] = connection.execute(
            "SELECT root, last_position FROM sojourn.seal ORDER BY number"
        ).fetchall()

        assert trusted(log, Trust(root=first)) == end
        assert trusted(log, Trust(root=last)) == last_end
        assert trusted(log, Trust(public_key=KEY.public_key)) == last_end
        assert verify_log(log.store)["trusted_to"] is None
        assert what(log, Trust(public_key=OTHER_KEY.public_key)) == {"seal.trust"}

    def test_a_seal_that_was_changed_does_not_continue_the_one_before(
        self, log: TransitionService, connection: Connection
    ) -> None:
        tamper(connection, "UPDATE sojourn.seal SET merkle_root = sha256('x') WHERE number = 1")
        assert what(log) == {"seal.events", "seal.root"}

    def test_a_seal_that_is_gone_is_found(self, log: TransitionService, connection: Connection) -> None:
        tamper(connection, "DELETE FROM sojourn.seal WHERE number = 1")
        assert what(log) == {"seal.position", "seal.root"}


class TestSealing:
    def test_what_is_sealed_is_not_sealed_again(self, log: TransitionService, connection: Connection) -> None:
        again = seal_log(log.store)

        assert (again["seals"], again["root"]) == (0, last_root(connection).hex())

    def test_an_empty_log_has_no_root(self, service: TransitionService) -> None:
        assert seal_log(service.store) == {"sealed_to": 0, "root": None, "seals": 0, "public_key": None}

    def test_a_position_that_may_be_filled_is_waited_for(
        self, service: TransitionService, connection: Connection
    ) -> None:
        register(service, "t1")
        with psycopg.connect(service.dsn) as open_one:
            service.gate_tasks_for_queueing(["t1"], connection=open_one)
            register(service, "t2")
            assert seal_log(service.store)["sealed_to"] == 1
            open_one.commit()

        assert seal_log(service.store)["sealed_to"] == 3
        assert what(service) == set()

    def test_nothing_is_missed_while_others_write_and_abort(
        self, service: TransitionService, connection: Connection, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Given seals of few events, so that there are many."""
        monkeypatch.setattr(sealing, "MOST_EVENTS", 7)
        writers = [threading.Thread(target=write, args=(service, name)) for name in "abc"]
        for writer in writers:
            writer.start()
        while any(writer.is_alive() for writer in writers):
            seal_log(service.store)
        seal_log(service.store)

        assert missing(connection), "no transaction has left a hole"
        assert what(service) == set()
        (events,) = one(connection, "SELECT count(*) FROM sojourn.event")
        assert one(connection, "SELECT sum(events), count(*) > 5 FROM sojourn.seal") == (events, True)

    @pytest.mark.fresh_database
    def test_a_writer_may_seal_and_nobody_changes_a_seal(self, log: TransitionService, connection: Connection) -> None:
        register(log, "t4")
        with login_role(log.dsn, "sojourn_writer") as dsn, TransitionService.connect(dsn) as writer:
            assert seal_log(writer.store)["seals"] == 1
            with writer.store.session() as session, pytest.raises(InsufficientPrivilege):
                session.execute("DELETE FROM sojourn.seal_seed")
        with pytest.raises(DatabaseError, match="the log is append-only: DELETE on seal is refused"):
            connection.execute("DELETE FROM sojourn.seal")


class TestProof:
    @pytest.fixture
    def proof(self, log: TransitionService, connection: Connection, tmp_path: Path) -> Path:
        """The proof of an event with an actor and a reason, in the first seal."""
        (position,) = one(
            connection,
            'SELECT position FROM sojourn.event WHERE data @> \'{"actor": {"user": "alice"}}\' AND data ? \'reason\'',
        )
        prove_event(log.store, position, tmp_path / "proof.json")
        return tmp_path / "proof.json"

    def test_leads_to_every_root_from_its_seal_on_and_to_the_key(self, proof: Path, connection: Connection) -> None:
        for (root,) in connection.execute("SELECT root FROM sojourn.seal").fetchall():
            checked = check_proof_file(proof, Trust(root=root))
            assert checked["valid"]
            assert checked["event"] is not None
            data = checked["event"]["data"]
            assert (data["reason"], data["actor"]["user"]) == ("out of memory", "alice")
        assert check_proof_file(proof, Trust(public_key=KEY.public_key))["valid"]

    def test_leads_to_no_other(self, proof: Path) -> None:
        for trust in (Trust(root=bytes(32)), Trust(public_key=OTHER_KEY.public_key), NO_TRUST):
            assert not check_proof_file(proof, trust)["valid"]

    def test_does_not_hold_after_any_change(self, proof: Path, connection: Connection) -> None:
        """Given each text and number of the proof, one after another with another value."""
        trust = Trust(root=last_root(connection))
        whole = proof.read_text()
        changed = 0
        for path in leaves_of(json.loads(whole)):
            document = json.loads(whole)
            if path[-1] in ("public_key", "signature", "leaves"):
                continue  # a root needs no signature, and a tree of another size may have the same path
            change(document, path)
            proof.write_text(json.dumps(document))
            with suppress(SojournError):
                assert not check_proof_file(proof, trust)["valid"], path
            changed += 1
        assert changed > 15

    def test_every_event_has_one(self, log: TransitionService, connection: Connection, tmp_path: Path) -> None:
        trust = Trust(root=last_root(connection))
        for (position,) in connection.execute("SELECT position FROM sojourn.event").fetchall():
            prove_event(log.store, position, tmp_path / "proof.json")
            checked = check_proof_file(tmp_path / "proof.json", trust)
            assert checked["event"] is not None, checked
            assert checked["event"]["position"] == position

    def test_a_position_that_is_not_sealed_has_none(
        self, log: TransitionService, connection: Connection, tmp_path: Path
    ) -> None:
        register(log, "t4")
        (last,) = one(connection, "SELECT max(position) FROM sojourn.event")

        with pytest.raises(NotSealed, match="the log is sealed up to"):
            prove_event(log.store, last, tmp_path / "proof.json")
        with pytest.raises(NotSealed, match="no event has it"):
            prove_event(log.store, missing(connection)[0], tmp_path / "proof.json")


class TestErasure:
    """Given the salts that an erasure forgets, and the fields that it then erases."""

    @pytest.fixture
    def erased(self, log: TransitionService, connection: Connection) -> tuple[TransitionService, int]:
        """The log without an actor, and the position of the event that had it."""
        (position,) = one(
            connection,
            'SELECT position FROM sojourn.event WHERE data @> \'{"actor": {"user": "alice"}}\' AND data ? \'reason\'',
        )
        connection.execute(
            "SELECT sojourn.forget_salts(array_agg(e), '{actor}') FROM sojourn.event AS e WHERE position = %s",
            [position],
        )
        tamper(connection, erase(position, "actor"))
        return log, position

    def test_the_seals_hold_and_the_salt_is_gone(
        self, erased: tuple[TransitionService, int], connection: Connection
    ) -> None:
        log, position = erased

        assert what(log) & {"seal.events", "seal.root", "seal.trust"} == set()
        kept = connection.execute("SELECT field, salt IS NULL FROM sojourn.erased_field ORDER BY 1").fetchall()
        assert kept == [("actor", True), ("reason", False)]
        assert one(connection, "SELECT count(*) FROM sojourn.seal_seed WHERE number = 1") == (0,)
        assert one(connection, f"SELECT count(*) FROM sojourn.seal_salt WHERE position = {position}") == (0,)

    def test_a_proof_shows_the_rest(
        self, erased: tuple[TransitionService, int], connection: Connection, tmp_path: Path
    ) -> None:
        log, position = erased
        prove_event(log.store, position, tmp_path / "proof.json")

        checked = check_proof_file(tmp_path / "proof.json", Trust(root=last_root(connection)))

        assert checked["event"] is not None
        assert (checked["event"]["data"]["actor"], checked["event"]["data"]["reason"]) == ("erased", "out of memory")

    @pytest.mark.parametrize(
        "statement",
        [
            """UPDATE sojourn.event SET data = data || '{"actor": {"component": "bob"}}' WHERE position = %(erased)s""",
            """UPDATE sojourn.event SET data = data || '{"reason": "bob"}' WHERE position = %(erased)s""",
            """UPDATE sojourn.event SET data = data - 'reason' WHERE position = %(erased)s""",
            """UPDATE sojourn.event SET data = data || '{"reason": "bob"}' WHERE position = 1""",
        ],
    )
    def test_another_change_is_found(
        self, erased: tuple[TransitionService, int], connection: Connection, statement: str
    ) -> None:
        log, position = erased
        tamper(connection, statement, erased=position)

        assert "seal.events" in what(log)

    def test_another_field_may_be_erased_later(
        self, erased: tuple[TransitionService, int], connection: Connection
    ) -> None:
        log, position = erased
        connection.execute(
            "SELECT sojourn.forget_salts(array_agg(e), '{reason}') FROM sojourn.event AS e WHERE position = %s",
            [position],
        )
        tamper(connection, erase(position, "reason"))

        assert "seal.events" not in what(log)
        assert one(connection, "SELECT count(salt), count(commitment) FROM sojourn.erased_field") == (0, 2)


def erase(position: int, field: str) -> str:
    value = {"actor": '{"component": "erased"}', "reason": '"erased"'}[field]
    return f"""UPDATE sojourn.event SET data = data || '{{"{field}": {value}}}' WHERE position = {position}"""


def tamper(connection: Connection, statement: str, **more: int) -> None:
    """Change the log as a superuser does, past every trigger."""
    (some,) = one(connection, "SELECT max(position) - 3 FROM sojourn.event")
    values = {"some": some, "hole": (*missing(connection), 0)[0], **more}
    with rewriting(connection):
        for part in statement.replace("sojourn.event", "pg_temp.rewritten").split(";"):
            assert connection.execute(part.encode(), values).statusmessage != "UPDATE 0"


def write(service: TransitionService, name: str) -> None:
    """Register tasks in transactions, some of which end after others that began later, and some of which abort."""
    with psycopg.connect(service.dsn) as connection:
        for number, task_id in enumerate(ids(20, name)):
            service.register_tasks("w", [TaskSpec(task_id)], connection=connection)
            register(service, f"{task_id}-2")
            connection.rollback() if number % 3 == 0 else connection.commit()


def what(service: TransitionService, trust: Trust = NO_TRUST) -> set[str]:
    """Return what verify finds wrong."""
    return {mismatch.what for mismatch in verify_log(service.store, trust=trust)["mismatches"]}


def trusted(service: TransitionService, trust: Trust) -> int | None:
    verification = verify_log(service.store, trust=trust)
    assert verification["mismatches"] == []
    return verification["trusted_to"]


def last_root(connection: Connection) -> bytes:
    (root,) = one(connection, "SELECT root FROM sojourn.seal ORDER BY number DESC LIMIT 1")
    return bytes(root)


def missing(connection: Connection) -> list[int]:
    """Return the positions before the last one that no event has."""
    rows = connection.execute(
        "SELECT n FROM generate_series(1, (SELECT max(position) FROM sojourn.event)) AS n "
        "WHERE n NOT IN (SELECT position FROM sojourn.event) ORDER BY n"
    )
    return [row[0] for row in rows]


def one(connection: Connection, statement: str) -> Any:
    return connection.execute(statement.encode()).fetchone()


def leaves_of(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the path to each text and number of a JSON value."""
    if isinstance(value, dict | list):
        items: Any = value.items() if isinstance(value, dict) else enumerate(value)
        return [leaf for key, part in items for leaf in leaves_of(part, (*path, key))]
    return [path]


def change(document: Any, path: tuple[Any, ...]) -> None:
    for key in path[:-1]:
        document = document[key]
    old = document[path[-1]]
    document[path[-1]] = old + 1 if isinstance(old, int) else old[:-1] + ("1" if old[-1] == "0" else "0")


class TestMaintenance:
    def test_seals_a_log_that_has_none_and_then_only_what_is_due(
        self, service: TransitionService, connection: Connection, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Given seals of few events, one that is an hour old, and `--once`, which leaves nothing for later."""
        monkeypatch.setattr(sealing, "MOST_EVENTS", 3)
        register(service, "t1", "t2", "t3")
        assert keep_sealed(service.store, print) == 3
        register(service, "t4", "t5")
        assert keep_sealed(service.store, print) == 3
        assert maintain_once(service.store, print)["sealed_to"] == 5
        register(service, "t6")
        assert keep_sealed(service.store, print) == 5
        register(service, "t7", "t8")
        assert keep_sealed(service.store, print) == 8
        register(service, "t9")
        tamper(connection, "UPDATE sojourn.seal SET sealed_at = sealed_at - '61 minutes'::interval")
        assert keep_sealed(service.store, print) == 9
        assert what(service) == set()
