"""Sentences on pages: their times are elements, and each entity or event that they name is a link."""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from markupsafe import Markup

from domain.printable import printable
from interfaces.page.question import Question
from interfaces.wording.values import UTC_TIME

END = r"(?=[,;:.)]*(?:\s|$))"
"""What follows a name: the end of a word, with or without a punctuation mark."""

NAME = rf"(?:task|ti|array|runner):\S*?[^\s,;:.)]{END}"
EVENT = r"\bevent (?P<position>\d+)\b"


def mark_sentence(
    sentence: str,
    question: Question | None = None,
    known: Iterable[str] = (),
    events: Mapping[int, str] | None = None,
) -> Markup:
    """Return a sentence with its times as elements, so that they are in one zone with all others of the page.

    With a question, entities are links: those of `known`, whose ids may contain blanks, and what looks like one.
    `events` has the entities of the events that a sentence may name by their positions.
    """
    parts, after = [], 0
    for found in _pattern(known if question else (), is_linked=question is not None).finditer(sentence):
        parts += [printable(sentence[after : found.start()]), _mark(found, question, events or {})]
        after = found.end()
    return Markup("").join([*parts, printable(sentence[after:])])


def format_utc(time: datetime) -> str:
    """Return a time in UTC to the second: scripts write it in the viewer's zone."""
    return f"{time.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def mark_utc(shown: str) -> Markup:
    """Return a time whose zone is hidden where scripts run, because they write it in the viewer's zone."""
    return Markup('{}<span class="utc"> UTC</span>').format(shown.removesuffix(" UTC"))


def _pattern(known: Iterable[str], *, is_linked: bool) -> re.Pattern[str]:
    names = [re.escape(name) + END for name in sorted(known, key=len, reverse=True)]
    linked = [f"(?P<name>{'|'.join([*names, NAME])})", EVENT] if is_linked else []
    return re.compile("|".join([f"(?P<time>{UTC_TIME.pattern})", *linked]))


def _mark(found: re.Match[str], question: Question | None, events: Mapping[int, str]) -> Markup | str:
    parts = found.groupdict()
    if parts["time"]:
        shown = format_utc(datetime.fromisoformat(parts["time"]))
        return Markup('<time datetime="{0}" title="{1}">{2}</time>').format(parts["time"], shown, mark_utc(shown))
    assert question is not None
    if parts["name"]:
        return _link(question.link_to(parts["name"]), found[0])
    entity = events.get(int(parts["position"]))
    return _link(f"{question.link_to(entity)}#event-{parts['position']}", found[0]) if entity else found[0]


def _link(address: str, text: str) -> Markup:
    return Markup('<a class="id" href="{}">{}</a>').format(address, printable(text))
