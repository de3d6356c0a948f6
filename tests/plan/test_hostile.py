"""Files meant to hurt, or that are no configuration at all, end as a fault; bounded in size, time and memory."""

import os
import shutil
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.plan.faults import Faults, PlanFaults
from monitor.plan.source import DEPTH_LIMIT, NODE_LIMIT, SIZE_LIMIT, Node, read_yaml
from tests.plan.kinds import GOOD, loaded

BOMB = b"a: &a [x,x,x,x,x,x,x,x,x]\n" + b"".join(
    b"%c: &%c [%s]\n" % (98 + n, 98 + n, b",".join([b"*%c" % (97 + n)] * 9)) for n in range(9)
)

pytestmark = pytest.mark.timeout(30)


def read(data: bytes) -> tuple[Node | None, list[str]]:
    faults = Faults()
    node = read_yaml("x.yaml", data, faults)
    return node, [str(fault) for fault in faults.found]


@pytest.mark.parametrize(
    ("data", "wrong"),
    [
        (BOMB, "x.yaml:1:4: anchors and aliases"),
        (b"a: *x", "anchors and aliases"),
        (b"a: !!python/object/apply:os.system [ls]", "tags (!)"),
        (b"a: !!binary QUJD", "tags (!)"),
        (b"[" * 500_000, f"nested deeper than {DEPTH_LIMIT}"),
        (b"- " * 400_000, f"nested deeper than {DEPTH_LIMIT}"),
        (b"{a: " * 200_000, f"nested deeper than {DEPTH_LIMIT}"),
        (b"? " * 400_000, "a key must be a plain word"),
        (b"[" + b"a," * 400_000, f"more than {NODE_LIMIT} values"),
        (b"{" + b"".join(b"k%d: a, " % n for n in range(80_000)), "this is not YAML"),
        (b'"' + b"x" * 900_000, "this is not YAML"),
        (b"a: 1\n---\nb: 2\n", "a second document"),
        (b"\xff\xfe" + "a: 1".encode("utf-16-le"), "x.yaml:1:1: this is not UTF-8"),
        (b"ok: 1\nn\xe6ste: 2\n", "x.yaml:2:2: this is not UTF-8"),
        (b"a: \x00\x01\x02", "this is not YAML text"),
        (bytes(range(256)) * 100, "this is not"),
        (b"\x7fELF" + b"\x00" * 4096, "this is not YAML text"),
        (b"%YAML 9.9\n---\na: 1\n", "this is not YAML"),
        (b"a:\n\tb: 1\n", "never with tabs"),
        (b"{[a]: b}", "a key must be a plain word"),
    ],
)
def test_what_no_configuration_holds_is_refused(data: bytes, wrong: str) -> None:
    node, faults = read(data)

    assert node is None
    assert len(faults) == 1
    assert wrong in faults[0]


def test_a_key_that_stands_twice_is_told_with_both_lines_and_the_first_is_kept() -> None:
    node, faults = read(b"a: 1\nb: 2\na: 3\n")

    assert node is not None
    assert node.plain() == {"a": "1", "b": "2"}
    assert faults == ["x.yaml:3:1: the key 'a' stands here twice, first on line 1. Keep one of them"]


def test_every_scalar_is_text_and_places_count_letters_not_bytes() -> None:
    node, faults = read("\ufeffæøå: {tid: 08:00, nej: no, tal: +4500000001, tom: , intet: null}\n".encode())

    assert faults == []
    assert node is not None
    assert node.plain() == {"æøå": {"tid": "08:00", "nej": "no", "tal": "+4500000001", "tom": "", "intet": "null"}}
    assert isinstance(node.value, dict)
    assert (node.value["æøå"].line, node.value["æøå"].column) == (1, 6)


def test_an_empty_file_is_an_empty_mapping() -> None:
    node, faults = read(b"# nothing yet\n")
    assert (node and node.plain(), faults) == ({}, [])


@given(st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_any_bytes_end_as_a_tree_or_as_faults(data: bytes) -> None:
    node, faults = read(data)

    assert node is not None or faults


def test_the_memory_a_refused_file_takes_is_bounded() -> None:
    tracemalloc.start()
    try:
        read(BOMB)
        read(b"[" * 900_000)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 20 * SIZE_LIMIT


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copytree(GOOD, tmp_path / "config")
    return tmp_path / "config"


def told(folder: Path) -> str:
    with pytest.raises(PlanFaults) as caught:
        loaded(folder)
    return str(caught.value)


def test_a_file_that_is_too_large_is_not_read_on(folder: Path) -> None:
    (folder / "systems.yaml").write_bytes(b"#" * (SIZE_LIMIT + 1))
    (folder / "cards" / "kald.md").write_bytes(b"x" * (SIZE_LIMIT + 1))
    with (folder / "rosters" / "vagt.yaml").open("wb") as sparse:
        sparse.truncate(2**40)

    assert told(folder).count(f"is larger than {SIZE_LIMIT} bytes") == 1
    shutil.copy(GOOD / "systems.yaml", folder / "systems.yaml")
    assert told(folder).count(f"is larger than {SIZE_LIMIT} bytes") == 2


def test_a_pipe_a_folder_and_a_device_are_no_files(folder: Path) -> None:
    for name in ("cards/kald.md", "cards/omsorg.md", "rosters/vagt.yaml"):
        (folder / name).unlink()
    os.mkfifo(folder / "cards" / "kald.md")
    (folder / "cards" / "omsorg.md").mkdir()
    (folder / "rosters" / "vagt.yaml").symlink_to("/dev/zero")

    assert told(folder).count("is not a plain file") == 3


def test_a_circle_of_links_ends(folder: Path) -> None:
    (folder / "systems.yaml").unlink()
    (folder / "systems.yaml").symlink_to("systems.yaml")

    assert f"{folder}/systems.yaml: the file cannot be read" in told(folder)


def test_no_path_leads_out_of_the_folder(folder: Path) -> None:
    plan = folder / "systems.yaml"
    text = plan.read_text(encoding="utf-8")
    for path in ("/etc/passwd", "../../etc/passwd", "cards/../../x.md", "cards//x.md", "~/x.md", "cards/\\u0000.md"):
        plan.write_text(text.replace("cards/kald.md", f'"{path}"'), encoding="utf-8")
        assert "is not a file below the configuration folder" in told(folder)


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    assert told(tmp_path / "nowhere").splitlines() == [
        f"{tmp_path}/nowhere/plan.yaml: the file is not there. Create it, or correct the name",
        f"{tmp_path}/nowhere/systems.yaml: the file is not there. Create it, or correct the name",
    ]


def test_a_plan_of_faults_alone_is_told_bounded(folder: Path) -> None:
    people = "".join(f"  p{n}: {{name: P, sms: nej}}\n" for n in range(5_000))
    plan = folder / "plan.yaml"
    plan.write_text(plan.read_text(encoding="utf-8").replace("people:\n", "people:\n" + people), encoding="utf-8")

    lines = told(folder).splitlines()

    assert len(lines) == 201
    assert lines[-1].endswith("and 4800 more. Mend these first")


def test_no_fault_repeats_a_secret(folder: Path) -> None:
    secret = "S3cr3t-Kode!"
    plan, systems = folder / "plan.yaml", folder / "systems.yaml"
    plan.write_text(
        plan.read_text(encoding="utf-8").replace("{via: text}", f'{{via: text, password: "{secret}"}}'),
        encoding="utf-8",
    )
    text = systems.read_text(encoding="utf-8")
    text = text.replace("token: kald_token", f'token: "{secret}", headers: {{X-Api-Key: "{secret}"}}')
    text = text.replace("https://omsorg.example/", f"https://bruger:{secret}@omsorg.example/")
    systems.write_text(text, encoding="utf-8")

    faults = told(folder)

    assert faults.count("in clear") == 4
    assert secret not in faults
