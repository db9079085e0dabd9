"""State what an answer about all workflows leaves out, because it is archived."""

from typing import TYPE_CHECKING

from interfaces.cli.output import messages

if TYPE_CHECKING:
    from application.shared.store import Store


def state_left_out(store: "Store", workflow_id: str | None) -> None:
    """Print how many archived workflows an answer leaves out, where it is about all workflows."""
    from application.archive.tombstones import count_archived_workflows

    if workflow_id is not None:
        return
    with store.session() as connection:
        number = count_archived_workflows(connection)
    if number:
        workflows = "archived workflow is" if number == 1 else "archived workflows are"
        messages().print(f"{number:,} {workflows} left out; sojourn.lake asks about both")
