"""Help tests to a lifecycle whose instances return to the status with which their attempt began.

An attempt gives its slot back while it waits for something (`deferred`), and is scheduled again.
"""

from domain.lifecycles import read_lifecycle
from domain.lifecycles.lifecycle import Lifecycle

DEFERRING_TOML = """
name = "deferring"
version = 1
rules = ["superseded-instance", "retry"]

[gate]
to = "scheduled"

[task]
initial = "none"
terminal = ["success", "failed"]

[task.transitions]
none = ["scheduled"]
scheduled = ["running"]
running = ["success", "failed", "deferred", "up_for_retry"]
deferred = ["scheduled"]
up_for_retry = ["scheduled"]
success = []
failed = []

[task_instance]
initial = "none"
terminal = ["success", "failed"]
failures = ["failed"]

[task_instance.transitions]
none = ["scheduled"]
scheduled = ["running"]
running = ["success", "failed", "deferred"]
deferred = ["scheduled"]
success = []
failed = []

[implies]
scheduled = { status = "scheduled" }
running = { status = "running" }
deferred = { status = "deferred" }
success = { status = "success" }
failed = { status = "up_for_retry", exhausted = "failed" }
"""

DEFERRING: Lifecycle = read_lifecycle(DEFERRING_TOML)
