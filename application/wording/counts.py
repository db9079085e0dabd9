"""Numbers with what they count, in words."""


def count_noun(number: int, noun: str, plural: str | None = None) -> str:
    """Return a number with its noun: `1 orphan`, `2,000 attempts`. `plural` is for a noun that takes more than an s."""
    return f"{number:,} {noun if number == 1 else plural or f'{noun}s'}"
