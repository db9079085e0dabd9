"""The templates of pages: text is escaped, and what does not show itself is written as an escape."""

import hashlib
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from shlex import quote
from typing import Any
from urllib.parse import urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from pydantic_core import to_json

from domain.printable import printable, printable_json
from interfaces.page.sentences import format_utc, mark_sentence, mark_utc
from interfaces.wording.values import format_change, format_duration, format_p_value, format_share

ASSETS = Path(__file__).with_name("assets")
IMPORT = re.compile(r'from "\./([a-z]+\.js)"')
TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}


@cache
def environment() -> Environment:
    """Return the environment of all templates."""
    made = Environment(
        loader=PackageLoader(__name__.rpartition(".")[0], "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
        finalize=_escape_controls,
    )
    made.globals |= {"asset": asset_address, "modules": list_modules}
    made.filters |= {
        "change": format_change,
        "duration": format_duration_or_none,
        "iso": format_iso,
        "json": format_document,
        "number": "{:,}".format,
        "p_value": format_p_value,
        "quote": quote,
        "query": format_query,
        "sentence": mark_sentence,
        "share": format_share,
        "utc": format_utc,
        "without_zone": mark_utc,
    }
    return made


def load_templates() -> None:
    """Compile every template, so that the first page does not wait for it."""
    for name in environment().list_templates():
        environment().get_template(name)


def render(template: str, /, **values: Any) -> str:
    """Return the page of a template."""
    return environment().get_template(template).render(**values)


def format_iso(time: datetime) -> str:
    """Return a time in UTC as programs read it, to the microsecond."""
    return time.astimezone(UTC).isoformat().replace("+00:00", "Z")


def format_duration_or_none(seconds: float | None) -> str:
    """Return a duration in words, or a dash for one that is not known."""
    return "\u2013" if seconds is None else format_duration(seconds)


def format_query(values: Mapping[str, str | None]) -> str:
    """Return a query of the values that are there."""
    return urlencode({name: value for name, value in values.items() if value})


def format_document(value: Any) -> str:
    """Return a value as JSON in lines."""
    return printable_json(to_json(value, indent=2).decode())


@cache
def asset_address(name: str) -> str:
    """Return the address of an asset, with a mark of its content, so that browsers keep it until it changes."""
    return f"/static/{name}?v={hashlib.sha256(read_asset(name)).hexdigest()[:12]}"


@cache
def read_asset(name: str) -> bytes:
    """Return an asset; a module imports others by their marked addresses, so that browsers keep these too."""
    text = (ASSETS / name).read_text("utf-8")
    return IMPORT.sub(lambda found: f'from "{asset_address(found[1])}"', text).encode()


@cache
def list_modules(name: str) -> list[str]:
    """Return the modules that a module imports, at any depth: a page names them, so that none waits for another."""
    found = IMPORT.findall((ASSETS / name).read_text("utf-8"))
    return list(dict.fromkeys(one for direct in found for one in (direct, *list_modules(direct))))


def _escape_controls(value: Any) -> Any:
    """Return text with escapes for control and bidi characters; what macros have drawn is markup, and stays."""
    return printable(value) if isinstance(value, str) and not isinstance(value, Markup) else value
