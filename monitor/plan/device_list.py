"""Reads a list of devices: a CSV file with a header, one device a line.

Whatever the file holds, it is read a line at a time and bounded; a line that is wrong is told by its number and never
hides the next. A device is known by its id: no name, address or CPR number of anybody belongs in here.
"""

import codecs
import csv
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from monitor.plan.faults import meant
from monitor.plan.settings import seconds

DEVICE_ID = r"^[0-9A-Za-z][0-9A-Za-z._:-]{0,63}$"
CID = r"^[0-9]{1,16}$"
LONGEST_VALUE = 64
LARGEST = 512 * 1024 * 1024
LONGEST_LINE = 4096
MOST = 2_000_000
LONGEST_INTERVAL = 400 * 86400.0
_PART = 1024 * 1024
_ID, _CID = re.compile(DEVICE_ID), re.compile(CID)
_PERSON = re.compile(r"(?<!\d)\d{6}-\d{4}(?!\d)|@|\+45")
"""A CPR number, a mail address, a telephone number: what a column of a person's would hold."""
_YES = frozenset({"ja", "yes", "1", "x", "true", "sand"})
_NO = frozenset({"", "nej", "no", "0", "false", "falsk"})
_KNOWN = {"device": "id", "enhed": "id", "kritisk": "critical"}


@dataclass(frozen=True, slots=True)
class Listed:
    """One device of the list. `interval` in seconds, 0: the fleet's own."""

    line: int
    id: str
    cid: str = ""
    critical: bool = False
    interval: float = 0.0
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Wrong:
    """One line that cannot be used, what is wrong with it, and how to mend it. Line 0 is the file."""

    line: int
    wrong: str
    mend: str = ""

    def __str__(self) -> str:
        said = f"{self.wrong}. {self.mend}" if self.mend else self.wrong
        return f"line {self.line}: {said}" if self.line else said


@dataclass(frozen=True, slots=True)
class Sheet:
    """A file that can be read: how it is written, and how large it is."""

    path: Path
    encoding: str
    size: int


def sheet(path: Path) -> Sheet | Wrong:
    """How the file is written: UTF-8, else Latin-1 as older spreadsheets save it. Reads it once, in parts."""
    try:
        if not path.is_file():
            return Wrong(0, "there is no such file", "Name a CSV file")
        size = path.stat().st_size
        if size > LARGEST:
            return Wrong(0, f"the file is larger than {LARGEST // 2**20} MB", "Divide it")
        with path.open("rb") as file:
            return _written(path, size, file)
    except OSError as error:
        return Wrong(0, f"the file cannot be read: {error.strerror}", "Let this user read it")


def _written(path: Path, size: int, file: IO[bytes]) -> Sheet | Wrong:
    decoder = codecs.getincrementaldecoder("utf-8-sig")()
    encoding = "utf-8-sig"
    while part := file.read(_PART):
        if b"\0" in part:
            return Wrong(0, "the file is not text", "Save the sheet as CSV (UTF-8)")
        if encoding == "utf-8-sig" and not _decodes(decoder, part):
            encoding = "latin-1"
    if encoding == "utf-8-sig" and not _decodes(decoder, b"", final=True):
        encoding = "latin-1"
    return Sheet(path, encoding, size)


def _decodes(decoder: codecs.IncrementalDecoder, part: bytes, *, final: bool = False) -> bool:
    try:
        decoder.decode(part, final)
    except UnicodeDecodeError:
        return False
    return True


def devices(sheet: Sheet, attributes: Sequence[str]) -> Iterator[Listed | Wrong]:
    """Each line as a device, or what is wrong with it. A header that cannot be used ends the list."""
    with sheet.path.open(encoding=sheet.encoding, errors="replace", newline="") as file:
        head = file.readline(LONGEST_LINE + 1)
        reader = csv.reader(_bounded(file), delimiter=";" if head.count(";") > head.count(",") else ",", strict=True)
        columns = _columns(head, reader.dialect.delimiter, attributes)
        if isinstance(columns, list):
            yield from columns
            return
        yield from _lines(reader, columns, attributes)


def _bounded(file: IO[str]) -> Iterator[str]:
    """The lines, one that is too long as a line that fits nothing: its rest is passed over without being kept."""
    while text := file.readline(LONGEST_LINE + 1):
        if len(text) > LONGEST_LINE:
            while text and not text.endswith("\n"):
                text = file.readline(LONGEST_LINE)
            text = "\0\n"
        yield text


def _columns(head: str, delimiter: str, attributes: Sequence[str]) -> dict[str, int] | list[Wrong]:
    """Where each column stands, or what is wrong with the header."""
    known = ("id", "cid", "critical", "interval", *attributes)
    try:
        names = [name.strip().lower() for name in next(csv.reader([head], delimiter=delimiter), [])]
    except csv.Error:
        names = []
    names = [_KNOWN.get(name, name) for name in names]
    wrong = [
        Wrong(1, f"there is no column '{name[:40]}' in this fleet", meant(name, known))
        for name in names
        if name not in known
    ]
    wrong += [Wrong(1, f"the column '{name[:40]}' stands there twice") for name in {*names} if names.count(name) > 1]
    if "id" not in names:
        wrong.append(Wrong(1, "the column 'id' is missing", f"Begin with a line of names: {delimiter.join(known)}"))
    return wrong[:20] or {name: place for place, name in enumerate(names)}


def _lines(
    reader: "Iterator[list[str]]", columns: Mapping[str, int], attributes: Sequence[str]
) -> Iterator[Listed | Wrong]:
    seen: dict[str, int] = {}
    cids: dict[str, int] = {}
    while True:
        number = getattr(reader, "line_num", 0) + 2
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield Wrong(number, f"the line cannot be read ({error})", "Look for a quotation mark that is not closed")
            continue
        if not any(row):
            continue
        found = _device(number, row, columns, attributes)
        yield found if isinstance(found, Wrong) else _once(found, seen, cids)
        if len(seen) > MOST:
            yield Wrong(number, f"there are more than {MOST} devices", "Divide the file")
            return


def _once(device: Listed, seen: dict[str, int], cids: dict[str, int]) -> Listed | Wrong:
    before = seen.setdefault(device.id, device.line)
    if before != device.line:
        return Wrong(device.line, f"the id '{device.id}' stands on line {before} already", "Keep one of them")
    before = cids.setdefault(device.cid, device.line) if device.cid else device.line
    if before != device.line:
        return Wrong(device.line, f"the cid '{device.cid}' stands on line {before} already", "Give each device its own")
    return device


def _device(number: int, row: list[str], columns: Mapping[str, int], attributes: Sequence[str]) -> Listed | Wrong:
    if row == ["\0"]:
        return Wrong(number, f"the line is longer than {LONGEST_LINE} characters", "Shorten it")
    if len(row) != len(columns):
        mend = "Put a text that holds the delimiter in quotation marks"
        return Wrong(number, f"the line has {len(row)} columns, the header {len(columns)}", mend)
    values = {name: row[place].strip() for name, place in columns.items()}
    wrong = _wrong(values, attributes)
    if wrong is not None:
        return Wrong(number, *wrong)
    return Listed(
        number,
        values["id"],
        values.get("cid", ""),
        values.get("critical", "").lower() in _YES,
        seconds(values["interval"]) if values.get("interval") else 0.0,
        {name: values[name] for name in attributes if values.get(name)},
    )


def _wrong(values: Mapping[str, str], attributes: Iterable[str]) -> tuple[str, str] | None:
    """What is wrong with a line's values and how to mend it; None when nothing is."""
    if not _ID.match(values["id"]):
        return f"the id '{values['id'][:40]}' cannot be used", "Use 1 to 64 letters a-z, digits and . _ : -"
    if values.get("cid") and not _CID.match(values["cid"]):
        return "the cid is not 1 to 16 digits", "Write it without blanks and +"
    if values.get("critical", "").lower() not in _YES | _NO:
        return f"critical is '{values['critical'][:20]}'", "Write ja, nej or nothing"
    if values.get("interval") and (said := _interval(values["interval"])):
        return said, "Write for instance 1h, or nothing"
    found = (_value(name, values.get(name, "")) for name in ("id", *attributes))
    return next((wrong for wrong in found if wrong is not None), None)


def _interval(text: str) -> str:
    try:
        found = seconds(text)
    except ValueError:
        return f"the interval '{text[:20]}' is not a duration"
    return "" if 1 <= found <= LONGEST_INTERVAL else f"the interval '{text[:20]}' is not between 1s and 400d"


def _value(name: str, text: str) -> tuple[str, str] | None:
    if len(text) > LONGEST_VALUE:
        return f"'{name}' is longer than {LONGEST_VALUE} characters", "Shorten it"
    if not text.isprintable() or "\N{REPLACEMENT CHARACTER}" in text:
        return f"'{name}' holds characters that cannot be shown", "Write it with plain letters"
    if _PERSON.search(text):
        # What was written is not repeated: it may be somebody's.
        return f"'{name}' looks like a person's (a CPR number, an address, a telephone)", "Take it out"
    return None
