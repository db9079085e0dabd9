"""Connections are opened in one place, which sets what statements rely on."""

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
PACKAGES = ("application", "domain", "infrastructure", "interfaces", "projections", "sojourn")
OPENING = re.compile(r"psycopg\.connect\(|Connection\.connect\(|ConnectionPool\(")

PLACES = {
    "infrastructure/database/connect.py": "opens and configures them",
    "infrastructure/database/pool.py": "hands the pool what configures them",
    "infrastructure/database/embedded.py": "reads the version of a server, and runs no statement",
}


def test_they_are_opened_in_one_place() -> None:
    files = (file for package in PACKAGES for file in (ROOT / package).rglob("*.py"))
    opening = {str(file.relative_to(ROOT)) for file in files if OPENING.search(file.read_text("utf-8"))}

    assert opening == PLACES.keys()
