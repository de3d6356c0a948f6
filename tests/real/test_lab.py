"""The lab's stand-ins over real sockets: each behaves, breaks as said and is whole when mended."""

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.support.lab import LAB, Lab, running_lab, until

HOME = "/api/core/mobile/eksempel/v2/"
TOKEN = "/authx/realms/eksempel/protocol/openid-connect/token"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    folder = tmp_path_factory.mktemp("lab")
    with running_lab(folder) as lab:
        yield lab
    assert (folder / "lab.err").read_text() == ""


@pytest.fixture
def lab(whole: Lab) -> Iterator[Lab]:
    yield whole
    whole.mend()


@pytest.fixture
def web() -> Iterator[httpx.Client]:
    with httpx.Client(trust_env=False, timeout=5.0) as client:
        yield client


def login(lab: Lab, web: httpx.Client) -> httpx.Response:
    secrets = lab.addresses["secrets"]
    form = {
        "grant_type": "client_credentials",
        "client_id": secrets["nexus_client_id"],
        "client_secret": secrets["nexus_client_secret"],
    }
    return web.post(lab.addresses["nexus_iam"] + TOKEN, data=form)


def home(lab: Lab, web: httpx.Client) -> httpx.Response:
    token = login(lab, web).json()["access_token"]
    return web.get(lab.addresses["nexus"] + HOME, headers={"Authorization": f"Bearer {token}"})


def host_port(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    return host.rpartition("/")[2], int(port)


def refuses(address: str) -> bool:
    try:
        socket.create_connection(host_port(address), 5).close()
    except ConnectionRefusedError:
        return True
    return False


# Nexus


def test_nexus_goes_from_discovery_to_the_organizations(lab: Lab, web: httpx.Client) -> None:
    realm = lab.addresses["nexus_iam"] + "/authx/realms/eksempel"
    found = web.get(realm + "/.well-known/openid-configuration").json()
    assert found["token_endpoint"] == lab.addresses["nexus_iam"] + TOKEN
    answer = login(lab, web).json()
    assert answer["expires_in"] == 300
    bearer = {"Authorization": f"Bearer {answer['access_token']}"}
    links = web.get(lab.addresses["nexus"] + HOME, headers=bearer).json()["_links"]
    assert len(web.get(links["organizations"]["href"], headers=bearer).json()) == 2


def test_nexus_counts_whoever_follows_a_link_to_citizens(lab: Lab, web: httpx.Client) -> None:
    before = lab.state("nexus")["seen"].get("forbidden", 0)
    links = home(lab, web).json()["_links"]
    assert lab.state("nexus")["seen"].get("forbidden", 0) == before
    web.get(lab.addresses["nexus"] + links["patients"]["href"])
    assert lab.state("nexus")["seen"]["forbidden"] == before + 1


def test_nexus_refuses_wrong_credentials_and_outlived_tokens(lab: Lab, web: httpx.Client) -> None:
    wrong = {"grant_type": "client_credentials", "client_id": "x", "client_secret": "y"}
    assert web.post(lab.addresses["nexus_iam"] + TOKEN, data=wrong).status_code == 401
    assert web.post(lab.addresses["nexus_iam"] + TOKEN, data={"grant_type": "password"}).status_code == 400
    lab.break_("nexus", "short-tokens", seconds=0)
    assert home(lab, web).status_code == 401


def test_nexus_staff_log_in_over_a_chain_of_redirects(lab: Lab, web: httpx.Client) -> None:
    page = web.get(lab.addresses["nexus"] + "/", follow_redirects=True)
    assert (page.status_code, len(page.history)) == (200, 2)
    assert "Log ind" in page.text
    assert "Log ind" in web.get(lab.addresses["nexus"] + "/login").text


@pytest.mark.parametrize(
    ("how", "status", "kind", "shown"),
    [
        ("home-500", 500, "application/json", "internal"),
        ("maintenance", 200, "text/html", "lukket for vedligeholdelse"),
        ("login-page", 200, "text/html", "Log ind"),
        ("redirect-loop", 302, "text/plain", ""),
    ],
)
def test_nexus_home_breaks_while_tokens_are_given(
    lab: Lab, web: httpx.Client, how: str, status: int, kind: str, shown: str
) -> None:
    lab.break_("nexus", how)
    answer = home(lab, web)
    assert answer.status_code == status
    assert answer.headers["content-type"].startswith(kind)
    assert shown in answer.text
    lab.mend("nexus")
    assert home(lab, web).json()["_links"]


def test_nexus_redirects_in_a_circle(lab: Lab, web: httpx.Client) -> None:
    lab.break_("nexus", "redirect-loop")
    with pytest.raises(httpx.TooManyRedirects):
        web.get(lab.addresses["nexus"] + "/", follow_redirects=True)


def test_nexus_token_host_and_instance_fail_apart(lab: Lab, web: httpx.Client) -> None:
    lab.break_("nexus", "token-401")
    assert login(lab, web).status_code == 401
    lab.break_("nexus", "token-down")
    assert refuses(lab.addresses["nexus_iam"])
    assert web.get(lab.addresses["nexus"] + "/login").status_code == 200
    lab.break_("nexus", "instance-down")
    assert login(lab, web).status_code == 200
    assert refuses(lab.addresses["nexus"])
    lab.break_("nexus", "503")
    assert login(lab, web).status_code == web.get(lab.addresses["nexus"] + "/login").status_code == 503


def test_nexus_list_of_organizations_can_be_empty(lab: Lab, web: httpx.Client) -> None:
    lab.break_("nexus", "empty-organizations")
    token = login(lab, web).json()["access_token"]
    url = lab.addresses["nexus"] + HOME + "organizations"
    assert web.get(url, headers={"Authorization": f"Bearer {token}"}).json() == []


# The wire, on the plainest stand-in


def test_a_site_hangs_resets_and_refuses(lab: Lab, web: httpx.Client) -> None:
    url = lab.addresses["site_a"] + "/"
    for how, fault in (("hang", httpx.ReadTimeout), ("reset", httpx.ReadError), ("refuse", httpx.ConnectError)):
        lab.break_("site-a", how)
        with pytest.raises(fault):
            web.get(url, timeout=0.3)
    lab.break_("site-a", "slow", seconds=30)
    with pytest.raises(httpx.ReadTimeout):
        web.get(url, timeout=0.3)
    lab.break_("site-a", "slow", seconds=0.01)
    assert web.get(url).status_code == 200


def test_a_shut_port_opens_again_on_the_same_number(lab: Lab, web: httpx.Client) -> None:
    for _ in range(3):
        lab.break_("site-a", "refuse")
        assert refuses(lab.addresses["site_a"])
        lab.mend("site-a")
        assert web.get(lab.addresses["site_a"]).status_code == 200


def test_a_site_flaps(lab: Lab, web: httpx.Client) -> None:
    def answers(status: int) -> bool:
        return web.get(lab.addresses["site_a"]).status_code == status

    lab.break_("site-a", "flap", down=0.1, every=0.2)
    for _ in range(2):
        until(lambda: answers(503))
        until(lambda: answers(200))


def test_a_site_slows_errs_and_is_gone(lab: Lab, web: httpx.Client) -> None:
    lab.break_("site-a", "slowing", first=0, last=0, over=3600, errors=1e6)
    until(lambda: web.get(lab.addresses["site_a"]).status_code == 500)
    lab.break_("site-a", "slowing", first=0, last=3600, over=3600 * 60, errors=0)
    # Growth is 1 s of delay for each minute gone, so the first answers come; the table of delays is in test_lab_faults.
    assert web.get(lab.addresses["site_a"]).status_code == 200
    lab.break_("site-a", "slowing", over=0)
    assert web.get(lab.addresses["site_a"]).status_code == 503


# Phoniro and medico


def phoniro_login(lab: Lab, web: httpx.Client, **changed: str) -> httpx.Response:
    secrets = lab.addresses["secrets"]
    page = web.get(lab.addresses["phoniro"] + "/login")
    csrf = page.text.partition('name="csrf" value="')[2].partition('"')[0]
    form = {"csrf": csrf, "user": secrets["phoniro_user"], "password": secrets["phoniro_password"]} | changed
    return web.post(lab.addresses["phoniro"] + "/login", data=form, follow_redirects=True)


def test_phoniro_takes_a_login_in_its_steps(lab: Lab, web: httpx.Client) -> None:
    assert "Phoniro Care" in web.get(lab.addresses["phoniro"]).text
    assert "Mine lister" in phoniro_login(lab, web).text
    assert phoniro_login(lab, web, csrf="forged").status_code == 403
    assert "Forkert" in phoniro_login(lab, web, password="wrong").text


def test_phoniro_answers_200_but_no_login_succeeds(lab: Lab, web: httpx.Client) -> None:
    lab.break_("phoniro", "login-fails")
    answer = phoniro_login(lab, web)
    assert answer.status_code == 200
    assert "Mine lister" not in answer.text
    lab.break_("phoniro", "login-500")
    assert phoniro_login(lab, web).status_code == 500
    lab.break_("phoniro", "down")
    assert refuses(lab.addresses["phoniro"])


def test_medico_gives_its_banner_and_falls_silent(lab: Lab, web: httpx.Client) -> None:
    def banner() -> bytes:
        with socket.create_connection(host_port(lab.addresses["medico"]), 0.3) as line:
            return line.recv(100)

    assert banner() == b"MEDICO 1.0 klar\r\n"
    assert web.get(lab.addresses["medico_web"] + "/").status_code == 200
    assert web.get(lab.addresses["medico_web"] + "/status").status_code == 401
    lab.break_("medico", "silent")
    with pytest.raises(TimeoutError):
        banner()
    lab.break_("medico", "down")
    assert refuses(lab.addresses["medico"])
    assert refuses(lab.addresses["medico_web"])


# The line and what shows that it works


def test_the_whole_line_dies_and_comes_back(lab: Lab) -> None:
    beyond = ("nexus", "nexus_iam", "phoniro", "sip", "sip_tls", "gatewayapi", "cpsms", "site_a", "site_b", "gateway")
    lab.break_("phoniro", "login-fails")
    lab.break_("line", "dead")
    assert [name for name in beyond if not refuses(lab.addresses[name])] == []
    assert not refuses(lab.addresses["smtp"])
    assert not refuses(lab.addresses["medico"])
    assert not refuses(lab.addresses["control"])
    lab.mend("line")
    assert [name for name in beyond if refuses(lab.addresses[name])] == []
    assert lab.state("phoniro")["broken"] == "login-fails"


def test_an_outage_of_its_own_outlives_the_dead_line(lab: Lab) -> None:
    lab.break_("line", "dead")
    lab.break_("site-b", "refuse")
    lab.mend("line")
    assert refuses(lab.addresses["site_b"])
    assert not refuses(lab.addresses["site_a"])


# The control interface and the command line


@pytest.mark.parametrize(
    ("path", "status", "names"),
    [
        ("/break/nexus/earthquake", 404, "login-page"),
        ("/break/moon/refuse", 404, "phoniro"),
        ("/break/nexus/slow?minutes=1", 404, "seconds"),
        ("/break/nexus/slow?seconds=long", 400, "long"),
        ("/break/nexus/slow?seconds=nan", 400, "plain number"),
        ("/break/nexus/flap?every=0", 400, "above 0"),
        ("/explode", 404, "/mend"),
    ],
)
def test_a_wrong_name_is_told_the_right_ones(lab: Lab, path: str, status: int, names: str) -> None:
    answer = lab.client.post(path)
    assert answer.status_code == status
    assert names in answer.json()["error"]
    assert lab.state("nexus")["broken"] is None


@pytest.mark.parametrize(
    "sent",
    [
        b"\x00\x01\x02\x03\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 20_000 + b"\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
    ],
)
def test_a_hostile_request_is_refused_and_nobody_else_is_harmed(lab: Lab, sent: bytes) -> None:
    with socket.create_connection(host_port(lab.addresses["site_a"]), 5) as line:
        try:
            line.sendall(sent)
            said = line.recv(100)
        except ConnectionError:
            said = b""
    assert said == b"" or said.startswith(b"HTTP/1.1 400 ")
    assert lab.state("site-a")["broken"] is None


def lab_command(note: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(LAB), "--note", str(note), *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)


def test_the_terminal_breaks_and_mends_the_lab_started_last(tmp_path: Path) -> None:
    note = tmp_path / "lab.json"
    assert lab_command(note, "state").returncode == 2
    with running_lab(tmp_path) as lab:
        assert lab_command(note, "break", "nexus", "slow", "seconds=2").returncode == 0
        assert lab.state("nexus")["numbers"] == {"seconds": 2.0}
        assert json.loads(lab_command(note, "state").stdout)["nexus"]["broken"] == "slow"
        assert lab_command(note, "break", "nexus", "earthquake").returncode == 2
        assert lab_command(note, "mend", "nexus").returncode == 0
        assert lab.state("nexus")["broken"] is None
    assert not note.exists()
    assert (tmp_path / "lab.err").read_text() == ""
