"""Renew in a forked process what it cannot share with its parent: connections, threads and locks."""

import os
from typing import Protocol
from weakref import WeakSet


class Renewable(Protocol):
    """An object with connections, threads or locks of one process."""

    def renew_after_fork(self) -> None:
        """Replace what belongs to the parent, and leave that as it is."""


_renewable: "WeakSet[Renewable]" = WeakSet()


def renew_in_children(renewable: Renewable) -> None:
    """Have `renewable` renewed in each process that this one forks from now on."""
    _renewable.add(renewable)


def _renew_all() -> None:
    for renewable in list(_renewable):
        renewable.renew_after_fork()


os.register_at_fork(after_in_child=_renew_all)
