"""How a command presents its answer to people: `--wide` and `--no-pager`."""

from contextvars import ContextVar
from functools import cache
from typing import Annotated, Any, NamedTuple

import typer
from typer.core import TyperCommand

Wide = Annotated[bool, typer.Option("--wide", help="Print full values, however wide the terminal is.")]
NoPager = Annotated[bool, typer.Option("--no-pager", help="Print to the terminal without a pager.")]


class Presentation(NamedTuple):
    """What the options of the running command ask for; a command without them has no pager."""

    wide: bool = False
    paged: bool = False


_PRESENTATION: ContextVar[Presentation | None] = ContextVar("presentation", default=None)


def is_wide() -> bool:
    """Return whether tables have full values, however wide the terminal is."""
    return (_PRESENTATION.get() or Presentation()).wide


def is_paged() -> bool:
    """Return whether an answer that does not fit the terminal goes to a pager."""
    return (_PRESENTATION.get() or Presentation()).paged


class Listing(TyperCommand):
    """A command that prints tables, which has the options `--wide` and `--no-pager`."""

    def __init__(self, *args: Any, params: Any = None, **options: Any) -> None:
        super().__init__(*args, params=[*(params or ()), *_options()], **options)

    def invoke(self, ctx: Any) -> Any:
        """Run the command as its options ask for."""
        wide, no_pager = ctx.params.pop("wide"), ctx.params.pop("no_pager")
        token = _PRESENTATION.set(Presentation(wide, not no_pager))
        try:
            return super().invoke(ctx)
        finally:
            _PRESENTATION.reset(token)


@cache
def _options() -> list[Any]:
    """Return the two options as Typer makes them, which is different in each of its versions."""
    app = typer.Typer(add_completion=False)

    @app.command()
    def present(wide: Wide = False, no_pager: NoPager = False) -> None:
        """Have the options."""

    return list(typer.main.get_command(app).params)
