"""What can be wrong with an archive, or keep a workflow out of it."""

from pathlib import Path

from application.shared.owner import OwnerRequired
from domain.errors import SojournError


class ArchiveDamaged(SojournError):
    """Raised when a file of an archive is missing, or is not the one that was written.

    Fix: bring the file back from a copy; `path` names it.
    """

    def __init__(self, path: Path, why: str) -> None:
        self.path = path
        super().__init__(f"{str(path)!r} {why}; bring the archive's file back from a copy")


class ForeignArchive(SojournError):
    """Raised when a folder has the archive of another log, or something that is not an archive.

    Fix: choose another folder, or the database that the archive belongs to.
    """

    def __init__(self, folder: Path, why: str) -> None:
        self.folder = folder
        super().__init__(f"{str(folder)!r} {why}; choose another folder, or the database that it belongs to")


class NotArchivable(SojournError):
    """Raised when a workflow that was named cannot be archived.

    Fix: do what the message says; `why` has the reason.
    """

    def __init__(self, workflow_id: str, why: str) -> None:
        self.workflow_id = workflow_id
        self.why = why
        super().__init__(f"workflow {workflow_id!r} is not archived: {why}")


class ArchivingForbidden(OwnerRequired):
    """Raised when the database user may not remove events, or bring them back; nothing has changed.

    Fix: let the owner of the schema archive, or a superuser.
    """

    def __init__(self, user: str) -> None:
        super().__init__(user, "remove events from the log", "`sojourn archive`, `sojourn restore` and `sojourn erase`")


class NotArchived(SojournError):
    """Raised when a workflow that would be restored is in the log.

    Fix: ask the log for it.
    """

    def __init__(self, workflow_id: str) -> None:
        self.workflow_id = workflow_id
        super().__init__(f"workflow {workflow_id!r} is not archived; it is in the log")


class SealedWithout(SojournError):
    """Raised when a workflow that was archived would come back into a range that was sealed without it.

    Fix: seal the log before the first workflow is archived; then every seal has what is archived.
    """

    def __init__(self, workflow_id: str) -> None:
        self.workflow_id = workflow_id
        super().__init__(
            f"workflow {workflow_id!r} cannot come back: the log was sealed after it had left, so a seal would state "
            "other events than the log has; ask the archive for it"
        )
