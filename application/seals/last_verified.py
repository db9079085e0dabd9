"""The last seal of each log that was verified, recorded in the home folder of the user who verifies.

The database does not have it, because a person who can change the log could change the record as well.
"""

import json
from pathlib import Path

from application.shared.log_identity import read_log_id
from application.shared.output_file import OutputNotWritable, output_file
from application.shared.store import Store
from domain.errors import SojournError


class NothingVerified(SojournError):
    """Raised when no verified seal of a log is recorded, so that it is not known where to go on.

    Fix: run `sojourn verify` once, or name the root of the last seal that was verified.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        super().__init__(
            f"no verified seal of this log is recorded in {str(path)!r}; run `sojourn verify` once without "
            "--since-seal, or name the root of the last verified seal with --root"
        )


def read_last_verified(store: Store, home: Path) -> bytes:
    """Return the root of the last seal of a log that was verified, as a home folder has it.

    Raises:
        NothingVerified: none is recorded, or the record cannot be read.
    """
    path = _find_record(store, home)
    try:
        root = bytes.fromhex(json.loads(path.read_bytes())["root"])
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise NothingVerified(path) from error
    return root


def record_verified(store: Store, home: Path, root: str, position: int) -> None:
    """Record the root of a seal up to which a log was verified, and the seal's last position for people.

    Raises:
        OutputNotWritable: the record cannot be written.
    """
    path = _find_record(store, home)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise OutputNotWritable(path, error) from error
    with output_file(path) as stream:
        stream.write(json.dumps({"root": root, "position": position}).encode() + b"\n")


def _find_record(store: Store, home: Path) -> Path:
    with store.session() as connection:
        return home / "verified" / f"{read_log_id(connection)}.json"
