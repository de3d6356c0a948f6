"""A disk of the test's own that is soon full or made read-only; mounted where that is allowed."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


class Disk:
    """A small file system in memory under `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def fill(self) -> Path:
        """Leave no byte free; gives the file that takes the room."""
        filler = self.folder / "filler"
        with filler.open("wb", buffering=0) as file:
            try:
                while file.write(b"\0" * 4096):
                    pass
            except OSError:
                return filler
        raise AssertionError("the disk never filled")

    def read_only(self, on: bool) -> None:
        """Nobody may write any more, or again."""
        _run("mount", "-o", f"remount,{'ro' if on else 'rw'}", str(self.folder))


@contextmanager
def tiny_disk(folder: Path, size: str = "2m") -> Iterator[Disk]:
    """A tmpfs mounted on a new folder; the test is skipped where nobody may mount."""
    place = folder / "disk"
    place.mkdir()
    if os.geteuid() != 0 or _mount(place, size) != 0:
        pytest.skip("only root may mount a disk to fill")
    try:
        yield Disk(place)
    finally:
        _run("umount", "--lazy", str(place))


def _mount(place: Path, size: str) -> int:
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "omsorgsvagt-test", str(place)]
    return subprocess.run(command, capture_output=True, check=False).returncode


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
