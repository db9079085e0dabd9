"""DSNs: checked before use, completed with time-outs, and never printed with a password.

libpq quotes what it cannot read, so a password with an unescaped sign would be printed as a host or an option. A DSN is
therefore checked here first, and no word of an unreadable one is repeated.
"""

import os
import re

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from infrastructure.errors import UnreadableDsn

TIMEOUTS = {
    "connect_timeout": "10",
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
    "tcp_user_timeout": "30000",
}
"""Time-outs unless the DSN names others, because a network that vanished would otherwise be waited for for hours."""

EXPLAINED = {
    'missing "="': "a part of it has no =",
    "missing key/value separator": "a part of it has no =",
    "invalid connection option": "it has an option that PostgreSQL does not have",
    "invalid URI query parameter": "it has an option that PostgreSQL does not have",
    "invalid percent-encoded": "a % is not followed by two hexadecimal digits",
    "forbidden value %00": "it has a NUL",
    "unterminated quoted string": "a quote is not closed",
}
"""What the beginnings of libpq's messages mean; the messages themselves quote the DSN."""

ESCAPE = "write @ : / ? # % and spaces of a password as %40 %3A %2F %3F %23 %25 %20"
NOT_A_NAME = re.compile(r"://|.:.*@|\b(pass(word|wd)?|pwd)\s*=", re.IGNORECASE)
"""What no host, user or database has in its name, so that a password has got into it."""

NOT_A_HOST = re.compile(r"[^/].*[@;]")
"""What no host has, unless it is the folder of a socket."""

PASSWORDS = frozenset({"password", "sslpassword"})
"""The options that are secret."""


def complete_dsn(dsn: str) -> str:
    """Return a DSN with time-outs for what it does not name.

    Raises:
        UnreadableDsn: it cannot be read.
    """
    named = _read(dsn)
    missing = {name: value for name, value in TIMEOUTS.items() if name not in named}
    if os.environ.get("PGCONNECT_TIMEOUT"):
        missing.pop("connect_timeout", None)
    return make_conninfo(dsn, **missing)


def without_password(dsn: str) -> str:
    """Return a DSN without its passwords, so that it can be printed."""
    return make_conninfo("", **{name: value for name, value in _read(dsn).items() if name not in PASSWORDS})


def _read(dsn: str) -> dict[str, str]:
    why = None
    try:
        named = {name: str(value) for name, value in conninfo_to_dict(dsn).items() if value is not None}
    except (psycopg.Error, ValueError) as error:
        why = _explain(str(error))
    # Raised outside of the clause: the error above quotes the DSN, and would be printed as the context of this one.
    why = why or _find_misplaced(dsn, named)
    if why:
        raise UnreadableDsn(why)
    return named


def _explain(message: str) -> str:
    meanings = [meaning for beginning, meaning in EXPLAINED.items() if message.startswith(beginning)]
    return f"{meanings[0]}; {ESCAPE}" if meanings else "it is neither a URI nor a list of key=value"


def _find_misplaced(dsn: str, named: dict[str, str]) -> str | None:
    """Return why a part of a password would count as something else, or None."""
    if not all(port.isdigit() for port in named.get("port", "").split(",") if port):
        return f"its port is not a number; {ESCAPE}"
    names = [named.get(name, "") for name in ("user", "host", "hostaddr", "dbname")]
    if any(NOT_A_NAME.search(name) for name in names) or any(map(NOT_A_HOST.match, named.get("host", "").split(","))):
        return f"a name in it has signs of a password; {ESCAPE}"
    address, is_uri = dsn.partition("?")[0].partition("://")[2], re.match("postgres(ql)?://", dsn)
    if is_uri and "@" in address.partition("@")[2] + address.partition("/")[2]:
        return f"it has more than one @; {ESCAPE}"
    return None
