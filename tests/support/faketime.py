"""A process that believes another wall clock (libfaketime), which can be set while it runs; its other clocks go on."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

LIBRARY = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1")


@dataclass
class Wall:
    """The wall clock of the processes started with `environ`: so many seconds from the real one."""

    file: Path
    offset: float = 0.0

    @classmethod
    def at(cls, folder: Path, moment: datetime) -> "Wall":
        """A wall clock that shows this moment (aware) now."""
        wall = cls(folder / "faketime")
        wall.set_by((moment - datetime.now(UTC)).total_seconds())
        return wall

    def set_by(self, seconds: float) -> None:
        """Set it forward or back, in one moment."""
        self.offset += seconds
        fresh = self.file.with_suffix(".new")
        fresh.write_text(f"{self.offset:+.3f}\n", encoding="ascii")
        fresh.replace(self.file)

    def now(self) -> datetime:
        """What it shows."""
        return datetime.fromtimestamp(datetime.now(UTC).timestamp() + self.offset, UTC)

    @staticmethod
    def forget(pid: int) -> None:
        """Take away what the library leaves of a process that has ended."""
        for left in Path("/dev/shm").glob(f"*faketime_*_{pid}"):
            left.unlink(missing_ok=True)

    @property
    def environ(self) -> dict[str, str]:
        """What makes a process believe it."""
        return {
            "LD_PRELOAD": str(LIBRARY),
            "FAKETIME_TIMESTAMP_FILE": str(self.file),
            "FAKETIME_CACHE_DURATION": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            # With it, threads that wait for their turn wait until another gives way by itself.
            "FAKETIME_FORCE_MONOTONIC_FIX": "0",
        }
