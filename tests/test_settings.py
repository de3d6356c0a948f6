"""How the service is run, from its environment."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from monitor.settings import ServiceSettings

OURS = ("CONFIG", "LISTEN", "DATABASE_URL", "LOG", "PUBLIC_URL")


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ["STATE_DIRECTORY", *(f"OMSORGSVAGT_{name}" for name in OURS)]:
        monkeypatch.delenv(name, raising=False)


def test_what_holds_when_nothing_is_said() -> None:
    found = ServiceSettings()
    assert (found.config, found.state, found.log) == (Path("config"), Path("state"), "json")
    assert found.address == ("127.0.0.1", 8424)
    assert found.database == "sqlite+aiosqlite:///state/omsorgsvagt.db"


def test_what_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", "/var/lib/omsorgsvagt")
    monkeypatch.setenv("OMSORGSVAGT_CONFIG", "/etc/omsorgsvagt")
    monkeypatch.setenv("OMSORGSVAGT_LOG", "text")
    monkeypatch.setenv("OMSORGSVAGT_UKENDT", "no matter")

    found = ServiceSettings()

    assert (found.config, found.log) == (Path("/etc/omsorgsvagt"), "text")
    assert found.database == "sqlite+aiosqlite:////var/lib/omsorgsvagt/omsorgsvagt.db"
    assert found.file == Path("/var/lib/omsorgsvagt/omsorgsvagt.db")


@pytest.mark.parametrize(
    ("listen", "address"),
    [
        ("10.0.0.8:80", ("10.0.0.8", 80)),
        ("[::1]:8424", ("::1", 8424)),
        ("vagt.eksempel.example:8424", ("vagt.eksempel.example", 8424)),
    ],
)
def test_where_it_listens(monkeypatch: pytest.MonkeyPatch, listen: str, address: tuple[str, int]) -> None:
    monkeypatch.setenv("OMSORGSVAGT_LISTEN", listen)
    assert ServiceSettings().address == address


DATABASES = [
    "sqlite+aiosqlite:////var/lib/omsorgsvagt/andet.db",
    "postgresql+asyncpg://vagt:hemmelig@db.eksempel.example:5432/vagt",
    "postgresql+asyncpg://vagt@[::1]:5432/vagt?ssl=require",
    "postgresql+asyncpg:///vagt?host=/run/postgresql",
]


@pytest.mark.parametrize("url", DATABASES)
def test_another_database(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("OMSORGSVAGT_DATABASE_URL", url)
    assert ServiceSettings().database == url


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("LISTEN", "8424"),
        ("LISTEN", "127.0.0.1"),
        ("LISTEN", "127.0.0.1:8424/"),
        ("LISTEN", "::1:8424:x"),
        ("LOG", "xml"),
        ("DATABASE_URL", "sqlite:///x.db"),
        ("DATABASE_URL", "postgresql://db.eksempel.example/vagt"),
        ("DATABASE_URL", "postgresql+asyncpg://db.eksempel.example:port/vagt"),
        ("PUBLIC_URL", "vagt.eksempel.example"),
        ("PUBLIC_URL", "javascript:alert(1)"),
        ("PUBLIC_URL", "https://vagt.eksempel.example/ x"),
    ],
)
def test_what_cannot_be_used_is_refused(monkeypatch: pytest.MonkeyPatch, name: str, given: str) -> None:
    monkeypatch.setenv(f"OMSORGSVAGT_{name}", given)
    with pytest.raises(ValidationError, match=name.lower()):
        ServiceSettings()


@pytest.mark.parametrize(
    ("listen", "here"),
    [
        ("127.0.0.1:8424", "http://127.0.0.1:8424"),
        ("0.0.0.0:80", "http://127.0.0.1:80"),
        ("[::]:8424", "http://[::1]:8424"),
        ("10.0.0.5:8424", "http://10.0.0.5:8424"),
        ("vagt.example:8424", "http://vagt.example:8424"),
    ],
)
def test_programs_on_this_machine_know_where_we_are(listen: str, here: str) -> None:
    assert ServiceSettings(listen=listen).here == here
