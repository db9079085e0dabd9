"""The messages between the distributor and its workers, one line of JSON each."""

from pydantic import AwareDatetime, BaseModel, ConfigDict


class Order(BaseModel):
    """To a worker: run this command as that task instance, within a memory limit."""

    model_config = ConfigDict(frozen=True)

    task_instance_id: str
    argv: tuple[str, ...]
    memory_mib: int


class Free(BaseModel):
    """From a worker: it is free for an order. Its last one, if any, has left the task in `task_status`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    task_instance_id: str | None = None
    task_status: str | None = None


class Heartbeat(BaseModel):
    """From a worker: it is at work and will send another message by `report_by_date`.

    Heartbeats go to the distributor only, because the log records what changes a status.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    task_instance_id: str
    report_by_date: AwareDatetime


Message = Heartbeat | Free
