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

    The database is at `dsn`, or else an embedded server in `home`. A reported time may be ahead of the database's
    clock by `clock_tolerance`, a statement waits for a lock for `lock_timeout`, and a runner's lease holds for
    `max_lease` at most.
    """

    model_config = SettingsConfigDict(env_prefix="SOJOURN_", env_ignore_empty=True, hide_input_in_errors=True)

    dsn: str | None = Field(default=None, repr=False, description="a DSN")  # it may have a password
    home: Path = Field(default_factory=lambda: user_data_path("sojourn"), description="a folder")
    clock_tolerance: Annotated[float, BeforeValidator(_seconds)] = Field(
        default=60, ge=0, description="a duration like 60s or 5m"
    )
    lock_timeout: Annotated[float, BeforeValidator(_seconds)] = Field(
        default=10, ge=0.001, description="a duration like 500ms or 10s"
    )
    max_lease: Annotated[float, BeforeValidator(_seconds)] = Field(
        default=3600, gt=0, description="a duration like 90s or 1h"
    )


class HttpSettings(EnvironmentSettings):
    """The limits of the HTTP API.

    `pool_size` limits its connections to the database. A request waits `pool_wait_seconds` for one and is then refused
    with a time to try again. It is answered within `answer_seconds`; what it writes may take `work_seconds`. Where the
    database does not answer a report within `database_seconds`, its connection is replaced. After a signal to end, open
    requests may take `finish_seconds`. The body of a request may have `max_body_bytes`.
    """

    model_config = SettingsConfigDict(env_prefix="SOJOURN_HTTP_", env_ignore_empty=True)

    pool_size: int = Field(default=10, ge=2, description="a whole number from 2 on")
    pool_wait_seconds: float = Field(default=5, gt=0, allow_inf_nan=False, description="a number of seconds above 0")
    answer_seconds: float = Field(default=60, gt=0, allow_inf_nan=False, description="a number of seconds above 0")
    work_seconds: float = Field(default=600, gt=0, allow_inf_nan=False, description="a number of seconds above 0")
    database_seconds: float = Field(default=10, gt=0, allow_inf_nan=False, description="a number of seconds above 0")
    finish_seconds: float = Field(default=20, gt=0, allow_inf_nan=False, description="a number of seconds above 0")
    max_body_bytes: int = Field(default=16 * 1024 * 1024, ge=1024, description="a number of bytes from 1024 on")
