"""Who may connect to the embedded server: the user that it runs as and root, under any role, and nobody else.

The files are written at each start, so that data that an older version made, which let every local user in, is safe
from the next start on.
"""

import os
from pathlib import Path

from infrastructure.database.server_account import ServerAccount

HBA = """\
# Sojourn writes this file. The operating system states who connects; pg_ident.conf lists who may.
local all         all peer map=sojourn
local replication all peer map=sojourn
"""
IDENT = "# Sojourn writes this file. These users of the operating system may connect as any role.\n"


def is_restricted(data: Path, account: ServerAccount) -> bool:
    """Return whether the files of a data folder let in nobody but its user and root."""
    return all(_read(data / name) == text for name, text in _files(account).items())


def restrict_access(data: Path, account: ServerAccount) -> None:
    """Write the files of a data folder so that they let in nobody but its user and root."""
    for name, text in _files(account).items():
        new = data / f"{name}.new"
        new.unlink(missing_ok=True)
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(text)
            os.fchown(file.fileno(), account.uid, account.gid)
        new.replace(data / name)


def _files(account: ServerAccount) -> dict[str, str]:
    names = dict.fromkeys((account.name, ServerAccount.of(0).name))
    return {"pg_hba.conf": HBA, "pg_ident.conf": IDENT + "".join(f'sojourn "{name}" all\n' for name in names)}


def _read(path: Path) -> str | None:
    try:
        return path.read_text()
    except OSError:
        return None
