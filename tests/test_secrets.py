"""Where a secret is looked up, and that it never shows."""

from pathlib import Path

import pytest

from monitor.ports import SecretMissing
from monitor.secrets import Secrets


def test_a_secret_comes_from_the_environment_first(tmp_path: Path) -> None:
    (tmp_path / "sms_token").write_text("from the credential\n")
    found = Secrets({"OMSORGSVAGT_SMS_TOKEN": "plain", "CREDENTIALS_DIRECTORY": str(tmp_path)})
    assert found("sms_token") == "plain"


def test_a_secret_comes_from_a_file_named_in_the_environment(tmp_path: Path) -> None:
    (tmp_path / "t").write_text("in a file\n")
    assert Secrets({"OMSORGSVAGT_SMS_TOKEN_FILE": str(tmp_path / "t")})("sms_token") == "in a file"


def test_a_secret_comes_from_a_systemd_credential_and_is_read_anew(tmp_path: Path) -> None:
    found = Secrets({"CREDENTIALS_DIRECTORY": str(tmp_path)})
    (tmp_path / "sms_token").write_text("one")
    assert found("sms_token") == "one"
    (tmp_path / "sms_token").write_text("two")
    assert found("sms_token") == "two"


def test_a_missing_secret_says_where_it_was_looked_for() -> None:
    with pytest.raises(SecretMissing, match="set OMSORGSVAGT_SMS_TOKEN or OMSORGSVAGT_SMS_TOKEN_FILE"):
        Secrets({})("sms_token")


def test_nothing_shows_what_is_inside() -> None:
    assert "hemmelig" not in repr(Secrets({"OMSORGSVAGT_X": "hemmelig"}))
