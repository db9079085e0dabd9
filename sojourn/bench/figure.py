"""The figures of a case."""

from collections.abc import Sequence
from statistics import median, quantiles
from typing import NotRequired, TypedDict


class Figure(TypedDict):
    """One row of the bench. A figure that the case does not measure is None.

    `per_second` counts transitions (rows of the audit), read events or queries, as the case does. `size` is the number
    of events in the log, or the chunk for `gate` and `bulk`. Latencies are in milliseconds.
    """

    case: str
    clients: int
    size: int
    per_second: float
    p50_ms: float | None
    p99_ms: float | None
    floor_per_second: float | None
    ratio_to_floor: float | None
    refused: NotRequired[int]
    errors: NotRequired[int]
    mismatches: NotRequired[int]
    bytes_per_transition: NotRequired[float]


def make_figure(
    case: str,
    *,
    size: int,
    per_second: float,
    clients: int = 1,
    latencies: Sequence[float] = (),
    floor: float | None = None,
) -> Figure:
    """Return the figures of a case. `latencies` are in seconds."""
    return {
        "case": case,
        "clients": clients,
        "size": size,
        "per_second": round(per_second, 1),
        "p50_ms": round(median(latencies) * 1000, 3) if latencies else None,
        "p99_ms": round(_p99(latencies) * 1000, 3) if latencies else None,
        "floor_per_second": round(floor, 1) if floor else None,
        "ratio_to_floor": round(per_second / floor, 3) if floor else None,
    }


def _p99(latencies: Sequence[float]) -> float:
    return quantiles(latencies, n=100)[98] if len(latencies) > 1 else latencies[0]
