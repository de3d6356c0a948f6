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
_PLACE = r"(udp|tcp|tls):(\[[0-9a-fA-F:]+\]|[0-9a-zA-Z.\-]+):\d{1,5}"
_SCAIP = rf"^({_PLACE}( +{_PLACE})*)?$"


class ServiceSettings(BaseSettings):
    """Environment OMSORGSVAGT_CONFIG, _DATABASE_URL, _LISTEN, _LOG, _KEEP_DAYS, _PUBLIC_URL, …, and STATE_DIRECTORY."""

    model_config = SettingsConfigDict(env_prefix="OMSORGSVAGT_", extra="ignore", frozen=True)

    config: Path = Path("config")
    state: Annotated[Path, Field(validation_alias="STATE_DIRECTORY")] = Path("state")
    """systemd's StateDirectory= names it; elsewhere a folder `state` beside where the service is started."""
    database_url: Annotated[str, Field(pattern=_DATABASE)] = ""
    listen: Annotated[str, Field(pattern=r"^(\[[0-9a-fA-F:]+\]|[0-9a-zA-Z.\-]+):\d{1,5}$")] = "127.0.0.1:8424"
    log: Literal["json", "text"] = "json"
    keep_days: Annotated[int, Field(ge=30, le=36500)] = 400
    """How long closed incidents are kept, with all that belongs to them."""
    public_url: Annotated[str, Field(pattern=r"^(https?://[0-9A-Za-z.:\[\]-]+(/[!-~]*)?)?$")] = ""
    """Where people reach us, for the links in mails; empty: mails carry none."""

    scaip_listen: Annotated[str, Field(pattern=_SCAIP)] = ""
    """Where devices reach us by SCAIP: `udp:0.0.0.0:5060 tcp:0.0.0.0:5060 tls:0.0.0.0:5061`; empty: nowhere."""
    scaip_certificate: Path | None = None
    """For TLS: the certificate and its chain, PEM."""
    scaip_key: Path | None = None
    """For TLS: its key, PEM."""

    @property
    def scaip(self) -> tuple[tuple[str, str, int], ...]:
        """(udp, tcp or tls, host, port) of each place devices reach us by SCAIP."""
        parts = (each.partition(":") for each in self.scaip_listen.split())
        split = ((kind, *where.rpartition(":")[::2]) for kind, _, where in parts)
        return tuple((kind, host.strip("[]"), int(port)) for kind, host, port in split)

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

    @property
    def here(self) -> str:
        """Where programs on this machine reach us: the loopback, when we listen on every address."""
        host, port = self.address
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - a name for "every address"
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
