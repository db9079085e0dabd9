"""Check that an event is part of a sealed log, by its proof and by a root or a key that was kept outside."""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from domain.seals.merkle import follow_path, hash_leaf
from domain.seals.seal import NO_ROOT, SealStatement

FORMAT = 1

COLUMNS = ("position", "stream", "version", "name", "workflow_id", "recorded_at", "occurred_at", "entered_at")
"""What the content of an event begins with; its JSON and the hashes of ERASABLE follow."""

TIMES = COLUMNS[-3:]
EPOCH = datetime.fromtimestamp(0, UTC)

ERASABLE = ("actor", "reason", "rule_reason", "stdout", "stderr")
"""The fields of an event that may be erased, in the order of their salted hashes."""

ERASED = "erased"
"""What a field that was erased says."""

Hash = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Number = Annotated[int, Field(ge=0, lt=2**63)]


class Part(BaseModel):
    """A part of a proof, which has nothing else than its fields."""

    model_config = ConfigDict(strict=True, extra="forbid")


class ShownField(Part):
    """A field that may be erased: its JSON, and the salt of its hash."""

    value: str
    salt: Hash


class Link(Part):
    """A seal, with its signature where it has one."""

    number: Number
    first_position: Number
    last_position: Number
    events: Number
    merkle_root: Hash
    public_key: Hash | None = None
    signature: Annotated[str, Field(pattern=r"^[0-9a-f]{128}$")] | None = None

    def statement(self) -> SealStatement:
        """Return what the seal states."""
        root = bytes.fromhex(self.merkle_root)
        return SealStatement(self.number, self.first_position, self.last_position, self.events, root)


class Proof(Part):
    """The proof of one event: its content, its way to the root of its seal, and every seal from there on."""

    proof: Literal[1]
    position: Number
    content: str
    fields: dict[str, ShownField]
    index: Number
    leaves: Number
    path: list[Hash]
    before: Hash
    seals: Annotated[list[Link], Field(min_length=1)]


class Sealed(NamedTuple):
    """A root of the chain in a proof, and the seal that has it."""

    root: bytes
    link: Link


class ProofFailed(ValueError):
    """Raised with the reason why a proof does not hold."""


def check_proof(proof: Proof, trusts: Callable[[Sealed], bool]) -> dict[str, Any]:
    """Return the event of a proof that leads to a root which is trusted.

    Raises:
        ProofFailed: it does not; the message has the reason.
    """
    event = read_content(proof.position, proof.content, proof.fields)
    leaf = hash_leaf(proof.content.encode())
    found = follow_path(leaf, proof.index, proof.leaves, [bytes.fromhex(one) for one in proof.path])
    if found is None or found.hex() != proof.seals[0].merkle_root:
        raise ProofFailed(f"the event is not part of seal {proof.seals[0].number}")
    if not any(map(trusts, follow_seals(proof.before, proof.seals))):
        raise ProofFailed("its seals do not lead to the root or the key that was given")
    return event


def follow_seals(before: str, links: list[Link]) -> Iterator[Sealed]:
    """Yield the root after each seal."""
    root = bytes.fromhex(before) if before else NO_ROOT
    for link in links:
        root = link.statement().root_after(root)
        yield Sealed(root, link)


def read_content(position: int, text: str, shown: Mapping[str, ShownField]) -> dict[str, Any]:
    """Return the event as the log has it, after every shown field was compared with its salted hash.

    Raises:
        ProofFailed: the content is not that of an event at the position, or a field is not the one that was sealed.
    """
    content = _parse_json(text)
    if not (
        isinstance(content, list) and len(content) == len(COLUMNS) + 1 + len(ERASABLE)
        and content[0] == position and isinstance(content[len(COLUMNS)], dict)
    ):  # fmt: skip
        raise ProofFailed(f"its content is not that of an event at position {position}")
    hashes = dict(zip(ERASABLE, content[len(COLUMNS) + 1 :], strict=True))
    fields = {name: _read_field(name, hashed, shown.get(name)) for name, hashed in hashes.items() if hashed is not None}
    if shown.keys() - fields.keys():
        raise ProofFailed(f"it shows fields that the event does not have: {', '.join(shown.keys() - fields)}")
    exact = dict(zip(COLUMNS, _parse_json(text, Decimal), strict=False))
    return exact | {name: _read_time(exact[name]) for name in TIMES} | {"data": content[len(COLUMNS)] | fields}


def _read_time(seconds: object) -> object:
    """Return the time of seconds since 1970, or what stands in the place of one."""
    if not isinstance(seconds, Decimal):
        return seconds
    try:
        return (EPOCH + timedelta(microseconds=int(seconds * 1_000_000))).isoformat()
    except OverflowError:
        return str(seconds)


def _read_field(name: str, hashed: object, shown: ShownField | None) -> Any:
    if shown is None:
        return ERASED
    if hash_field(shown.value, bytes.fromhex(shown.salt)).hex() != hashed:
        raise ProofFailed(f"{name} is not what was sealed")
    return _parse_json(shown.value)


def hash_field(value: str, salt: bytes) -> bytes:
    """Return the salted hash of a field's JSON."""
    return hashlib.sha256(salt + value.encode()).digest()


def _parse_json(text: str, parse_float: Callable[[str], Any] = float) -> Any:
    try:
        return json.loads(text, parse_float=parse_float)
    except (ValueError, RecursionError) as error:
        raise ProofFailed("its content is not JSON") from error
