"""Settings from the environment: SOJOURN_DSN, SOJOURN_HOME, SOJOURN_HTTP_..."""

from pathlib import Path

from platformdirs import user_data_path
from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Where the database is: `dsn`, or else an embedded server in `home`."""

    model_config = SettingsConfigDict(env_prefix="SOJOURN_", env_ignore_empty=True)

    dsn: str | None = None
    home: Path = Field(default_factory=lambda: user_data_path("sojourn"))


class HttpSettings(BaseSettings):
    """The limits of the HTTP API.

    `pool_size` limits its connections to the database. A request waits `pool_wait_seconds` for one and is then refused
    with a time to try again; it may take `answer_seconds` in all, and its body may have `max_body_bytes`.
    """

    model_config = SettingsConfigDict(env_prefix="SOJOURN_HTTP_", env_ignore_empty=True)

    pool_size: int = Field(default=10, ge=2)
    pool_wait_seconds: float = Field(default=5, gt=0)
    answer_seconds: float = Field(default=60, gt=0)
    max_body_bytes: int = Field(default=16 * 1024 * 1024, ge=1024)
