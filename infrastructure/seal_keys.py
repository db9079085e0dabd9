"""Ed25519 keys of seals: the private one that signs, and the public one that was kept outside."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from domain.errors import SojournError
from domain.seals.seal import signed_text
from infrastructure.extras import require_extra

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

RAW = re.compile(r"[0-9a-fA-F]{64}")
"""A public key in hexadecimal digits."""


class InvalidSealKey(SojournError):
    """Raised when a key is not an Ed25519 key: a PEM file, or the 64 hexadecimal digits of a public key.

    Fix: name another file, or make a key with `openssl genpkey -algorithm ed25519`.
    """

    def __init__(self, key: object, expected: str) -> None:
        self.key = key
        super().__init__(f"{str(key)!r} is not {expected}; make one with `openssl genpkey -algorithm ed25519`")


class SigningKey:
    """A private key that signs the roots of seals."""

    def __init__(self, key: "Ed25519PrivateKey") -> None:
        self._key = key
        self.public_key: bytes = key.public_key().public_bytes_raw()

    def sign(self, root: bytes) -> bytes:
        """Return the signature of a root."""
        return self._key.sign(signed_text(root))


def read_signing_key(path: Path | None) -> SigningKey | None:
    """Return the private key in a PEM file, or None without one.

    Raises:
        MissingExtra: the packages that sign are not installed.
        InvalidSealKey: the file is not an unencrypted Ed25519 private key, or cannot be read.
    """
    if path is None:
        return None
    require_extra("seal", "signing a seal")
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415 - of an extra
    from cryptography.hazmat.primitives.serialization import load_pem_private_key  # noqa: PLC0415 - of an extra

    key = _load(path, lambda pem: load_pem_private_key(pem, password=None))
    if not isinstance(key, Ed25519PrivateKey):
        raise InvalidSealKey(path, "an unencrypted Ed25519 private key in PEM")
    return SigningKey(key)


def read_public_key(text: str) -> bytes:
    """Return a public key that is in a PEM file, or is given as 64 hexadecimal digits.

    Raises:
        MissingExtra: the packages that check signatures are not installed.
        InvalidSealKey: it is neither.
    """
    require_extra("seal", "checking a signature")
    if RAW.fullmatch(text):
        return bytes.fromhex(text)
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey  # noqa: PLC0415 - of an extra
    from cryptography.hazmat.primitives.serialization import load_pem_public_key  # noqa: PLC0415 - of an extra

    key = _load(Path(text), load_pem_public_key)
    if not isinstance(key, Ed25519PublicKey):
        raise InvalidSealKey(text, "an Ed25519 public key: a PEM file, or 64 hexadecimal digits")
    return key.public_bytes_raw()


def is_signed(root: bytes, signature: bytes, public_key: bytes) -> bool:
    """Return whether a signature of a root is that of a public key, for which the extra is installed."""
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415 - of an extra
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey  # noqa: PLC0415 - of an extra

    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, signed_text(root))
    except (InvalidSignature, ValueError):
        return False
    return True


def _load(path: Path, load: Any) -> Any:
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415 - of an extra

    try:
        return load(path.read_bytes())
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm):
        return None
