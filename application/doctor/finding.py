"""What a check has found."""

from typing import TypedDict


class Finding(TypedDict):
    """A check, whether all is well, what was found, and what to do.

    `value` is None where it cannot be known. `advice` may be there although all is well.
    """

    check: str
    ok: bool
    value: str | None
    advice: str | None


def well(check: str, value: str | None, advice: str | None = None) -> Finding:
    """Return a finding about which nothing must be done."""
    return {"check": check, "ok": True, "value": value, "advice": advice}


def wrong(check: str, value: str | None, advice: str) -> Finding:
    """Return a finding about which something must be done."""
    return {"check": check, "ok": False, "value": value, "advice": advice}
