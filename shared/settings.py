"""What a room must be told from outside: where its servers are and with which secret it enters."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy.engine import URL, make_url

_SECRETS = Path("/run/secrets")


class Settings(BaseSettings):
    """Read from `ESTAFETA_…` variables, or from files of the same lower-case names under `/run/secrets`."""

    model_config = SettingsConfigDict(
        env_prefix="ESTAFETA_", secrets_dir=_SECRETS if _SECRETS.is_dir() else None, extra="ignore"
    )

    database_url: str = Field(default="postgresql://127.0.0.1:5432/estafeta", description="the room's own role")
    database_password: SecretStr | None = None
    nats_url: str = Field(default="nats://127.0.0.1:4222", description="one or several, by commas")
    nats_user: str | None = None
    nats_password: SecretStr | None = None
    http: str = Field(
        default="", pattern=r"^(.+:\d{1,5})?$", description="where ops may look: host:port; empty: nowhere"
    )
    http_door: str = Field(
        default="",
        pattern=r"^(.+:\d{1,5})?$",
        description="where the room's own door stands: intake takes leads in, routing shows calendars; empty: nowhere",
    )
    http_sources: Path | None = Field(default=None, description="the file that says who may bring leads to that door")
    replica: str = Field(default="", description="a name for this process in logs and connections")
    log_format: str = Field(default="text", pattern="^(text|json)$")
    log_level: str = "info"

    def database(self) -> URL:
        """The database address with the driver this house uses and the password filled in."""
        url = make_url(self.database_url).set(drivername="postgresql+asyncpg")
        if self.database_password is not None:
            url = url.set(password=self.database_password.get_secret_value())
        return url
