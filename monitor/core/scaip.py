"""SCAIP messages (SS 91100:2014, CLC/TS 50134-9): `mrq` and `mrs` are read liberally and written strictly; no sockets.

What is personal is never collected, and the one `mrq` that can be written here is a heartbeat.

Reading is liberal in what is seen in the field: root name, letter case, prefixes, order, padding, blanks in a `cid`.
What a message is, is told by what it holds: with a `snu` it is a response, whatever its root is called. A document type
is refused before anything of it is read, so there are no entities but XML's own five; size and depth are bounded.

A heartbeat's `mty`, `crd` and `stc` are no arguments: an omitted `mty` means an alarm, and an omitted `stc` is read as
a person calling for help. Who must send anything else needs another module.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Final
from xml.parsers import expat

MEDIA_TYPE: Final = "application/scaip+xml"
MAX_BODY: Final = 16_384
MAX_DEPTH: Final = 8
MAX_FIELD: Final = 64

_KEPT: Final = frozenset({"ref", "cid", "dty", "ver", "mty", "did", "dco", "stc", "snu"})
"""The elements whose text is collected. Not crd, dte, stt, ite, ste, lco, lva, lte, lge: numbers, names and places."""
_REF: Final = re.compile(r"[0-9a-zA-Z]{1,16}")
_CID: Final = re.compile(r"[0-9]{1,16}")
_CODE: Final = re.compile(r"[0-9]{1,4}")
_COMPONENT: Final = re.compile(r"[0-9a-zA-Z.:-]{1,16}")
_VERSION: Final = re.compile(r"[0-9]{1,2}\.[0-9]{1,2}")
_WRITTEN: Final = {
    "ref": _REF,
    "cid": _CID,
    "dty": _CODE,
    "did": re.compile(r"[0-9a-zA-Z]{1,8}"),
}


class Snu(IntEnum):
    """Status numbers of a response. The first three and TAG_MISSING fault the request, the others the receiver."""

    OK = 0
    TOO_LONG = 1
    FORMAT = 2
    CONTENT = 3
    HOLD = 4
    NOT_TREATED = 5
    BUSY = 6
    TAG_MISSING = 7
    UNDEFINED = 99


class MessageType(StrEnum):
    """`mty`: what a request is."""

    ALARM = "ME"
    RESET = "RE"
    INFORMATION = "IN"
    HEARTBEAT = "PI"


class Malformed(ValueError):
    """No SCAIP message to go by; `snu` is how a receiver answers it. The text repeats nothing of what came."""

    def __init__(self, what: str, snu: Snu = Snu.FORMAT) -> None:
        super().__init__(what)
        self.snu = snu


@dataclass(frozen=True, slots=True)
class Mrq:
    """A request, without anything personal. Codes are padded to four digits; what was absent or odd is ''.

    `mty` is ALARM where the sender said nothing, as the standard has it; `stc` is '' then.
    """

    ref: str
    cid: str
    dty: str
    mty: MessageType = MessageType.ALARM
    stc: str = ""
    did: str = ""
    dco: str = ""
    ver: str = ""


@dataclass(frozen=True, slots=True)
class Mrs:
    """A response: to which request, and its status number; one of `Snu` or another number."""

    ref: str
    snu: int


def parse(body: bytes) -> Mrq | Mrs:
    """The message in a body, whatever media type it came under. Raises Malformed."""
    if len(body) > MAX_BODY:
        raise Malformed("too long", Snu.TOO_LONG)
    fields = _Reader().read(_text(body.strip(b"\x00\t\r\n ")))
    if "snu" in fields:
        return Mrs(_must(fields, "ref", _REF), int(_must(fields, "snu", _CODE)))
    return _request(fields)


def heartbeat(*, ref: str, cid: str, dty: str, did: str) -> bytes:
    """A heartbeat (`mty` PI, `stc` 0102) that asks for no voice call. Raises ValueError for a value of another form."""
    for name, value in (("ref", ref), ("cid", cid), ("dty", dty), ("did", did)):
        if not _WRITTEN[name].fullmatch(value):
            raise ValueError(f"{name} has not the form SCAIP gives it")
    return _document(
        f"<mrq><ref>{ref}</ref><ver>01.00</ver><mty>PI</mty><cid>{cid}</cid><dty>{dty}</dty><did>{did}</did>"
        "<crd>no-voice:</crd><stc>0102</stc></mrq>"
    )


def response(*, ref: str, snu: Snu) -> bytes:
    """What acknowledges or refuses a request. Raises ValueError for a `ref` of another form."""
    if not _REF.fullmatch(ref):
        raise ValueError("ref has not the form SCAIP gives it")
    return _document(f"<mrs><ref>{ref}</ref><snu>{int(snu)}</snu></mrs>")


def _document(root: str) -> bytes:
    return f'<?xml version="1.0" encoding="UTF-8"?>{root}'.encode()


def _text(body: bytes) -> str:
    """Devices declare one encoding and send another; what is kept of a message is ASCII in all of them."""
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError:
        return body.decode("latin-1")


def _request(fields: Mapping[str, str]) -> Mrq:
    try:
        mty = MessageType((fields.get("mty") or MessageType.ALARM).upper())
    except ValueError as exc:
        raise Malformed("mty", Snu.CONTENT) from exc
    return Mrq(
        ref=_must(fields, "ref", _REF),
        cid=_must(fields, "cid", _CID),
        dty=_must(fields, "dty", _CODE).zfill(4),
        mty=mty,
        stc=_must(fields, "stc", _CODE).zfill(4) if fields.get("stc") else "",
        did=_may(fields, "did", _COMPONENT),
        dco=_may(fields, "dco", _COMPONENT),
        ver=_may(fields, "ver", _VERSION),
    )


def _must(fields: Mapping[str, str], name: str, form: re.Pattern[str]) -> str:
    value = fields.get(name, "")
    if name == "cid":
        value = value.replace(" ", "").removeprefix("+")
    if not value:
        raise Malformed(f"{name} missing", Snu.TAG_MISSING)
    if not form.fullmatch(value):
        raise Malformed(name, Snu.CONTENT)
    return value


def _may(fields: Mapping[str, str], name: str, form: re.Pattern[str]) -> str:
    """What is not of its form is left out: it may be anything, and a heartbeat is none the less a sign of life."""
    value = fields.get(name, "")
    return value if form.fullmatch(value) else ""


class _Reader:
    """Collects the text of the elements kept, wherever they stand in the tree."""

    def __init__(self) -> None:
        self._fields: dict[str, str] = {}
        self._depth = 0
        self._pieces: list[str] | None = None

    def read(self, text: str) -> dict[str, str]:
        """Each element's text without the blanks around it, by its name in lower case. Raises Malformed."""
        # The encoding given outranks the one declared: a stranger's choice of codec is not looked up.
        parser = expat.ParserCreate("utf-8")
        parser.StartDoctypeDeclHandler = _refuse
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters
        try:
            parser.Parse(text.encode(), True)
        except expat.ExpatError as exc:
            raise Malformed("no XML") from exc
        return self._fields

    def _start(self, name: str, _attributes: Mapping[str, str]) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise Malformed("too deep")
        self._pieces = [] if _local(name) in _KEPT else None

    def _characters(self, text: str) -> None:
        if self._pieces is None:
            return
        self._pieces.append(text)
        if sum(map(len, self._pieces)) > MAX_FIELD:
            raise Malformed("a field too long", Snu.TOO_LONG)

    def _end(self, name: str) -> None:
        self._depth -= 1
        if self._pieces is None:
            return
        name, text = _local(name), "".join(self._pieces).strip()
        self._pieces = None
        # Two refs, or a snu of 0 beside one of 5: whoever reads the first and who reads the last would disagree.
        if self._fields.setdefault(name, text) != text:
            raise Malformed(f"{name} twice")


def _local(name: str) -> str:
    return name.rpartition(":")[2].lower()


def _refuse(*_declared: object) -> None:
    raise Malformed("a document type")
