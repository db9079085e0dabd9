"""A console that shows text from others as it is, whatever characters it contains."""

from typing import Any

from rich.console import Console
from rich.text import Text

from domain.printable import printable


class EscapingConsole(Console):
    """A console that escapes what would act on the terminal, in every string that it prints, measures or tabulates.

    Line ends are escaped too, so print several lines as several arguments with `sep="\\n"`.
    """

    def render_str(self, text: str, **options: Any) -> Text:
        """Return the text of a string, which Rich asks for before it measures or prints one."""
        return super().render_str(printable(text), **options)

    def on_broken_pipe(self) -> None:
        """Let the error through, because Rich would exit with status 1, which means that something is wrong."""
        raise  # noqa: PLE0704 - Rich calls this while it handles the error
