"""Build the wheel: one package, `sojourn`, with the five packages of the checkout inside it.

In the checkout they stay at the top level, because that is where a reader looks for them. Installed like this they
would overwrite other projects' `domain` or `application`, so the wheel has `sojourn/domain/`, and its imports say so.
"""

import re
from pathlib import Path
from shutil import copytree, ignore_patterns, rmtree
from tempfile import mkdtemp
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

MOVED = ("domain", "application", "projections", "infrastructure", "interfaces")
FROM = re.compile(rf"^(\s*)from ({'|'.join(MOVED)})(?=[.\w]* import\b)", re.MULTILINE)
IMPORT = re.compile(rf"^(\s*)import (?=(?:{'|'.join(MOVED)})$)", re.MULTILINE)
LEFT = re.compile(rf"^\s*import (?:{'|'.join(MOVED)})\b.*", re.MULTILINE)


class OnePackage(BuildHookInterface):  # type: ignore[type-arg] # hatchling's configuration classes are not public
    """Fill the wheel with a copy of the sources that says `sojourn.domain` where they say `domain`."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the copy to the wheel; an editable install uses the checkout as it is."""
        self.copy = Path(mkdtemp(prefix="sojourn-wheel-"))
        if version == "editable":
            return
        copytree(Path(self.root) / "sojourn", self.copy / "sojourn", ignore=ignore_patterns("__pycache__"))
        for package in MOVED:  # one py.typed, that of `sojourn`, types them all
            ignored = ignore_patterns("__pycache__", "py.typed")
            copytree(Path(self.root) / package, self.copy / "sojourn" / package, ignore=ignored)
        for module in self.copy.rglob("*.py"):
            module.write_text(_moved(module.read_text("utf-8")), "utf-8")
        build_data["force_include"][str(self.copy / "sojourn")] = "sojourn"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:  # noqa: ARG002 - hatchling's
        """Remove the copy."""
        rmtree(self.copy)


def _moved(text: str) -> str:
    """Return the text of a module with its imports changed."""
    moved = IMPORT.sub(r"\1from sojourn import ", FROM.sub(r"\1from sojourn.\2", text))
    if left := LEFT.search(moved):
        raise ValueError(f"{left[0].strip()!r} cannot be moved into `sojourn`: import names from it instead")
    return moved
