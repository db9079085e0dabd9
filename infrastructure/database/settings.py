"""Settings from the environment: variables whose names begin with SOJOURN_."""

from pathlib import Path
from typing import Annotated, Any, Self

from platformdirs import user_data_path
from pydantic import BeforeValidator, Field, ModelWrapValidatorHandler, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from domain.errors import SojournError
from domain.time import parse_duration


class InvalidSetting(SojournError):
    """Raised when an environment variable of Sojourn's has a value that it cannot have.

    Fix: correct the variable, or unset it for its default.
    """

    def __init__(self, variable: str, value: object, expected: str) -> None:
        self.variable = variable
        self.value = value
        super().__init__(f"{variable} {value!r} is not {expected}; correct it, or unset it for its default")


class EnvironmentSettings(BaseSettings):
    """Settings whose fields are environment variables; the description of each says what a value must be."""

    @model_validator(mode="wrap")
    @classmethod
    def _name_variable(cls, values: Any, validate: ModelWrapValidatorHandler[Self]) -> Self:
        """Return the settings.

        Raises:
            InvalidSetting: a variable has a value that it cannot have.
        """
        try:
            return validate(values)
        except ValidationError as error:
            problem = error.errors()[0]
            name = str(problem["loc"][0])
            variable = f"{cls.model_config['env_prefix']}{name}".upper()
            raise InvalidSetting(variable, problem["input"], cls.model_fields[name].description or "") from None


def _seconds(value: object) -> object:
    return parse_duration(value, or_zero=True) if isinstance(value, str) else value


class Settings(EnvironmentSettings):
    """Where the database is, and the limits of what is asked of it.

    The database is at `dsn`, and commands that only read ask the one at `read_dsn`; without them, it is an embedded
    server in `home`. A reported time may be ahead of the database's clock by `clock_tolerance`, a statement waits
    for a lock for `lock_timeout`, and a runner's lease holds for `max_lease` at most. `seal_key` is the file of the
    private key that signs seals. A partition of the log has `partition_events` positions.
    """

    model_config = SettingsConfigDict(env_prefix="SOJOURN_", env_ignore_empty=True, hide_input_in_errors=True)

    dsn: str | None = Field(default=None, repr=False, description="a DSN")  # it may have a password
    read_dsn: str | None = Field(default=None, repr=False, description="a DSN")
    home: Path = Field(default_factory=lambda: user_data_path("sojourn"), description="a folder")
    clock_tolerance: Annotated[float, BeforeValidator(_seconds)] = Field(
        default=60, ge=0, description="a duration like 60s or 5m"
    )
    lock_timeout: Annotated[float, BeforeValidator(_seconds)] = Field(
        default=10, ge=0.001, description="a duration like 500ms or 10s"
    )
    seal_key: Path | None = Field(default=None, description="a file")
    max_lease: Annotated[float, BeforeValidator(_seconds)] = Field(
        default=3600, gt=0, description="a duration like 90s or 1h"
    )
    partition_events: int = Field(default=10_000_000, ge=1_000, description="a whole number from 1000 on")


Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False, description="a number of seconds above 0")]
Bytes = Annotated[int, Field(ge=1024, description="a number of bytes from 1024 on")]


class HttpSettings(EnvironmentSettings):
    """The limits of the HTTP API; docs/http.md says what happens at each."""

    model_config = SettingsConfigDict(env_prefix="SOJOURN_HTTP_", env_ignore_empty=True)

    pool_size: int = Field(default=10, ge=2, description="a whole number from 2 on")
    """How many connections to the database there are."""

    pool_wait_seconds: Seconds = 5
    """How long a request waits for one of them."""

    answer_seconds: Seconds = 60
    """How long a request may take until it is answered."""

    work_seconds: Seconds = 600
    """How long a writing request may go on, whoever waits for it."""

    database_seconds: Seconds = 10
    """How long the database may take for a report, until another connection replaces the one that waits."""

    finish_seconds: Seconds = 20
    """How long open requests may take after the signal to end."""

    connections: int = Field(default=500, ge=10, description="a whole number from 10 on")
    """How many clients may be connected."""

    path_bytes: Bytes = 16 * 1024
    """The size of a path with its query."""

    header_bytes: Bytes = 32 * 1024
    """The size of all headers of a request."""

    head_seconds: Seconds = 10
    """How long the head of a request may take to arrive, and a client may be silent that had no allowed request."""

    body_seconds: Seconds = 60
    """How long a body may take to arrive."""

    idle_seconds: Seconds = 75
    """How long a client may be silent after an allowed request."""

    slow_seconds: Seconds = 30
    """How long a client may not read what it is sent."""

    page_bytes: Bytes = 8 * 1024 * 1024
    """The size of the events on a page of a history."""

    bodies_bytes: Bytes = 64 * 1024 * 1024
    """The size of all bodies whose requests are not answered."""

    max_body_bytes: Bytes = 16 * 1024 * 1024
    """The size of one body."""
