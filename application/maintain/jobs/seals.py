"""Keep the log sealed: once enough events are complete, or the last seal is old."""

from collections.abc import Callable

from application.seals.seal_log import is_due, seal_log
from application.shared.store import Store
from infrastructure.database.settings import Settings
from infrastructure.seal_keys import read_signing_key

HOUR = 3600.0


def keep_sealed(store: Store, on_step: Callable[[str], None], seconds: float = HOUR) -> int:
    """Seal the log if that is due after `seconds`, and return the position up to which it is sealed.

    Raises:
        LockTimeout: another process seals, and does not end.
        InvalidSealKey: SOJOURN_SEAL_KEY is not a private key.
    """
    due, sealed_to = is_due(store, seconds)
    if not due:
        return sealed_to
    key = read_signing_key(Settings().seal_key)
    return seal_log(store, key, lambda reached, _: on_step(f"sealed up to position {reached:,}"))["sealed_to"]


def seal_now(store: Store, on_step: Callable[[str], None]) -> int:
    """Seal what is complete without waiting for more, and return what `keep_sealed` does."""
    return keep_sealed(store, on_step, 0)
