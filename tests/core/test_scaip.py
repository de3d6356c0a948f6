"""SCAIP messages: what the field sends is read, what is personal is lost on the way, what is written is harmless."""

import inspect
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.core import scaip
from monitor.core.scaip import Malformed, MessageType, Mrq, Mrs, Snu, heartbeat, parse, response

SAMPLE = (
    b'<?xml version="1.0" encoding="UTF-8"?><mrq><ref>A1B2C3D4E5F60718</ref><ver>01.00</ver><mty>PI</mty>'
    b"<cid>990001</cid><dty>0031</dty><did>01</did><crd>no-voice:</crd><stc>0102</stc></mrq>"
)
BEAT = Mrq("A1B2C3D4E5F60718", "990001", "0031", MessageType.HEARTBEAT, "0102", "01", ver="01.00")


def test_a_heartbeat_as_bytes_and_back() -> None:
    assert parse(SAMPLE) == BEAT
    assert heartbeat(ref=BEAT.ref, cid="990001", dty="0031", did="01") == SAMPLE


@pytest.mark.parametrize(
    "body",
    [
        SAMPLE.replace(b"mrq>", b"scaip>"),
        SAMPLE.replace(b"<mrq>", b'<s:mrq xmlns:s="urn:x">').replace(b"</mrq>", b"</s:mrq>"),
        SAMPLE.replace(b"<mrq>", b"<scaip><mrq>").replace(b"</mrq>", b"</mrq></scaip>"),
        SAMPLE.upper().replace(b"XML", b"xml").replace(b"VERSION", b"version").replace(b"ENCODING", b"encoding"),
        SAMPLE.replace(b"<cid>990001", b"<cid> +99 00 01\r\n"),
        SAMPLE.replace(b"0031", b"31").replace(b"0102", b" 102 "),
        SAMPLE.replace(b"0031", b"<![CDATA[31]]>").replace(b"990001", b"99&#48;001"),
        b"\r\n\xef\xbb\xbf" + SAMPLE + b"\r\n\x00",
        SAMPLE.replace(b"</mrq>", b"<stt>K\xf8kkenet</stt></mrq>"),
        SAMPLE.replace(b"UTF-8", b"rot13"),
        SAMPLE.replace(b"<dty>0031</dty>", b"").replace(b"</mrq>", b"<!-- b --><dty>0031</dty><x a='1'/></mrq>"),
        SAMPLE.replace(b"</mrq>", b"<ref>A1B2C3D4E5F60718</ref></mrq>"),
    ],
)
def test_what_the_field_sends_means_the_same(body: bytes) -> None:
    assert parse(body) == BEAT


def test_what_is_left_out_means_what_the_standard_says() -> None:
    assert parse(b"<mrq><ref>1</ref><cid>2</cid><dty>3</dty></mrq>") == Mrq("1", "2", "0003", MessageType.ALARM, "")


def test_an_optional_field_of_another_form_is_left_out() -> None:
    body = SAMPLE.replace(b"<did>01", b"<did>Fru Eksempel").replace(b"01.00", b"ny")

    assert parse(body) == Mrq(BEAT.ref, "990001", "0031", MessageType.HEARTBEAT, "0102")


PERSONAL = ("crd", "dte", "stt", "ite", "ste", "lco", "lva", "lte", "lge", "name", "ico", "pri", "hbo")


@pytest.mark.parametrize("tag", PERSONAL)
def test_what_is_personal_is_not_kept(tag: str) -> None:
    body = SAMPLE.replace(b"<crd>no-voice:</crd>", b"").replace(
        b"</mrq>", f"<{tag}>Fru Eksempel</{tag}></mrq>".encode()
    )

    assert "Eksempel" not in repr(parse(body))
    assert parse(body) == BEAT


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (b"<mrs><ref>A1</ref><snu>0</snu></mrs>", Mrs("A1", 0)),
        (b"<mrs><snu> 00 </snu><ref> A1 </ref><ste>OK</ste><hbi>2</hbi></mrs>", Mrs("A1", 0)),
        (b"<scaip><mrs><ref>A1</ref><snu>5</snu></mrs></scaip>", Mrs("A1", 5)),
        (b"<mrq><ref>A1</ref><snu>99</snu></mrq>", Mrs("A1", 99)),
    ],
)
def test_a_response_is_known_by_its_number(body: bytes, found: Mrs) -> None:
    assert parse(body) == found


@pytest.mark.parametrize("snu", Snu)
def test_a_response_as_bytes_and_back(snu: Snu) -> None:
    assert parse(response(ref="A1", snu=snu)) == Mrs("A1", snu)


BOMB = (
    b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">'
    b'<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]><mrs><ref>&c;</ref><snu>0</snu></mrs>'
)
WRONG: dict[str, tuple[bytes, Snu]] = {
    "nothing": (b"", Snu.FORMAT),
    "binary": (bytes(range(256)) * 8, Snu.FORMAT),
    "text": (b"OK", Snu.FORMAT),
    "html": (b"<!DOCTYPE html><html><body>Log ind</body></html>", Snu.FORMAT),
    "cut off": (SAMPLE[:-3], Snu.FORMAT),
    "two documents": (SAMPLE + SAMPLE, Snu.FORMAT),
    "utf-16": (SAMPLE.decode().encode("utf-16"), Snu.FORMAT),
    "entity bomb": (BOMB, Snu.FORMAT),
    "file as entity": (
        b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><mrs><ref>&e;</ref><snu>0</snu></mrs>',
        Snu.FORMAT,
    ),
    "document type alone": (b"<!DOCTYPE mrs><mrs><ref>1</ref><snu>0</snu></mrs>", Snu.FORMAT),
    "unknown entity": (b"<mrs><ref>&x;</ref><snu>0</snu></mrs>", Snu.FORMAT),
    "deep": (b"<a>" * 9 + b"</a>" * 9, Snu.FORMAT),
    "deep and endless": (b"<a>" * 5_000, Snu.FORMAT),
    "a megabyte": (b"<mrs>" + b" " * 1_000_000 + b"<ref>1</ref><snu>0</snu></mrs>", Snu.TOO_LONG),
    "a long field": (b"<mrs><ref>" + b"1" * 65 + b"</ref><snu>0</snu></mrs>", Snu.TOO_LONG),
    "a field of pieces": (b"<mrs><ref>" + b"&#49;" * 3_000 + b"</ref><snu>0</snu></mrs>", Snu.TOO_LONG),
    "two refs": (b"<mrs><ref>1</ref><ref>2</ref><snu>0</snu></mrs>", Snu.FORMAT),
    "good and bad at once": (b"<mrs><ref>1</ref><snu>0</snu><snu>5</snu></mrs>", Snu.FORMAT),
    "no ref": (b"<mrs><snu>0</snu></mrs>", Snu.TAG_MISSING),
    "empty snu": (b"<mrs><ref>1</ref><snu/></mrs>", Snu.TAG_MISSING),
    "snu no number": (b"<mrs><ref>1</ref><snu>-1</snu></mrs>", Snu.CONTENT),
    "snu of other digits": ("<mrs><ref>1</ref><snu>٠</snu></mrs>".encode(), Snu.CONTENT),
    "long ref": (SAMPLE.replace(b"0718", b"07189"), Snu.CONTENT),
    "ref with more in it": (b"<mrs><ref>A<b>1</b></ref><snu>0</snu></mrs>", Snu.TAG_MISSING),
    "no cid": (SAMPLE.replace(b"<cid>990001</cid>", b""), Snu.TAG_MISSING),
    "cid of letters": (SAMPLE.replace(b"990001", b"99000x"), Snu.CONTENT),
    "another mty": (SAMPLE.replace(b"PI", b"XX"), Snu.CONTENT),
    "another stc": (SAMPLE.replace(b"0102", b"ja"), Snu.CONTENT),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_no_message_is_refused_with_its_number(name: str) -> None:
    body, snu = WRONG[name]
    with pytest.raises(Malformed) as refused:
        parse(body)

    assert refused.value.snu is snu
    assert len(str(refused.value)) < 40


@settings(max_examples=300)
@given(
    st.one_of(
        st.binary(max_size=400),
        st.lists(st.sampled_from([*SAMPLE.split(b"<"), b"\xff", b"!DOCTYPE a>"])).map(b"<".join),
    )
)
def test_anything_is_read_or_refused(body: bytes) -> None:
    try:
        found = parse(body)
    except Malformed:
        return
    assert isinstance(found, Mrq | Mrs)


def written(body: bytes) -> list[tuple[str, str | None]]:
    """The document as another reader has it."""
    root = ET.fromstring(body)  # noqa: S314 - what our own writer wrote
    assert root.tag == "mrq"
    assert all(not len(child) and not child.attrib for child in root)
    return [(child.tag, child.text) for child in root]


@settings(max_examples=300)
@given(
    *(
        st.one_of(st.text(max_size=20), st.from_regex(scaip._WRITTEN[name], fullmatch=True))
        for name in ("ref", "cid", "dty", "did")
    )
)
def test_whatever_it_is_given_the_writer_writes_a_heartbeat_or_nothing(ref: str, cid: str, dty: str, did: str) -> None:
    try:
        body = heartbeat(ref=ref, cid=cid, dty=dty, did=did)
    except ValueError:
        return
    assert written(body) == [
        ("ref", ref),
        ("ver", "01.00"),
        ("mty", "PI"),
        ("cid", cid),
        ("dty", dty),
        ("did", did),
        ("crd", "no-voice:"),
        ("stc", "0102"),
    ]
    assert len(body) < 250


@pytest.mark.parametrize("name", ["ref", "cid", "dty", "did"])
@pytest.mark.parametrize("value", ["", "1</cid><mty>ME</mty><cid>2", "1\n", " 1", "٣", "1" * 17, "&#49;", "1<!--"])
def test_no_value_carries_more_than_itself(name: str, value: str) -> None:
    given_values = {"ref": "1", "cid": "1", "dty": "1", "did": "1", name: value}
    with pytest.raises(ValueError, match=name):
        heartbeat(**given_values)


def test_nothing_else_can_be_written_and_what_makes_it_a_heartbeat_is_no_argument() -> None:
    functions = inspect.getmembers(scaip, inspect.isfunction)
    own = {name: one for name, one in functions if one.__module__ == scaip.__name__ and not name.startswith("_")}
    writers = {name for name, one in own.items() if inspect.signature(one).return_annotation in (bytes, "bytes")}

    assert writers == {"heartbeat", "response"}
    assert set(inspect.signature(heartbeat).parameters) == {"ref", "cid", "dty", "did"}
    assert b"mrq" not in response(ref="1", snu=Snu.OK)
