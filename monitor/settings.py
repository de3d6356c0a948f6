"""How the service itself is run: where its configuration and state lie, where it listens.

Read from the environment (`OMSORGSVAGT_…`); the plan and the systems are data in the configuration folder.
"""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

_SERVER = r"([^/@]*@)?(\[[0-9a-fA-F:]+\]|[^/@:\[\]]*)(:\d{1,5})?"
_DATABASE = rf"^(sqlite\+aiosqlite:///.+|postgresql\+asyncpg://{_SERVER}(/.*)?)?$"
"""The databases there are, each by its asyncio driver."""


class ServiceSettings(BaseSettings):
    """Environment OMSORGSVAGT_CONFIG, _STATE, _DATABASE_URL, _LISTEN, _LOG, _PUBLIC_URL. Paths are folders."""

    model_config = SettingsConfigDict(env_prefix="OMSORGSVAGT_", extra="ignore", frozen=True)

    config: Path = Path("config")
    state: Annotated[Path, Field(validation_alias="STATE_DIRECTORY")] = Path("state")
    """systemd's StateDirectory= names it; elsewhere a folder `state` beside where the service is started."""
    database_url: Annotated[str, Field(pattern=_DATABASE)] = ""
    listen: Annotated[str, Field(pattern=r"^(\[[0-9a-fA-F:]+\]|[0-9a-zA-Z.\-]+):\d{1,5}$")] = "127.0.0.1:8424"
    log: Literal["json", "text"] = "json"
    public_url: Annotated[str, Field(pattern=r"^(https?://[0-9A-Za-z.:\[\]-]+(/[!-~]*)?)?$")] = ""
    """Where people reach us, for the links in mails; empty: mails carry none."""

    @property
    def database(self) -> str:
        """The SQLAlchemy URL: what was given, or an SQLite file in the state folder."""
        return self.database_url or f"sqlite+aiosqlite:///{self.file}"

    @property
    def file(self) -> Path:
        """Where the SQLite file is, unless another database was given."""
        return self.state / "omsorgsvagt.db"

    @property
    def address(self) -> tuple[str, int]:
        """Host and port to listen on."""
        host, _, port = self.listen.rpartition(":")
        return host.strip("[]"), int(port)
