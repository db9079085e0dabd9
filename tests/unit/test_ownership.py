"""Who may take an entity on, and to whom it belongs then: Pynenc's statuses against a second telling of its rules."""

from datetime import UTC, datetime, timedelta
from itertools import product

import pytest
from freezegun import freeze_time
from hypothesis import given as for_all
from hypothesis import strategies as st

from domain.errors import InvalidTransition, OwnershipViolation
from domain.lifecycles import get_lifecycle
from domain.lifecycles.machine import Machine
from domain.lifecycles.ownership import StatusRecord, status_record_transition
from tests.unit.test_machines import FETCH_ML, PYNENC

NINE = datetime(2026, 1, 31, 9, tzinfo=UTC)
MACHINE = get_lifecycle("pynenc").task
OWNED = ("PENDING", "RUNNING", "PAUSED")
RECOVERIES = ("PENDING_RECOVERY", "RUNNING_RECOVERY")

OWNERS = (None, "ann")
RUNNERS = (None, "", "ann", "bob")
RECORDS = [None, *product(PYNENC, OWNERS)]


def outcome(record: tuple[str, str | None] | None, target: str, runner: str | None) -> tuple[object, ...]:
    """Return the expected outcome, as the questions that are asked one after the other."""
    source, owner = record or (None, None)
    allowed = {"REGISTERED"} if source is None else set(PYNENC[source].split())
    if target not in allowed:
        return ("invalid", source, target, allowed)
    if source is not None and target not in RECOVERIES:
        if source in OWNED and runner != owner:
            return ("violation", source, target, owner, runner)
        if target == "PENDING" and runner in (None, ""):
            return ("violation", source, target, owner, None)
    if target == "PENDING":
        owner = runner
    return ("owner", target, owner if target in OWNED else None, NINE + timedelta(hours=1))


def found(record: tuple[str, str | None] | None, target: str, runner: str | None) -> tuple[object, ...]:
    """What comes of it."""
    before = StatusRecord(*record, NINE) if record else None
    try:
        after = status_record_transition(before, target, runner, MACHINE, at=NINE + timedelta(hours=1))
    except InvalidTransition as error:
        return ("invalid", error.from_status, error.to_status, error.allowed)
    except OwnershipViolation as error:
        return ("violation", error.from_status, error.to_status, error.current_owner, error.attempted_owner)
    return ("owner", after.status, after.runner_id, after.timestamp)


@pytest.mark.parametrize("record", RECORDS)
def test_every_record_every_status_every_runner(record: tuple[str, str | None] | None) -> None:
    for target, runner in product(PYNENC, RUNNERS):
        assert found(record, target, runner) == outcome(record, target, runner), (record, target, runner)


class TestTheOrderOfTheChecks:
    def test_the_transition_comes_before_the_ownership(self) -> None:
        with pytest.raises(InvalidTransition):
            status_record_transition(StatusRecord("RUNNING", "ann"), "PENDING", "bob", MACHINE)

    def test_what_overrides_comes_before_who_owns(self) -> None:
        after = status_record_transition(StatusRecord("RUNNING", "ann"), "RUNNING_RECOVERY", "bob", MACHINE)

        assert after.runner_id is None

    def test_who_owns_comes_before_who_is_to_own(self) -> None:
        both = Machine.model_validate(
            {
                "initial": "HELD", "terminal": [], "transitions": {"HELD": ["TAKEN"], "TAKEN": []},
                "requires_ownership": ["HELD"], "acquires": ["TAKEN"],
            }
        )  # fmt: skip
        with pytest.raises(OwnershipViolation) as error:
            status_record_transition(StatusRecord("HELD", "ann"), "TAKEN", "", both)

        assert (error.value.current_owner, error.value.attempted_owner) == ("ann", "")

    def test_no_record_passes_whatever_its_first_status_takes(self) -> None:
        taken = Machine.model_validate(
            {"initial": "TAKEN", "terminal": [], "transitions": {"TAKEN": []}, "acquires": ["TAKEN"]}
        )

        assert status_record_transition(None, "TAKEN", None, taken).runner_id is None
        assert status_record_transition(None, "TAKEN", "ann", taken).runner_id == "ann"


class TestWhatIsSaid:
    def test_of_a_transition(self) -> None:
        with pytest.raises(InvalidTransition) as error:
            status_record_transition(StatusRecord("PAUSED", "ann"), "SUCCESS", "ann", MACHINE)

        assert str(error.value) == "PAUSED may not become SUCCESS: only KILLED, RUNNING"
        assert error.value.allowed == {"KILLED", "RUNNING"}

    def test_of_a_status_that_is_none(self) -> None:
        with pytest.raises(InvalidTransition, match="did you mean 'RUNNING'"):
            status_record_transition(StatusRecord("PAUSED", "ann"), "RUNNIG", "ann", MACHINE)

    def test_of_a_lifecycle_without_owners(self) -> None:
        fetch_ml = get_lifecycle("fetch_ml").task

        with pytest.raises(InvalidTransition) as error:
            status_record_transition(StatusRecord("queued"), "bogus", None, fetch_ml)

        assert (error.value.from_status, error.value.to_status) == ("queued", "bogus")
        assert error.value.allowed == set(FETCH_ML["queued"].split())

    def test_of_an_end(self) -> None:
        with pytest.raises(InvalidTransition, match="SUCCESS may not become RUNNING: nothing follows it"):
            status_record_transition(StatusRecord("SUCCESS"), "RUNNING", "ann", MACHINE)

    def test_of_an_owner(self) -> None:
        with pytest.raises(OwnershipViolation) as error:
            status_record_transition(StatusRecord("RUNNING", "ann"), "SUCCESS", "bob", MACHINE)

        assert str(error.value) == "RUNNING may not become SUCCESS: it belongs to 'ann', and 'bob' proposes it"

    def test_of_nobody(self) -> None:
        with pytest.raises(OwnershipViolation, match="it belongs to 'ann', and nobody proposes it"):
            status_record_transition(StatusRecord("RUNNING", "ann"), "SUCCESS", None, MACHINE)


def test_a_record_is_of_now_unless_told() -> None:
    with freeze_time(NINE):
        assert status_record_transition(None, "REGISTERED", None, MACHINE).timestamp == NINE
        assert StatusRecord("REGISTERED").timestamp == NINE


@for_all(st.lists(st.tuples(st.sampled_from([*PYNENC]), st.sampled_from(RUNNERS)), max_size=40))
def test_whoever_proposes_whatever_an_entity_belongs_to_one_runner_while_it_is_owned(
    proposals: list[tuple[str, str | None]],
) -> None:
    record = status_record_transition(None, "REGISTERED", None, MACHINE)
    for target, runner in proposals:
        before = record
        try:
            record = status_record_transition(before, target, runner, MACHINE)
        except (InvalidTransition, OwnershipViolation):
            continue
        assert bool(record.runner_id) == (record.status in OWNED)
        if before.runner_id and record.runner_id:
            assert record.runner_id == before.runner_id == runner
