"""Check that the sealed log has every event of a case, without the database, against a root or a key that was kept."""

from itertools import islice
from pathlib import Path
from typing import Any, TypedDict

from pydantic import ValidationError

from application.cases.case_file import CaseFile, CaseLine
from application.seals.check_proof_file import is_trusted
from application.seals.verify_seals import Trust
from domain.seals.case_proof import CaseChecker, CaseProof, SealedLine
from domain.seals.proof import COLUMNS, ERASABLE, ERASED, TIMES, ProofFailed
from domain.time import read_iso

MAGIC = b"\x28\xb5\x2f\xfd"
"""What a case file begins with, as everything does that Zstandard has compressed."""


class CheckedCase(TypedDict):
    """Whether the sealed log has every event of a case, their number, and why it is not proven."""

    valid: bool
    workflow: str
    events: int
    why: str | None


def is_case(path: Path) -> bool:
    """Return whether a file looks like a case."""
    try:
        with path.open("rb") as stream:
            return stream.read(len(MAGIC)) == MAGIC
    except OSError:
        return False


def check_case(path: Path, trust: Trust) -> CheckedCase:
    """Return whether every event of a case is one of the log that a trusted root or key seals.

    It does not prove that the case has every event of its workflow.

    Raises:
        InvalidCase: the file is not a case, or was changed after it was bundled.
        UnsupportedCaseFormat: a later version of Sojourn bundled it.
    """
    with path.open("rb") as stream:
        case = CaseFile(path, stream)
        try:
            _check_events(case, trust)
            why = None
        except ProofFailed as error:
            why = str(error)
    return {"valid": why is None, "workflow": case.header["workflow"], "events": case.header["events"], "why": why}


def _check_events(case: CaseFile, trust: Trust) -> None:
    checker = CaseChecker(_read_proof(case.header))
    lines = case.lines()
    for line in islice(lines, case.header["events"]):
        _check_event(checker, line)
    for _ in lines:
        pass  # the leases: the log has no events of them, but the file must be whole
    checker.finish(lambda sealed: is_trusted(sealed, trust))


def _read_proof(header: CaseLine) -> CaseProof:
    if "proof" not in header:
        raise ProofFailed(
            "it has no proof, because no event of it was sealed; run `sojourn seal` before `sojourn bundle`"
        )
    try:
        return CaseProof.model_validate(header["proof"])
    except ValidationError as error:
        raise ProofFailed("its proof is not as it must be") from error


def _check_event(checker: CaseChecker, line: CaseLine) -> None:
    position = line.get("position")
    if "sealed" not in line:
        raise ProofFailed(f"its event at position {position} was not sealed yet")
    try:
        sealed = SealedLine.model_validate(line["sealed"])
    except ValidationError as error:
        raise ProofFailed(f"the proof of its event at position {position} is not as it must be") from error
    if not isinstance(position, int) or not _is_same(line, checker.read(position, sealed)):
        raise ProofFailed(f"its event at position {position} is not the one that was sealed")


def _is_same(line: CaseLine, event: dict[str, Any]) -> bool:
    data = line.get("data")
    return (
        all(_read(name, line.get(name)) == _read(name, event[name]) for name in COLUMNS)
        and isinstance(data, dict)
        and data.keys() == event["data"].keys()
        and all(_is_same_field(name, value, event["data"][name]) for name, value in data.items())
    )


def _read(name: str, value: Any) -> Any:
    try:
        return read_iso(value) if name in TIMES and isinstance(value, str) else value
    except ValueError:
        return value


def _is_same_field(name: str, value: Any, sealed: Any) -> bool:
    """Return whether a field is the sealed one; of one that was erased only that is known."""
    if name in ERASABLE and sealed == ERASED:
        return value in (ERASED, {"component": ERASED})
    return bool(value == sealed)
