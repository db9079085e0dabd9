"""Explain an empty answer."""

from datetime import datetime
from typing import TYPE_CHECKING

from interfaces.cli.output import messages
from interfaces.wording.values import format_time

if TYPE_CHECKING:
    from application.shared.store import Store
    from domain.entity import Entity


def explain_before_first_event(store: "Store", entity: "Entity", at: datetime) -> None:
    """Print when an entity began that did not exist at `at`."""
    from application.shared.existence import first_seen_at

    begins = first_seen_at(store, entity.kind, entity.id)
    messages().print(f"{entity.title} did not exist at {format_time(at)}; it begins at {format_time(begins)}")


def explain_empty(store: "Store", kind: str, workflow_id: str | None, at: datetime | None) -> bool:
    """Print that there are no entities of the kind (in the workflow) as of `at`, and return whether that is so."""
    from application.shared.existence import first_seen_at

    what = f"{kind.replace('_', ' ')}s" + (f" of workflow {workflow_id!r}" if workflow_id is not None else "")
    begins = first_seen_at(store, kind, workflow_id=workflow_id)
    if begins is None:
        messages().print(f"there are no {what} in the log yet")
    elif at is not None and at < begins:
        messages().print(f"there were no {what} at {format_time(at)}; the first begins at {format_time(begins)}")
    return begins is None or (at is not None and at < begins)
