"""Why an answer is empty."""

from datetime import datetime
from typing import TYPE_CHECKING

from interfaces.cli.output import messages
from interfaces.wording.values import local

if TYPE_CHECKING:
    from application.shared.store import Store
    from domain.entity import Entity


def say_entity_begins(store: "Store", entity: "Entity", at: datetime) -> None:
    """Tell people since when the log knows an entity that did not exist at `at`."""
    from application.shared.existence import beginning

    begins = beginning(store, entity.kind, entity.id)
    messages().print(f"{entity.title} did not exist at {local(at)}: it begins at {local(begins)}")


def say_why_nothing(store: "Store", kind: str, workflow_id: str | None, at: datetime | None) -> bool:
    """Tell people why there is nothing about entities of that kind (in that workflow) as of `at`.

    Answers whether that is why: there were none.
    """
    from application.shared.existence import beginning

    what = f"{kind.replace('_', ' ')}s" + (f" of workflow {workflow_id!r}" if workflow_id is not None else "")
    begins = beginning(store, kind, workflow_id=workflow_id)
    if begins is None:
        messages().print(f"there are no {what} in the log yet")
    elif at is not None and at < begins:
        messages().print(f"there were no {what} at {local(at)}: the first begins at {local(begins)}")
    return begins is None or (at is not None and at < begins)
