"""Settings from the environment: SOJOURN_DSN, SOJOURN_HOME."""

from pathlib import Path

from platformdirs import user_data_path
from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Where the database is: `dsn`, or else an embedded server that lives in `home`."""

    model_config = SettingsConfigDict(env_prefix="SOJOURN_", env_ignore_empty=True)

    dsn: str | None = None
    home: Path = Field(default_factory=lambda: user_data_path("sojourn"))
