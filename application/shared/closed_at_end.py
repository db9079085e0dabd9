"""What a `with` block closes at its end."""

from abc import ABC, abstractmethod
from typing import Self


class ClosedAtEnd(ABC):
    """Something that holds what must be closed, and is its own context manager."""

    @abstractmethod
    def close(self) -> None:
        """Give up what is held."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()
