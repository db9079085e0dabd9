"""Help property tests to a number of examples: few while somebody waits, more with `scripts/test --all`."""

from typing import Any

from hypothesis import settings


def examples(*, quick: int, long: int, **others: Any) -> settings:
    """Return the loaded profile's settings, with the number of examples for it and what `others` change."""
    return settings(max_examples=long if settings.get_current_profile_name() == "long" else quick, **others)
