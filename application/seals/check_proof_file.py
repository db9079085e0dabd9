"""Check a proof without the database, against a root or a public key that was kept outside."""

import re
from pathlib import Path
from typing import Any, TypedDict

from pydantic import ValidationError

from application.seals.verify_seals import Trust
from domain.errors import SojournError
from domain.seals.proof import Proof, ProofFailed, Sealed, check_proof
from infrastructure.seal_keys import is_signed, read_public_key

MAX_BYTES = 2**28
"""The largest size of a proof: it has every seal from its own on."""

ROOT = re.compile(r"[0-9a-fA-F]{64}")


class InvalidRoot(SojournError):
    """Raised when a root is not one: the 64 hexadecimal digits that `sojourn seal` prints.

    Fix: give the root as it was printed.
    """

    def __init__(self, root: str) -> None:
        self.root = root
        super().__init__(f"root {root[:100]!r} is not 64 hexadecimal digits; give it as `sojourn seal` printed it")


class InvalidProof(SojournError):
    """Raised when a file is not a proof.

    Fix: write the proof again with `sojourn prove`.
    """

    def __init__(self, path: Path, why: str) -> None:
        self.path = path
        super().__init__(f"{str(path)!r} is not a proof: {why}; write it again with `sojourn prove`")


class CheckedProof(TypedDict):
    """Whether a proof holds, the event that it proves, and why it does not hold."""

    valid: bool
    event: dict[str, Any] | None
    why: str | None


def trust_in(root: str | None = None, key: str | None = None) -> Trust:
    """Return what was kept outside: a root, or a public key as a PEM file or in hexadecimal digits.

    Raises:
        InvalidRoot: the root is not one.
        InvalidSealKey: the key is not one.
        MissingExtra: the packages that check signatures are not installed.
    """
    if root is not None and not ROOT.fullmatch(root):
        raise InvalidRoot(root)
    return Trust(bytes.fromhex(root) if root else None, read_public_key(key) if key else None)


def check_proof_file(path: Path, trust: Trust) -> CheckedProof:
    """Return whether the proof in a file leads to what is trusted, with its event.

    Raises:
        InvalidProof: the file is not a proof, or cannot be read.
    """
    proof = _read_proof(path)
    try:
        return {"valid": True, "event": check_proof(proof, lambda sealed: is_trusted(sealed, trust)), "why": None}
    except ProofFailed as error:
        return {"valid": False, "event": None, "why": str(error)}


def is_trusted(sealed: Sealed, trust: Trust) -> bool:
    """Return whether a root was kept outside, or is signed by the key that was."""
    if sealed.root == trust.root:
        return True
    signature = sealed.link.signature
    if trust.public_key is None or signature is None:
        return False
    return is_signed(sealed.root, bytes.fromhex(signature), trust.public_key)


def _read_proof(path: Path) -> Proof:
    try:
        with path.open("rb") as file:
            text = file.read(MAX_BYTES)
        return Proof.model_validate_json(text)
    except OSError as error:
        raise InvalidProof(path, str(error.strerror)) from error
    except ValidationError as error:
        problem = error.errors()[0]
        where = ".".join(map(str, problem["loc"])) or "the file"
        raise InvalidProof(path, f"{where} is not as it must be") from error
