"""A list of devices is read a line at a time: what is wrong is told by its number, and nothing in it does harm."""

import codecs
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from monitor.plan import device_list
from monitor.plan.device_list import LONGEST_LINE, Listed, Sheet, Wrong, devices, sheet

ATTRIBUTES = ("vendor", "operator", "område")
HEAD = "id;cid;critical;interval;vendor;operator;område\n"


def read(path: Path, data: bytes) -> list[Listed | Wrong]:
    path.write_bytes(data)
    found = sheet(path)
    return [found] if isinstance(found, Wrong) else list(devices(found, ATTRIBUTES))


def wrong(path: Path, text: str) -> list[str]:
    return [str(one) for one in read(path, text.encode()) if isinstance(one, Wrong)]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "liste.csv"


@pytest.mark.parametrize(
    ("encode", "encoding"),
    [
        (lambda text: text.encode(), "utf-8-sig"),
        (lambda text: codecs.BOM_UTF8 + text.encode(), "utf-8-sig"),
        (lambda text: text.encode("latin-1"), "latin-1"),
        (lambda text: text.replace("\n", "\r\n").encode(), "utf-8-sig"),
        (lambda text: text.replace(";", ",").encode(), "utf-8-sig"),
    ],
)
def test_a_list_is_read_as_spreadsheets_save_it(file: Path, encode: Callable[[str], bytes], encoding: str) -> None:
    found = read(file, encode(HEAD + "d1;990001;ja;90s;Ålborg;Tele Ø;nord\nd2;;;;;;\n\n"))

    attributes = {"vendor": "Ålborg", "operator": "Tele Ø", "område": "nord"}
    assert found == [Listed(2, "d1", "990001", True, 90.0, attributes), Listed(3, "d2")]
    seen = sheet(file)
    assert isinstance(seen, Sheet)
    assert seen.encoding == encoding


def test_columns_come_in_any_order_and_by_their_danish_names(file: Path) -> None:
    assert read(file, b"Operator,KRITISK,Enhed\nX,nej,d1\n") == [Listed(2, "d1", attributes={"operator": "X"})]


COLUMNS = ("id", "cid", "critical", "interval", *ATTRIBUTES)


@pytest.mark.parametrize(
    ("head", "said"),
    [
        ("\n", f"the column 'id' is missing. Begin with a line of names: {','.join(COLUMNS)}"),
        ("cid;vendor\n", f"the column 'id' is missing. Begin with a line of names: {';'.join(COLUMNS)}"),
        ("id;operatr\n", "there is no column 'operatr' in this fleet. Did you mean 'operator'?"),
        ("id;x\n", f"there is no column 'x' in this fleet. There are: {', '.join(sorted(COLUMNS))}."),
        ("id;vendor;id\n", "the column 'id' stands there twice"),
    ],
)
def test_a_header_that_cannot_be_used_says_why(file: Path, head: str, said: str) -> None:
    assert f"line 1: {said}" in wrong(file, head + "d1;1\n")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("d 1;;;;;;", "the id 'd 1' cannot be used. Use 1 to 64 letters a-z, digits and . _ : -"),
        (";1;;;;;", "the id '' cannot be used. Use 1 to 64 letters a-z, digits and . _ : -"),
        ("d1;+45 1;;;;;", "the cid is not 1 to 16 digits. Write it without blanks and +"),
        ("d1;;måske;;;;", "critical is 'måske'. Write ja, nej or nothing"),
        ("d1;;;hourly;;;", "the interval 'hourly' is not a duration. Write for instance 1h, or nothing"),
        ("d1;;;500d;;;", "the interval '500d' is not between 1s and 400d. Write for instance 1h, or nothing"),
        ("d1;;;;" + "x" * 65 + ";;", "'vendor' is longer than 64 characters. Shorten it"),
        ("d1;;;;a\x07b;;", "'vendor' holds characters that cannot be shown. Write it with plain letters"),
        ("d1;;", "the line has 3 columns, the header 7. Put a text that holds the delimiter in quotation marks"),
        ("d1;;;;x" + "y" * LONGEST_LINE + ";;", f"the line is longer than {LONGEST_LINE} characters. Shorten it"),
    ],
)
def test_a_line_that_is_wrong_is_told_and_the_next_is_read(file: Path, line: str, said: str) -> None:
    found = read(file, f"{HEAD}d0;;;;;;\n{line}\nd9;;;;;;\n".encode())

    assert (found[0], str(found[1]), found[2]) == (Listed(2, "d0"), f"line 3: {said}", Listed(4, "d9"))


@pytest.mark.parametrize("value", ["010190-1234", "navn@eksempel.example", "+4512345678"])
def test_what_looks_like_a_persons_is_refused_and_not_repeated(file: Path, value: str) -> None:
    (said,) = wrong(file, f"{HEAD}d1;;;;;;{value}\n")

    assert said.startswith("line 2: 'område' looks like a person's")
    assert value not in said


def test_an_id_or_a_cid_twice_is_told_with_both_lines(file: Path) -> None:
    text = f"{HEAD}d1;1;;;;;\nd2;2;;;;;\nd1;3;;;;;\nd4;2;;;;;\n"

    assert wrong(file, text) == [
        "line 4: the id 'd1' stands on line 2 already. Keep one of them",
        "line 5: the cid '2' stands on line 3 already. Give each device its own",
    ]


def test_a_quotation_mark_that_is_not_closed_is_told_and_is_bounded(file: Path) -> None:
    text = HEAD + 'd1;;;;"Nord;;\n' + "".join(f"d{n};;;;;;\n" for n in range(2, 100_000))
    found = read(file, text.encode())

    assert "quotation mark" in str(found[0])
    assert len(found) > 1


def test_more_devices_than_a_fleet_may_have_end_the_list(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device_list, "MOST", 3)

    found = read(file, (HEAD + "".join(f"d{n};;;;;;\n" for n in range(9))).encode())

    assert str(found[-1]) == "line 5: there are more than 3 devices. Divide the file"


def test_a_file_that_is_no_text_or_too_large_or_not_there(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert str(sheet(file)) == "there is no such file. Name a CSV file"
    assert str(sheet(file.parent)) == "there is no such file. Name a CSV file"
    assert [str(one) for one in read(file, b"PK\x03\x04\x00\x00")] == [
        "the file is not text. Save the sheet as CSV (UTF-8)"
    ]
    monkeypatch.setattr(device_list, "LARGEST", 3)
    assert "is larger than" in str(sheet(file))


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=400))
def test_whatever_a_file_holds_it_is_read_to_its_end(file: Path, data: bytes) -> None:
    for body in (data, HEAD.encode() + data):
        for one in read(file, body):
            assert isinstance(one, Listed | Wrong)
            assert len(str(one)) < 700
