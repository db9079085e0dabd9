"""Orchestration: rules nested around the writing of a proposed state, each asked on the way in and on the way out.

    before: the first rule ... the last rule, the transforms -> validate (the write)
    after:  the transforms, the last rule ... the first rule

A rule governs a transition while the types of its states are those that the rule was made with. *Invalid*: they are
not on the way in, because another rule has changed the proposal; no hook runs. *Fizzled*: they are not on the way
out; `cleanup` runs in place of `after_transition`. What a rule itself proposes does not fizzle it.
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
from domain.text import storable

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
    """Why the proposal was not taken as it was, and after how many seconds it may be made again."""

    reason: str | None = None
    delay_seconds: float | None = None


NOTHING_SAID = ResponseDetails()


class FollowUp(NamedTuple):
    """A state that a rule proposes next, once the one before it is written."""

    state: State
    rule: str
    reason: str


@dataclass
class TransitionContext:
    """A transition on its way: what is, what is proposed, what was written, and what the rules have said.

    `parameters` is what rules are told and tell each other. `rule` is the one that spoke last, `error` what a
    `before_transition` raised. `rule_signature` lists the classes whose `before_transition` succeeded,
    `finalization_signature` those whose `after_transition` did.
    """

    initial_state: State | None = None
    proposed_state: State | None = None
    validated_state: State | None = None
    response_status: Response = Response.ACCEPT
    response_details: ResponseDetails = NOTHING_SAID
    rule: str | None = None
    error: Exception | None = None
    parameters: dict[str, Any] = field(default_factory=dict)
    consequences: list[FollowUp] = field(default_factory=list)
    rule_signature: list[str] = field(default_factory=list)
    finalization_signature: list[str] = field(default_factory=list)

    @property
    def outcome(self) -> RuleOutcome:
        """The rule that made a difference and its answer; PASSED where the rules accepted the proposal."""
        if self.response_status is Response.ACCEPT:
            return ACCEPTED
        reason, delay_seconds = self.response_details
        return RuleOutcome(self.rule, self.response_status, reason and storable(reason), delay_seconds)

    @property
    def types(self) -> tuple[str | None, str | None]:
        """The types of the initial and the proposed state."""
        return _type_of(self.initial_state), _type_of(self.proposed_state)

    def snapshot(self) -> Self:
        """A copy for a hook, whose states and parameters it may change without effect."""
        taken = copy(self)
        taken.initial_state = _copy_of(self.initial_state)
        taken.proposed_state = _copy_of(self.proposed_state)
        taken.validated_state = _copy_of(self.validated_state)
        taken.parameters = dict(self.parameters)
        return taken


class Rule:
    """What may replace, delay or refuse the way from one of FROM_STATES to one of TO_STATES.

    A rule is made for one transition. Its hooks get copies of the states and of the context, and act through the
    methods below. A `before_transition` that raises aborts the transition.
    """

    name: ClassVar[str] = ""
    """What the log calls it: its class's name, unless told."""

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
        """See to what follows from what was written."""

    def cleanup(self, initial_state: State | None, validated_state: State | None, context: TransitionContext) -> None:
        """Undo what `before_transition` did for a transition that became another."""

    def reject(self, state: State | None, reason: str) -> None:
        """Put another state in the place of the proposed one; None: stay in the current one.

        Raises NoCurrentState where there is none to stay in, AlreadyWritten after the write.
        """
        self._raise_if_written()
        if state is None and self.context.initial_state is None:
            raise NoCurrentState
        self._speak(state, Response.REJECT, reason)

    def delay(self, seconds: float, reason: str) -> None:
        """Write nothing and have the proposal made again after so many seconds; raises AlreadyWritten."""
        self._raise_if_written()
        self._speak(None, Response.WAIT, reason, seconds)

    def abort(self, reason: str) -> None:
        """Write nothing; raises AlreadyWritten."""
        self._raise_if_written()
        self._speak(None, Response.ABORT, reason)

    def rename(self, name: str) -> None:
        """Let the proposed state go by another name."""
        self.amend(name=name)

    def amend(self, **changes: Any) -> None:
        """Change the proposed state, but for its type; where nothing is proposed, nothing."""
        if self.context.proposed_state is not None:
            self.context.proposed_state = self.context.proposed_state.with_(**changes)

    def propose_next(self, state: State, reason: str) -> None:
        """Propose a further state, once this one is written."""
        self.context.consequences.append(FollowUp(state, self._called(), reason))

    def update_parameters(self, key: str, value: Any) -> None:
        """Tell the rules further in, and the caller."""
        self.context.parameters[key] = value

    def __enter__(self) -> Self:
        self._entered = self._is_about_these_types() and self._is_as_made()
        if self._entered:
            self._enter()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Asked again: what it has proposed itself may be outside TO_STATES.
        if not (self._entered and self._is_about_these_types()):
            return
        if self._is_as_made():
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
            # Not as if it had spoken: the proposal is withdrawn under it, so that it fizzles as others do.
            self.context.error = error
            self._answer(None, Response.ABORT, f"{self._called()} failed: {error!r}")
        else:
            self.context.rule_signature.append(type(self).__name__)

    def _speak(self, state: State | None, response: Response, reason: str, seconds: float | None = None) -> None:
        self._target = _type_of(state)
        self._answer(state, response, reason, seconds)

    def _answer(self, state: State | None, response: Response, reason: str, seconds: float | None = None) -> None:
        self.context.proposed_state = state
        self.context.response_status = response
        self.context.response_details = ResponseDetails(reason, seconds)
        self.context.rule = self._called()

    def _raise_if_written(self) -> None:
        if self.context.validated_state is not None:
            raise TooLateToChange

    def _is_about_these_types(self) -> bool:
        return self._source in self.FROM_STATES and self._target in self.TO_STATES

    def _is_as_made(self) -> bool:
        return self.context.types == (self._source, self._target)

    def _called(self) -> str:
        return self.name or type(self).__name__


class Transform:
    """Bookkeeping that goes with every transition; its hooks act on the context itself.

    `before_transition` always runs, and is not caught when it raises; `after_transition` runs unless a rule's
    `before_transition` raised.
    """

    def __init__(self, context: TransitionContext) -> None:
        self.context = context

    def before_transition(self, context: TransitionContext) -> None:
        """Prepare for the write."""

    def after_transition(self, context: TransitionContext) -> None:
        """See to what follows from the write."""

    def nullified_transition(self) -> bool:
        """Whether nothing is to be written."""
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
    """Take the proposal through the rules and transforms, and have `validate` write what they leave of it.

    A `before_transition` or a write that raises makes it an ABORT. Raises what other hooks raise, once the rules
    further out are done, and likewise a write's error that is a Contention.
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
