"""Where secrets come from: the environment, a file named there, or a systemd credential. Never the configuration.

Looked up when needed, so a rotated credential file is taken at the next use; never kept, never logged.
"""

from collections.abc import Mapping
from pathlib import Path

from monitor.ports import SecretMissing

PREFIX = "OMSORGSVAGT_"
_LONGEST = 64 * 1024


class Secrets:
    """Looks a secret up by its plan name (`gatewayapi_token`)."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ

    def __call__(self, name: str) -> str:
        """The secret. Raises SecretMissing naming every place looked in, never a value."""
        variable = PREFIX + name.upper()
        if value := self._environ.get(variable):
            return value
        for path in self._files(name, variable):
            if path.is_file():
                with path.open(encoding="utf-8") as file:
                    return file.read(_LONGEST).strip("\r\n")
        raise SecretMissing(f"secret {name}: set {variable} or {variable}_FILE, or the systemd credential {name}")

    def _files(self, name: str, variable: str) -> list[Path]:
        files = [Path(named)] if (named := self._environ.get(f"{variable}_FILE")) else []
        if folder := self._environ.get("CREDENTIALS_DIRECTORY"):
            files.append(Path(folder) / name)
        return files

    def __repr__(self) -> str:
        return "Secrets()"
