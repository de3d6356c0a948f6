"""What is installed is pinned with hashes, and the lock files say what, never from where."""

import re
import tomllib

import pytest

from tests.house.source import ROOT

LOCKS = sorted((ROOT / "deploy" / "locks").glob("*.txt"))
_PIN = re.compile(r"(?P<name>[a-z0-9][a-z0-9-]*)==(?P<version>[^\s;\\]+) \\\n(?P<hashes>(?:    --hash=\S+(?: \\)?\n)+)")
_HASH = re.compile(r"sha256:[0-9a-f]{64}")


def _pins(name: str) -> dict[str, str]:
    text = (ROOT / "deploy" / "locks" / name).read_text(encoding="utf-8")
    return {pin["name"]: pin["version"] for pin in _PIN.finditer(text)}


def _name(requirement: str) -> str:
    return re.split(r"[\[<>=~! ]", requirement, maxsplit=1)[0].lower().replace("_", "-")


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_every_line_is_a_pin_with_its_hashes_and_nothing_else(lock: object) -> None:
    text = (ROOT / "deploy" / "locks" / str(lock)).read_text(encoding="utf-8")

    assert _PIN.sub("", text) == ""
    hashes = re.findall(r"--hash=(\S+)", text)
    assert hashes
    assert [one for one in hashes if not _HASH.fullmatch(one)] == []


def test_the_tests_run_on_what_is_shipped() -> None:
    assert _pins("requirements.txt").items() <= _pins("requirements-dev.txt").items()


def test_everything_asked_for_is_locked() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    asked = project["project"]["dependencies"]
    dev = project["project"]["optional-dependencies"]["dev"]

    assert {_name(one) for one in asked} - _pins("requirements.txt").keys() == set()
    assert {_name(one) for one in dev} - _pins("requirements-dev.txt").keys() == set()
    assert {_name(one) for one in project["build-system"]["requires"]} == _pins("requirements-build.txt").keys()
