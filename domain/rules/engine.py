"""Orchestration: rules nested around the write of a proposed state, with a hook before it and a hook after it.

    before: the first rule ... the last rule, the transforms -> validate (the write)
    after:  the transforms, the last rule ... the first rule

The semantics and their names are Prefect's, compared with Prefect 3.9 in 20,000 random nestings. A rule applies while
the transition has the types of states that the rule was made with. If another rule changes them before its turn, the
rule is *invalid*, and none of its hooks runs. If another rule changes them after its turn, the rule has *fizzled*, and
`cleanup` runs instead of `after_transition`. A rule stays valid after its own change to the proposal.
"""

from collections.abc import Callable, Container, Iterable
from contextlib import ExitStack
from copy import copy
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, ClassVar, NamedTuple, Self

from domain.errors import Contention, Interruption, NoCurrentState, TooLateToChange
from domain.rule_outcome import ACCEPTED, Response, RuleOutcome
from domain.state import ALL_STATES, State
from domain.text import cut_reason
from domain.waits_for import StatedWait, WaitsFor, read_waits_for

__all__ = [
    "ALL_STATES",
    "FollowUp",
    "Response",
    "ResponseDetails",
    "Rule",
    "State",
    "Transform",
    "TransitionContext",
    "orchestrate",
]


class ResponseDetails(NamedTuple):
    """Why a proposal was not accepted as it was, and the seconds after which to propose it again."""

    reason: str | None = None
    delay_seconds: float | None = None


NO_DETAILS = ResponseDetails()


class FollowUp(NamedTuple):
    """A state that a rule proposes next, after its transition is written."""

    state: State
    rule: str
    reason: str


@dataclass
class TransitionContext:
    """A transition under judgement: its current, proposed and written state, and the response of the rules so far.

    `parameters` are what rules read, and may pass on to each other. `rule` is the rule that answered last, `waits_for`
    what the entity waits for because of it, `error` what a `before_transition` raised. `rule_signature` lists the
    classes whose `before_transition` succeeded, and `finalization_signature` those whose `after_transition` did; both
    names are Prefect's.
    """

    initial_state: State | None = None
    proposed_state: State | None = None
    validated_state: State | None = None
    response_status: Response = Response.ACCEPT
    response_details: ResponseDetails = NO_DETAILS
    rule: str | None = None
    waits_for: WaitsFor | None = None
    error: Exception | None = None
    parameters: dict[str, Any] = field(default_factory=dict)
    consequences: list[FollowUp] = field(default_factory=list)
    rule_signature: list[str] = field(default_factory=list)
    finalization_signature: list[str] = field(default_factory=list)

    @property
    def outcome(self) -> RuleOutcome:
        """The last rule that changed or refused the proposal; ACCEPTED if none did."""
        if self.response_status is Response.ACCEPT:
            return ACCEPTED
        reason, delay_seconds = self.response_details
        return RuleOutcome(
            self.rule, self.response_status, reason and cut_reason(reason), delay_seconds, self.waits_for
        )

    @property
    def types(self) -> tuple[str | None, str | None]:
        """The types of the initial and the proposed state."""
        return _type_of(self.initial_state), _type_of(self.proposed_state)

    def snapshot(self) -> Self:
        """Return a copy for a hook: changes to its states and parameters have no effect."""
        snapshot = copy(self)
        snapshot.initial_state = _copy_of(self.initial_state)
        snapshot.proposed_state = _copy_of(self.proposed_state)
        snapshot.validated_state = _copy_of(self.validated_state)
        snapshot.parameters = dict(self.parameters)
        return snapshot


class Rule:
    """A rule may replace, delay or refuse a transition from one of FROM_STATES to one of TO_STATES.

    Each transition has a new instance of the rule. Its hooks get copies of the states and of the context, and act
    through the methods below. A `before_transition` that raises an error aborts the transition.
    """

    name: ClassVar[str] = ""
    """Its name in the log; by default, the name of its class."""

    FROM_STATES: ClassVar[Container[str | None]] = ALL_STATES
    TO_STATES: ClassVar[Container[str | None]] = ALL_STATES

    def __init__(self, context: TransitionContext, source: str | None, target: str | None) -> None:
        self.context = context
        self._source = source
        self._target = target
        self._entered = False

    def before_transition(
        self, initial_state: State | None, proposed_state: State | None, context: TransitionContext
    ) -> None:
        """Judge what is proposed."""

    def after_transition(
        self, initial_state: State | None, validated_state: State | None, context: TransitionContext
    ) -> None:
        """Act on the state that was written."""

    def cleanup(self, initial_state: State | None, validated_state: State | None, context: TransitionContext) -> None:
        """Undo what `before_transition` did, because the transition became another one."""

    def reject(self, state: State | None, reason: str, waits_for: StatedWait | None = None) -> None:
        """Replace the proposed state by another one; None keeps the current state.

        `waits_for` is what the entity waits for in that state.

        Raises:
            NoCurrentState: `state` is None, and the entity has no current state.
            TooLateToChange: the transition is written already.
            UnknownChoice: `waits_for` is of no known kind.
            InvalidWait: `waits_for` cannot be read.
        """
        self._raise_if_written()
        if state is None and self.context.initial_state is None:
            raise NoCurrentState
        self._respond(state, Response.REJECT, reason, waits_for=waits_for)

    def delay(self, seconds: float, reason: str, waits_for: StatedWait | None = None) -> None:
        """Write nothing, and answer that the proposal may be made again after `seconds`.

        `waits_for` is what the entity waits for until then.

        Raises:
            TooLateToChange: the transition is written already.
            UnknownChoice: `waits_for` is of no known kind.
            InvalidWait: `waits_for` cannot be read.
        """
        self._raise_if_written()
        self._respond(None, Response.WAIT, reason, seconds, waits_for)

    def abort(self, reason: str) -> None:
        """Write nothing, and refuse the proposal.

        Raises:
            TooLateToChange: the transition is written already.
        """
        self._raise_if_written()
        self._respond(None, Response.ABORT, reason)

    def rename(self, name: str) -> None:
        """Give the proposed state another name."""
        self.amend(name=name)

    def amend(self, **changes: Any) -> None:
        """Change fields of the proposed state, except its type. Without a proposed state, do nothing."""
        if self.context.proposed_state is not None:
            self.context.proposed_state = self.context.proposed_state.with_(**changes)

    def propose_next(self, state: State, reason: str) -> None:
        """Propose a further state, for after this one is written."""
        self.context.consequences.append(FollowUp(state, self._log_name(), reason))

    def update_parameters(self, key: str, value: Any) -> None:
        """Pass a parameter on to the inner rules and to the caller."""
        self.context.parameters[key] = value

    def __enter__(self) -> Self:
        self._entered = self._covers_types() and self._is_valid()
        if self._entered:
            self._enter()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Check the types again: the rule itself may have proposed a state outside TO_STATES.
        if not (self._entered and self._covers_types()):
            return
        if self._is_valid():
            if type(self).after_transition is not Rule.after_transition:
                seen = self.context.snapshot()
                self.after_transition(seen.initial_state, seen.validated_state, seen)
            self.context.finalization_signature.append(type(self).__name__)
        elif type(self).cleanup is not Rule.cleanup:
            seen = self.context.snapshot()
            self.cleanup(seen.initial_state, seen.validated_state, seen)

    def _enter(self) -> None:
        seen = self.context.snapshot()
        try:
            self.before_transition(seen.initial_state, seen.proposed_state, seen)
        except Exception as error:
            # The rule did not answer: the proposal is withdrawn, so that this rule fizzles as the others do.
            self.context.error = error
            self._set_response(None, Response.ABORT, ResponseDetails(f"{self._log_name()} failed: {error!r}"))
        else:
            self.context.rule_signature.append(type(self).__name__)

    def _respond(
        self,
        state: State | None,
        response: Response,
        reason: str,
        seconds: float | None = None,
        waits_for: StatedWait | None = None,
    ) -> None:
        wait = None if waits_for is None else read_waits_for(waits_for)
        self._target = _type_of(state)
        self._set_response(state, response, ResponseDetails(reason, seconds), wait)

    def _set_response(
        self, state: State | None, response: Response, details: ResponseDetails, waits_for: WaitsFor | None = None
    ) -> None:
        self.context.proposed_state = state
        self.context.response_status = response
        self.context.response_details = details
        self.context.waits_for = waits_for
        self.context.rule = self._log_name()

    def _raise_if_written(self) -> None:
        if self.context.validated_state is not None:
            raise TooLateToChange

    def _covers_types(self) -> bool:
        return self._source in self.FROM_STATES and self._target in self.TO_STATES

    def _is_valid(self) -> bool:
        return self.context.types == (self._source, self._target)

    def _log_name(self) -> str:
        return self.name or type(self).__name__


class Transform:
    """Bookkeeping for every transition (Prefect's word); its hooks act on the context itself.

    `before_transition` always runs, and its errors are not caught. `after_transition` runs unless the
    `before_transition` of a rule raised an error.
    """

    def __init__(self, context: TransitionContext) -> None:
        self.context = context

    def before_transition(self, context: TransitionContext) -> None:
        """Prepare for the write."""

    def after_transition(self, context: TransitionContext) -> None:
        """Act on the state that was written."""

    def nullified_transition(self) -> bool:
        """Return whether nothing will be written."""
        return self.context.proposed_state is None

    def __enter__(self) -> Self:
        self.before_transition(self.context)
        self.context.rule_signature.append(type(self).__name__)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.context.error is None:
            self.after_transition(self.context)
            self.context.finalization_signature.append(type(self).__name__)


def orchestrate(
    context: TransitionContext,
    rules: Iterable[type[Rule]] = (),
    transforms: Iterable[type[Transform]] = (),
    validate: Callable[[TransitionContext], object] = lambda _: None,
) -> None:
    """Take the proposal through the rules and transforms, and let `validate` write the state that they leave.

    An error in the `before_transition` of a rule, or in `validate`, turns the response into ABORT. Errors of other
    hooks are raised after the outer rules have run.

    Raises:
        Contention: `validate` met rows that others hold; the whole transition may be tried again.
    """
    source, target = context.types
    with ExitStack() as nested:
        for rule in rules:
            nested.enter_context(rule(context, source, target))
        for transform in transforms:
            nested.enter_context(transform(context))
        _write(context, validate)


def _write(context: TransitionContext, validate: Callable[[TransitionContext], object]) -> None:
    try:
        validate(context)
    except Exception as error:
        context.proposed_state = None
        if _is_contention(error):
            raise
        context.response_status = Response.ABORT
        context.response_details = ResponseDetails(f"Error validating state: {error!r}")
        context.waits_for = None
        context.rule = None
    else:
        context.validated_state = context.proposed_state or context.initial_state


def _is_contention(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, Interruption):
            return isinstance(error, Contention)
        error = error.__cause__
    return False


def _type_of(state: State | None) -> str | None:
    return state.type if state is not None else None


def _copy_of(state: State | None) -> State | None:
    return state.with_() if state is not None else None
