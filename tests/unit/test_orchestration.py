"""What nested rules do to a proposed state: Prefect's semantics, a sentence a test."""

from collections.abc import Callable
from typing import Any

import pytest

from domain.errors import Contention, Interruption, NoCurrentState, TooLateToChange
from domain.rule_outcome import Response
from domain.rules.engine import ALL_STATES, Rule, State, Transform, TransitionContext, orchestrate

Does = Callable[[Any], object]


class Boom(Exception):
    """What hooks raise here."""


@Contention.register
class Contended(Exception):
    """What a write raises that met others."""


@Interruption.register
class Interrupted(Exception):
    """What a write raises for another reason of the database's."""


def boom(_: object) -> None:
    raise Boom


class Stage:
    """Where rules are tried: what ran, in order, and what was written."""

    def __init__(self, initial: str | None = "PENDING", proposed: str | None = "RUNNING") -> None:
        self.ran: list[str] = []
        self.seen: dict[str, tuple[str | None, str | None]] = {}
        self.written: list[str | None] = []
        self.context = TransitionContext(state(initial), state(proposed))

    def rule(
        self,
        name: str,
        before: Does | None = None,
        after: Does | None = None,
        cleanup: Does | None = None,
        *,
        come_from: frozenset[str | None] = ALL_STATES,
        to: frozenset[str | None] = ALL_STATES,
    ) -> type[Rule]:
        """A rule of that name whose hooks act as given, after recording that they ran."""

        def hook(called: str, does: Does | None) -> Any:
            def run(rule: Rule, initial: State | None, other: State | None, _: TransitionContext) -> None:
                self.ran.append(f"{called} {name}")
                self.seen[f"{called} {name}"] = type_of(initial), type_of(other)
                if does:
                    does(rule)

            return run

        hooks = {
            "before_transition": hook("before", before),
            "after_transition": hook("after", after),
            "cleanup": hook("cleanup", cleanup),
        }
        return type(name, (Rule,), {"FROM_STATES": come_from, "TO_STATES": to, **hooks})

    def transform(self, name: str, before: Does | None = None, after: Does | None = None) -> type[Transform]:
        """A transform of that name, likewise."""

        def hook(called: str, does: Does | None) -> Any:
            def run(transform: Transform, _: TransitionContext) -> None:
                self.ran.append(f"{called} {name}")
                if does:
                    does(transform)

            return run

        return type(
            name,
            (Transform,),
            {"before_transition": hook("before", before), "after_transition": hook("after", after)},
        )

    def go(self, *rules: type[Rule], transforms: list[type[Transform]] | None = None, error: Any = None) -> list[str]:
        """Orchestrate, and say what ran."""

        def write(context: TransitionContext) -> None:
            self.ran.append("write")
            self.written.append(type_of(context.proposed_state))
            if error:
                raise error

        orchestrate(self.context, rules=rules, transforms=transforms or [], validate=write)
        return self.ran

    @property
    def answer(self) -> tuple[str, str | None, float | None]:
        """What the proposal is answered with."""
        return self.context.response_status, *self.context.response_details

    @property
    def types(self) -> tuple[str | None, str | None]:
        """The types of what is proposed in the end, and of what was validated."""
        return type_of(self.context.proposed_state), type_of(self.context.validated_state)


def state(type_: str | None) -> State | None:
    return State(type=type_) if type_ else None


def type_of(state: State | None) -> str | None:
    return state.type if state else None


def to(*types: str | None) -> frozenset[str | None]:
    return frozenset(types)


def rejecting(type_: str | None, reason: str = "no") -> Does:
    return lambda rule: rule.reject(state(type_), reason)


def aborting(reason: str = "stop") -> Does:
    return lambda rule: rule.abort(reason)


def delaying(seconds: float = 5, reason: str = "later") -> Does:
    return lambda rule: rule.delay(seconds, reason)


@pytest.fixture
def stage() -> Stage:
    return Stage()


class TestNesting:
    def test_without_rules_the_proposed_state_is_written(self, stage: Stage) -> None:
        assert stage.go() == ["write"]
        assert (stage.types, stage.answer) == (("RUNNING", "RUNNING"), ("ACCEPT", None, None))

    def test_the_first_rule_is_outermost_and_the_transforms_are_innermost(self, stage: Stage) -> None:
        ran = stage.go(stage.rule("A"), stage.rule("B"), transforms=[stage.transform("T")])

        assert ran == ["before A", "before B", "before T", "write", "after T", "after B", "after A"]

    def test_signatures_list_the_classes_that_fired_in_the_order_in_which_they_did(self, stage: Stage) -> None:
        stage.go(stage.rule("A"), stage.rule("B"), transforms=[stage.transform("T")])

        assert stage.context.rule_signature == ["A", "B", "T"]
        assert stage.context.finalization_signature == ["T", "B", "A"]

    def test_all_states_has_every_type_and_none(self) -> None:
        assert {
            "SCHEDULED", "PENDING", "RUNNING", "COMPLETED", "FAILED", "CANCELLED", "CRASHED", "PAUSED", "CANCELLING",
            None,
        } == ALL_STATES  # fmt: skip

    def test_hooks_see_the_initial_state_and_then_what_was_validated(self, stage: Stage) -> None:
        stage.go(stage.rule("A"), stage.rule("B", rejecting("PAUSED")))

        assert stage.seen["before A"] == ("PENDING", "RUNNING")
        assert stage.seen["cleanup A"] == ("PENDING", "PAUSED")
        assert stage.seen["after B"] == ("PENDING", "PAUSED")

    def test_a_rule_further_in_sees_what_one_further_out_proposes(self, stage: Stage) -> None:
        stage.go(stage.rule("A", lambda rule: rule.rename("Late")), stage.rule("B", self.sees_late))

        assert stage.context.error is None

    @staticmethod
    def sees_late(rule: Rule) -> None:
        assert rule.context.proposed_state
        assert rule.context.proposed_state.name == "Late"


class TestInvalidRules:
    @pytest.mark.parametrize(
        ("come_from", "target"), [(to("PAUSED"), ALL_STATES), (ALL_STATES, to("PAUSED")), (to(), to())]
    )
    def test_no_hook_runs_for_types_that_are_not_the_rules(
        self, stage: Stage, come_from: frozenset[str | None], target: frozenset[str | None]
    ) -> None:
        assert stage.go(stage.rule("A", come_from=come_from, to=target)) == ["write"]
        assert stage.context.rule_signature == []

    def test_no_hook_runs_where_a_rule_further_out_has_changed_the_type(self, stage: Stage) -> None:
        assert stage.go(stage.rule("A", rejecting("PAUSED")), stage.rule("B")) == ["before A", "write", "after A"]

    @pytest.mark.parametrize("says", [delaying(), aborting(), rejecting(None)])
    def test_nor_where_it_has_withdrawn_the_proposal(self, stage: Stage, says: Does) -> None:
        assert stage.go(stage.rule("A", says), stage.rule("B")) == ["before A", "write", "after A"]

    def test_a_rule_is_chosen_by_the_types_at_the_beginning_not_by_those_that_it_meets(self, stage: Stage) -> None:
        ran = stage.go(stage.rule("A", rejecting("PAUSED")), stage.rule("B", to=to("PAUSED")))

        assert ran == ["before A", "write", "after A"]

    def test_no_state_is_a_type_too(self) -> None:
        stage = Stage(initial=None, proposed="PENDING")

        ran = stage.go(stage.rule("A", come_from=to(None)), stage.rule("B", come_from=to("PENDING")))

        assert ran == ["before A", "write", "after A"]


class TestFizzledRules:
    def test_cleanup_runs_where_a_rule_further_in_has_changed_the_type(self, stage: Stage) -> None:
        ran = stage.go(stage.rule("A"), stage.rule("B", rejecting("PAUSED")))

        assert ran == ["before A", "before B", "write", "after B", "cleanup A"]
        assert stage.context.rule_signature == ["A", "B"]
        assert stage.context.finalization_signature == ["B"]

    @pytest.mark.parametrize("says", [delaying(), aborting(), rejecting(None)])
    def test_and_where_it_has_withdrawn_the_proposal(self, stage: Stage, says: Does) -> None:
        assert stage.go(stage.rule("A"), stage.rule("B", says))[-2:] == ["after B", "cleanup A"]

    @pytest.mark.parametrize("says", [rejecting("PAUSED"), rejecting(None), delaying(), aborting()])
    def test_a_rule_that_speaks_does_not_fizzle_itself(self, stage: Stage, says: Does) -> None:
        assert stage.go(stage.rule("A", says)) == ["before A", "write", "after A"]

    @pytest.mark.parametrize("says", [rejecting("PAUSED"), rejecting(None), delaying(), aborting()])
    def test_no_further_hook_runs_when_to_states_lack_the_proposal(self, stage: Stage, says: Does) -> None:
        assert stage.go(stage.rule("A", says, to=to("RUNNING"))) == ["before A", "write"]
        assert (stage.context.rule_signature, stage.context.finalization_signature) == (["A"], [])

    def test_its_to_states_are_asked_again_where_they_have_it(self, stage: Stage) -> None:
        ran = stage.go(stage.rule("A", rejecting("PAUSED"), to=to("RUNNING", "PAUSED")))

        assert ran == ["before A", "write", "after A"]

    def test_a_rule_that_has_spoken_fizzles_where_another_speaks_after_it(self, stage: Stage) -> None:
        # B is made with RUNNING, to which A has come back in the end.
        restored = stage.rule("A", lambda rule: (rule.reject(state("PAUSED"), ""), rule.reject(state("RUNNING"), "")))

        assert stage.go(restored, stage.rule("B", aborting())) == [
            "before A", "before B", "write", "after B", "cleanup A",
        ]  # fmt: skip

    def test_a_rename_fizzles_nobody(self, stage: Stage) -> None:
        ran = stage.go(stage.rule("A"), stage.rule("B", lambda rule: rule.rename("Late")), stage.rule("C"))

        assert ran == ["before A", "before B", "before C", "write", "after C", "after B", "after A"]

    def test_nor_does_a_reject_to_the_same_type(self, stage: Stage) -> None:
        ran = stage.go(stage.rule("A"), stage.rule("B", rejecting("RUNNING")), stage.rule("C"))

        assert ran == ["before A", "before B", "before C", "write", "after C", "after B", "after A"]
        assert stage.context.response_status is Response.REJECT


class TestWhatRulesSay:
    def test_reject_with_a_state_writes_that_state(self, stage: Stage) -> None:
        stage.go(stage.rule("A", rejecting("SCHEDULED", "too soon")))

        assert (stage.written, stage.types) == (["SCHEDULED"], ("SCHEDULED", "SCHEDULED"))
        assert stage.answer == ("REJECT", "too soon", None)

    def test_reject_without_a_state_writes_nothing_and_answers_with_the_current_one(self, stage: Stage) -> None:
        stage.go(stage.rule("A", rejecting(None, "stay")))

        assert (stage.written, stage.types) == ([None], (None, "PENDING"))
        assert stage.answer == ("REJECT", "stay", None)

    def test_which_is_an_error_inside_the_hook_where_there_is_no_current_state(self) -> None:
        stage = Stage(initial=None)
        raised: list[Exception] = []

        def stay(rule: Rule) -> None:
            with pytest.raises(NoCurrentState) as error:
                rule.reject(None, "stay")
            raised.append(error.value)

        stage.go(stage.rule("A", stay))

        assert len(raised) == 1
        assert (stage.written, stage.answer) == (["RUNNING"], ("ACCEPT", None, None))

    def test_and_aborts_if_the_hook_lets_it_out(self) -> None:
        stage = Stage(initial=None)

        stage.go(stage.rule("A", rejecting(None)))

        assert isinstance(stage.context.error, NoCurrentState)
        assert (stage.written, stage.context.response_status) == ([None], "ABORT")

    def test_delay_writes_nothing_and_answers_with_the_seconds(self, stage: Stage) -> None:
        stage.go(stage.rule("A", delaying(30, "full")))

        assert (stage.written, stage.types) == ([None], (None, "PENDING"))
        assert stage.answer == ("WAIT", "full", 30)

    def test_abort_writes_nothing(self, stage: Stage) -> None:
        stage.go(stage.rule("A", aborting("never")))

        assert (stage.written, stage.types) == ([None], (None, "PENDING"))
        assert stage.answer == ("ABORT", "never", None)

    def test_nothing_is_validated_where_nothing_is_written_and_nothing_was(self) -> None:
        stage = Stage(initial=None)

        stage.go(stage.rule("A", aborting()))

        assert (stage.written, stage.types) == ([None], (None, None))

    @pytest.mark.parametrize(
        ("says", "answer", "written"),
        [
            ([aborting("a"), rejecting("PAUSED", "r")], ("REJECT", "r", None), "PAUSED"),
            ([rejecting("PAUSED", "r"), delaying(3, "d")], ("WAIT", "d", 3), None),
            ([delaying(3, "d"), aborting("a")], ("ABORT", "a", None), None),
            ([delaying(3, "d"), rejecting(None, "r")], ("REJECT", "r", None), None),
        ],
    )
    def test_the_last_one_to_speak_wins_within_a_hook(
        self, stage: Stage, says: list[Does], answer: tuple[Any, ...], written: str | None
    ) -> None:
        stage.go(stage.rule("A", lambda rule: [say(rule) for say in says]))

        assert (stage.answer, stage.written) == (answer, [written])

    def test_and_between_rules(self, stage: Stage) -> None:
        stage.go(stage.rule("A", rejecting("RUNNING", "a")), stage.rule("B", delaying(9, "b")))

        assert (stage.answer, stage.context.rule) == (("WAIT", "b", 9), "B")

    def test_a_rename_is_written_under_the_same_type_and_accepted(self, stage: Stage) -> None:
        stage.go(stage.rule("A", lambda rule: rule.rename("Retrying")))

        assert stage.context.validated_state == State(type="RUNNING", name="Retrying")
        assert stage.answer == ("ACCEPT", None, None)

    def test_a_rename_of_nothing_is_nothing(self, stage: Stage) -> None:
        stage.go(stage.rule("A", lambda rule: (rule.abort("no"), rule.rename("Late"))))

        assert stage.types == (None, "PENDING")

    def test_parameters_reach_the_rules_further_in_and_the_caller(self, stage: Stage) -> None:
        met: list[object] = []
        asking = stage.rule("B", lambda rule: met.append(rule.context.parameters["limit"]))

        stage.go(stage.rule("A", lambda rule: rule.update_parameters("limit", 3)), asking)

        assert (met, stage.context.parameters) == ([3], {"limit": 3})

    @pytest.mark.parametrize("says", [rejecting("PAUSED"), rejecting(None), delaying(), aborting()])
    @pytest.mark.parametrize("hook", ["after", "cleanup"])
    def test_once_validated_all_four_raise(self, stage: Stage, says: Does, hook: str) -> None:
        late: Any = {hook: says}
        withdraws = stage.rule("B", aborting() if hook == "cleanup" else None)

        with pytest.raises(TooLateToChange):
            stage.go(stage.rule("A", **late), withdraws)

        assert stage.answer[0] == ("ABORT" if hook == "cleanup" else "ACCEPT")

    def test_a_rename_then_changes_nothing_that_was_written(self, stage: Stage) -> None:
        stage.go(stage.rule("A", after=lambda rule: rule.rename("Late")))

        assert stage.context.validated_state == State(type="RUNNING")

    def test_the_log_calls_a_rule_by_its_name_if_it_has_one(self, stage: Stage) -> None:
        named = stage.rule("A", aborting())
        named.name = "no-way"

        stage.go(named)

        assert (stage.context.rule, stage.context.rule_signature) == ("no-way", ["A"])

    def test_what_a_rule_proposes_next_is_kept_for_the_caller(self, stage: Stage) -> None:
        stage.go(stage.rule("A", after=lambda rule: rule.propose_next(State(type="PAUSED"), "rest")))

        assert stage.context.consequences == [(State(type="PAUSED"), "A", "rest")]


class TestABeforeThatRaises:
    def test_is_caught_and_aborts_and_the_error_is_kept(self, stage: Stage) -> None:
        stage.go(stage.rule("A", boom))

        assert isinstance(stage.context.error, Boom)
        assert (stage.types, stage.answer[0], stage.context.rule) == ((None, "PENDING"), "ABORT", "A")
        assert "Boom()" in str(stage.answer[1])

    def test_validation_still_runs_with_nothing_to_write(self, stage: Stage) -> None:
        stage.go(stage.rule("A", boom))

        assert stage.written == [None]

    def test_after_an_error_the_rules_up_to_it_clean_up_and_later_ones_do_not(self, stage: Stage) -> None:
        ran = stage.go(
            stage.rule("A"), stage.rule("X", to=to("PAUSED")), stage.rule("B", boom), stage.rule("C"), stage.rule("D")
        )

        assert ran == ["before A", "before B", "write", "cleanup B", "cleanup A"]

    def test_it_is_in_no_signature(self, stage: Stage) -> None:
        stage.go(stage.rule("A"), stage.rule("B", boom))

        assert (stage.context.rule_signature, stage.context.finalization_signature) == (["A"], [])

    def test_it_outdoes_what_was_said_before_it(self, stage: Stage) -> None:
        stage.go(stage.rule("A", rejecting("RUNNING")), stage.rule("B", boom))

        assert (stage.answer[0], stage.written) == ("ABORT", [None])

    def test_what_it_has_said_itself_before_decides_whether_it_cleans_up(self, stage: Stage) -> None:
        def speaks_and_raises(rule: Rule) -> None:
            rule.reject(State(type="PAUSED"), "no")
            raise Boom

        ran = stage.go(stage.rule("A", speaks_and_raises, to=to("RUNNING")))

        assert ran == ["before A", "write"]  # PAUSED, which it proposed, is not in its TO_STATES

    def test_a_raiser_that_had_withdrawn_the_proposal_is_as_it_was_made(self, stage: Stage) -> None:
        def aborts_and_raises(rule: Rule) -> None:
            rule.abort("no")
            raise Boom

        assert stage.go(stage.rule("A", aborts_and_raises)) == ["before A", "write", "after A"]

    def test_where_nothing_was_proposed_its_after_runs_and_later_rules_fire(self) -> None:
        stage = Stage(proposed=None)

        ran = stage.go(stage.rule("A"), stage.rule("B", boom), stage.rule("C"))

        assert ran == ["before A", "before B", "before C", "write", "after C", "after B", "after A"]
        assert stage.context.rule_signature == ["A", "C"]
        assert isinstance(stage.context.error, Boom)

    def test_the_first_errors_place_is_taken_by_a_later_one(self) -> None:
        stage = Stage(proposed=None)

        def other(_: object) -> None:
            raise ValueError

        stage.go(stage.rule("A", boom), stage.rule("B", other))

        assert isinstance(stage.context.error, ValueError)


class TestExitsThatRaise:
    def test_an_after_that_raises_propagates_while_the_outer_rules_unwind(self, stage: Stage) -> None:
        with pytest.raises(Boom):
            stage.go(stage.rule("A"), stage.rule("B", after=boom))

        assert stage.ran == ["before A", "before B", "write", "after B", "after A"]
        assert stage.context.finalization_signature == ["A"]
        assert stage.context.error is None

    def test_so_does_a_cleanup(self, stage: Stage) -> None:
        with pytest.raises(Boom):
            stage.go(stage.rule("A"), stage.rule("B", cleanup=boom), stage.rule("C", aborting()))

        assert stage.ran[-3:] == ["after C", "cleanup B", "cleanup A"]


class TestTransforms:
    def test_they_run_where_nothing_is_written_and_know_it(self, stage: Stage) -> None:
        nullified: list[bool] = []
        recorder = stage.transform(
            "T",
            lambda transform: nullified.append(transform.nullified_transition()),
            lambda transform: nullified.append(transform.nullified_transition()),
        )

        ran = stage.go(stage.rule("A", aborting()), transforms=[recorder])

        assert ran == ["before A", "before T", "write", "after T", "after A"]
        assert nullified == [True, True]

    def test_nothing_is_nullified_where_a_state_is_written(self, stage: Stage) -> None:
        nullified: list[bool] = []

        stage.go(
            transforms=[stage.transform("T", lambda transform: nullified.append(transform.nullified_transition()))]
        )

        assert nullified == [False]

    def test_a_before_that_raises_is_not_caught_and_the_rules_unwind(self, stage: Stage) -> None:
        with pytest.raises(Boom):
            stage.go(stage.rule("A"), transforms=[stage.transform("T", boom), stage.transform("U")])

        assert stage.ran == ["before A", "before T", "after A"]
        assert (stage.context.rule_signature, stage.written) == (["A"], [])

    def test_their_before_runs_after_a_rule_that_raised_but_not_their_after(self, stage: Stage) -> None:
        ran = stage.go(stage.rule("A", boom), transforms=[stage.transform("T")])

        assert ran == ["before A", "before T", "write", "cleanup A"]
        assert (stage.context.rule_signature, stage.context.finalization_signature) == (["T"], [])

    def test_their_after_runs_after_a_validation_that_raised(self, stage: Stage) -> None:
        ran = stage.go(stage.rule("A"), transforms=[stage.transform("T")], error=Boom())

        assert ran == ["before A", "before T", "write", "after T", "cleanup A"]

    def test_an_after_that_raises_propagates_while_the_rules_unwind(self, stage: Stage) -> None:
        with pytest.raises(Boom):
            stage.go(stage.rule("A"), transforms=[stage.transform("T", after=boom)])

        assert stage.ran[-2:] == ["after T", "after A"]


class TestAValidationThatRaises:
    def test_aborts_and_says_why(self, stage: Stage) -> None:
        stage.go(stage.rule("A"), error=Boom("disk full"))

        assert stage.answer == ("ABORT", "Error validating state: Boom('disk full')", None)
        assert stage.types == (None, None)
        assert stage.context.error is None

    def test_the_rules_clean_up(self, stage: Stage) -> None:
        ran = stage.go(stage.rule("A"), stage.rule("B", to=to("RUNNING")), error=Boom())

        assert ran == ["before A", "before B", "write", "cleanup B", "cleanup A"]

    def test_contention_is_raised_again_once_they_have(self, stage: Stage) -> None:
        with pytest.raises(Contended):
            stage.go(stage.rule("A"), stage.rule("B"), error=Contended())

        assert stage.ran == ["before A", "before B", "write", "cleanup B", "cleanup A"]
        assert (stage.types, stage.answer) == ((None, None), ("ACCEPT", None, None))

    def test_also_where_it_is_the_cause_of_another(self, stage: Stage) -> None:
        error = Boom()
        error.__cause__ = Contended()

        with pytest.raises(Boom):
            stage.go(error=error)

    def test_another_error_of_the_database_is_like_any(self, stage: Stage) -> None:
        stage.go(error=Interrupted())

        assert stage.context.response_status is Response.ABORT


class TestCopies:
    def test_a_hook_changes_its_copies_and_nothing_else(self, stage: Stage) -> None:
        class Meddler(Rule):
            def before_transition(
                self, initial_state: State | None, proposed_state: State | None, context: TransitionContext
            ) -> None:
                meddle(initial_state, proposed_state, context)

            def after_transition(
                self, initial_state: State | None, validated_state: State | None, context: TransitionContext
            ) -> None:
                meddle(initial_state, validated_state, context)

        def meddle(one: State | None, other: State | None, context: TransitionContext) -> None:
            for given in (one, other, context.initial_state, context.proposed_state):
                assert given
                given.type, given.name = "CRASHED", "Meddled"
                given.details["meddled"] = True
            context.parameters["meddled"] = True
            context.response_status = Response.ABORT
            context.proposed_state = None

        stage.context.initial_state = State(type="PENDING", details={"since": [1]})
        stage.go(stage.rule("A"), Meddler)

        assert stage.context.initial_state == State(type="PENDING", details={"since": [1]})
        assert stage.context.validated_state == State(type="RUNNING")
        assert (stage.context.parameters, stage.answer[0], stage.context.error) == ({}, "ACCEPT", None)
        assert stage.context.finalization_signature == ["Meddler", "A"]

    def test_details_are_copied_to_the_bottom(self) -> None:
        original = State(type="RUNNING", details={"tags": ["a"]})

        original.with_().details["tags"].append("b")

        assert original.details == {"tags": ["a"]}


class TestStates:
    @pytest.mark.parametrize(
        ("type_", "name"), [("RUNNING", "Running"), ("CONCURRENCY_CONTROLLED", "Concurrency controlled")]
    )
    def test_a_state_is_called_after_its_type(self, type_: str, name: str) -> None:
        assert State(type=type_).name == State(type=type_, name=None).name == name

    def test_or_by_its_own_name(self) -> None:
        assert State(type="SCHEDULED", name="Late").name == "Late"

    def test_the_log_keeps_nothing_of_a_state_that_is_only_its_type(self) -> None:
        assert State(type="RUNNING").kept() is None

    @pytest.mark.parametrize("more", [{"name": "Late"}, {"message": "hm"}, {"details": {"a": 1}}])
    def test_and_what_more_there_is(self, more: dict[str, Any]) -> None:
        assert State(type="RUNNING", **more).kept() == State(type="RUNNING", **more)

    def test_in_a_form_that_can_be_stored(self) -> None:
        kept = State(type="RUNNING", name="a\0b", details={"k\0": ["\ud800", 1]}).kept()

        assert kept == State(type="RUNNING", name="a\ufffdb", details={"k\ufffd": ["\ufffd", 1]})
