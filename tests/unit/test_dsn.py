"""DSNs: no part of a password is ever printed, whatever is wrong with them."""

import logging
import traceback

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from psycopg.conninfo import conninfo_to_dict

from domain.password import hide_passwords
from infrastructure.database.dsn import TIMEOUTS, complete_dsn, without_password
from infrastructure.database.pool import Database
from infrastructure.database.settings import Settings
from infrastructure.errors import DatabaseUnreachable, UnreadableDsn
from sojourn.bench.scratch import Scratch
from tests.support.examples import examples

pytestmark = pytest.mark.security

PART = "S3cretPart"
"""What every part of a password begins with, so that no part can be printed unnoticed."""

FORMS = (
    "postgresql://u:{}@127.0.0.1:1/d",
    "postgres://u:{}@127.0.0.1:1/d",
    "postgresql://u:{}@127.0.0.1:1/d?connect_timeout=2",
    "postgresql://127.0.0.1:1/d?user=u&password={}",
    "postgresql://u:{}@[::1]:1/d",
    "postgresql://u:{}@",
    "postgresql://:{}@127.0.0.1:1",
    " postgresql://u:{}@127.0.0.1:1/d",
    "'postgresql://u:{}@127.0.0.1:1/d'",
    "postgresql:/u:{}@127.0.0.1:1/d",
    "postgre://u:{}@127.0.0.1:1/d",
    "http://u:{}@127.0.0.1:1/d",
    "u:{}@127.0.0.1:1/d",
    "dbname=postgresql://u:{}@127.0.0.1:1/d host=127.0.0.1 port=1",
    "host=127.0.0.1 port=1 password={} dbname=d",
    "host=127.0.0.1 port=1 password='{}' dbname=d",
    'host=127.0.0.1 port=1 password="{}" dbname=d',
    "host=127.0.0.1 port=1 passwd={} dbname=d",
    "password={}",
    "host=127.0.0.1;port=1;password={}",
    "host=127.0.0.1,password={} port=1",
    "Server=127.0.0.1;Port=1;Password={};",
    "host=127.0.0.1 port=1 user=u:{}@x dbname=d",
    "host=127.0.0.1 port=1 password = {} dbname = d",
    "host=127.0.0.1 port=1 dbname=d;password={}",
)
"""DSNs of every form, right and wrong ones, in which a password is put in as it is. Nothing listens on port 1."""

SIGNS = "@:/?#%&=+ '\"\\;,[]{}$~ä\x00\n\t\udcff"
parts = st.text("abc12", max_size=3).map(lambda text: PART + text)
passwords = st.builds("".join, st.lists(st.one_of(parts, st.text(SIGNS, max_size=2)), min_size=1, max_size=4)).map(
    lambda text: PART + text
)


def said_about(dsn: str) -> str:
    """Return everything that Sojourn says while it tries to connect, with the error's whole trace and its context."""
    with pytest.raises(DatabaseUnreachable) as raised:
        Database.reach(dsn, wait_seconds=0.1)
    error = raised.value
    trace = "".join(traceback.format_exception(error))
    return " ".join([str(error), repr(error), repr(error.args), trace, repr(error.__context__), repr(error.__cause__)])


@examples(quick=300, long=2000)
@given(form=st.sampled_from(FORMS), password=passwords)
@example("postgresql://u:{}@127.0.0.1:1/d", f"{PART}@{PART}")
@example("postgresql://u:{}@127.0.0.1:1/d", f"{PART}/{PART}")
@example("postgresql://u:{}@127.0.0.1:1/d", f"{PART}?{PART}")
@example("postgresql://u:{}@127.0.0.1:1/d", f"{PART}?host={PART}")
@example("postgresql://u:{}@127.0.0.1:1/d", f"{PART}%zz")
@example("password={}", f"{PART} {PART}")
@example("password={}", f"{PART} user={PART}")
def test_no_part_of_a_password_is_printed(caplog: pytest.LogCaptureFixture, form: str, password: str) -> None:
    caplog.set_level(logging.DEBUG)
    caplog.clear()

    said = said_about(form.format(password))

    assert PART not in said
    assert PART not in caplog.text


@pytest.mark.parametrize(
    ("dsn", "why"),
    [
        ("postgresql://u:p@q@h/d", "a name in it has signs of a password"),
        ("postgresql://u:p/q@h/d", "port is not a number"),
        ("postgresql://u:1/q@h/d", "more than one @"),
        ("postgresql://h/d?p", "has no ="),
        ("postgresql://u:p%zz@h/d", "% is not followed by two hexadecimal digits"),
        ("postgresql://u:p@h:port/d", "port is not a number"),
        ("host=h password='p", "a quote is not closed"),
        ("host=h password=p q", "has no ="),
        ("host=h passwd=p", "an option that PostgreSQL does not have"),
        ("host=h;password=p", "a name in it has signs of a password"),
        ("dbname=postgresql://u:p@h/d", "a name in it has signs of a password"),
        ("host=h user=\udcff", "neither a URI nor a list"),
    ],
)
def test_an_unreadable_one_says_what_to_look_for(dsn: str, why: str) -> None:
    with pytest.raises(UnreadableDsn, match=why):
        complete_dsn(dsn)


@pytest.mark.parametrize(
    "dsn",
    [
        "",
        "postgresql://",
        "postgresql:///d?host=/var/run/a@b;c",
        "postgresql://u@h1:5432,h2:5433/d?target_session_attrs=read-write",
        "postgresql://u:a%40b%2Fc%3Fd@h/d",
        "postgresql://me%40company@h/d?password=a@b",
        "host=h1,h2 port=1,2 user=me@company password='a b@c:d'",
        "host=@abstract dbname=d",
        "service=s",
    ],
)
def test_readable_ones_are_taken(dsn: str) -> None:
    assert conninfo_to_dict(complete_dsn(dsn)) == {**TIMEOUTS, **conninfo_to_dict(dsn)}


def test_what_a_dsn_names_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    named = conninfo_to_dict(complete_dsn("postgresql://h/d?connect_timeout=3&tcp_user_timeout=0"))
    assert (named["connect_timeout"], named["tcp_user_timeout"]) == ("3", "0")

    monkeypatch.setenv("PGCONNECT_TIMEOUT", "7")
    assert "connect_timeout" not in conninfo_to_dict(complete_dsn("postgresql://h/d"))


def test_one_without_its_password_has_everything_else() -> None:
    assert conninfo_to_dict(without_password("postgresql://u:p@h:1/d?sslpassword=q&sslmode=require")) == {
        "user": "u", "host": "h", "port": "1", "dbname": "d", "sslmode": "require",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("no command 'postgresql://u:p w@h/d'; did you mean", "no command 'postgresql:/***"),
        ("got PASSWORD = p w\nnext line", "got PASSWORD =***\nnext line"),
        ("no task 'a'; did you mean 'b'?", "no task 'a'; did you mean 'b'?"),
        ("password authentication failed", "password authentication failed"),
    ],
)
def test_a_password_in_a_wrong_place_is_hidden(text: str, hidden: str) -> None:
    assert hide_passwords(text) == hidden


def test_objects_do_not_show_their_dsn(monkeypatch: pytest.MonkeyPatch) -> None:
    dsn = f"postgresql://u:{PART}@127.0.0.1:1/d"
    monkeypatch.setenv("SOJOURN_DSN", dsn)
    for shown in (Database(dsn), Settings(), Scratch(dsn, None)):  # type: ignore[arg-type]
        assert PART not in repr(shown) + str(shown)
