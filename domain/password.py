"""Passwords: never printed, wherever they were written by mistake."""

import re

SECRET = re.compile(r"(postgres\w*:/|\b(?:pass(?:word|wd)?|pwd)\s*=).*", re.IGNORECASE)
"""The beginning of a DSN or of a password, and the rest of its line: a space in a password does not end it."""


def hide_passwords(text: str) -> str:
    """Return a text of one or more lines without what follows the beginning of a DSN or of a password in its line."""
    return SECRET.sub(r"\1***", text)
