r"""Text from others as a terminal can show it: a character that would act on the terminal becomes an escape.

Ids, reasons and actors may contain anything but NUL. Printed as they are, ESC and C1 clear the screen, line ends forge
rows, and bidi controls reorder what stands around them. What counts as printable is Unicode's definition in
`str.isprintable`; a joiner between two emoji is escaped as well, because the same character hides in plain names.
"""

import json


def printable(text: str) -> str:
    r"""Return `text` with an escape for every character that does not show itself: `\x1b`, `\n`, `\u202e`."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def short_repr(value: object, longest: int = 80) -> str:
    """Return a value as Python writes it, cut if it is long, for a sentence about what was given."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # repr refuses a number of thousands of digits, and what contains itself
        text = f"<a {type(value).__name__} that is too large to be shown>"
    return text if len(text) <= longest else f"{text[: longest - 3]}..."


def printable_lines(text: str) -> str:
    """Return `text` with its line ends as they are, and every other character printable."""
    return "\n".join(map(printable, text.split("\n")))


def printable_json(document: str, *, only_ascii: bool = False) -> str:
    r"""Return a JSON document with `\u` escapes for characters that do not show themselves, so it means the same.

    With `only_ascii`, every character outside ASCII is escaped, for streams that cannot encode it.
    """

    def is_shown(text: str) -> bool:
        return text.isprintable() and (text.isascii() or not only_ascii)

    def escape(line: str) -> str:
        return "".join(char if is_shown(char) else json.dumps(char)[1:-1] for char in line)

    return "\n".join(line if is_shown(line) else escape(line) for line in document.split("\n"))
