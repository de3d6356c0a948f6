"""The lab's SMS gateways, modem and mailbox over real sockets: each takes, delivers, refuses and loses as said."""

import base64
import hashlib
import hmac
import json
import smtplib
import ssl
from collections.abc import Iterator
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from tests.support.lab import Lab, running_lab, until

PHONES = (f"+4500{n:06d}" for n in range(100, 1000))


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


@pytest.fixture
def phone() -> str:
    return next(PHONES)


@pytest.fixture
def mailbox() -> Iterator[tuple[str, list[Any]]]:
    """An address for receipts, and those that came: `(method, path, headers, body)`."""
    came: list[Any] = []

    class Taker(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            came.append((self.command, self.path, dict(self.headers), body))
            self.send_response(204)
            self.end_headers()

        def do_GET(self) -> None:
            came.append((self.command, self.path, dict(self.headers), b""))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_args: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Taker) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/receipt?route=lab", came
        server.shutdown()
        thread.join()


def classic(lab: Lab, web: httpx.Client, phone: str, **more: Any) -> httpx.Response:
    body = {"sender": "Vagt", "message": "Nødkald nede æøå", "recipients": [{"msisdn": int(phone[1:])}]} | more
    auth = (lab.addresses["secrets"]["gatewayapi_token"], "")
    return web.post(lab.addresses["gatewayapi"] + "/rest/mtsms", json=body, auth=auth)


def current(lab: Lab, web: httpx.Client, phone: str) -> httpx.Response:
    body = {"sender": "Vagt", "message": "Nexus nede", "recipient": int(phone[1:]), "reference": "26-0001"}
    token = {"Authorization": f"Token {lab.addresses['secrets']['gatewayapi_token']}"}
    return web.post(lab.addresses["gatewayapi"] + "/mobile/single", json=body, headers=token)


def cpsms(lab: Lab, web: httpx.Client, phone: str, **more: Any) -> httpx.Response:
    secrets = lab.addresses["secrets"]
    body = {"to": phone[1:], "message": "Phoniro nede", "from": "Vagt"} | more
    return web.post(lab.addresses["cpsms"] + "/v2/send", json=body, auth=(secrets["cpsms_user"], secrets["cpsms_key"]))


def test_gatewayapi_delivers_by_both_of_its_ways(lab: Lab, web: httpx.Client, phone: str) -> None:
    taken = classic(lab, web, phone)
    assert taken.status_code == 200
    assert taken.json()["usage"]["countries"] == {"DK": 1}
    answer = current(lab, web, phone)
    assert (answer.status_code, answer.json()["reference"]) == (202, "26-0001")
    texts = lab.texts(phone)
    assert [(text["text"], text["via"]) for text in texts] == [
        ("Nødkald nede æøå", "gatewayapi"),
        ("Nexus nede", "gatewayapi"),
    ]
    assert texts[0]["id"] == str(taken.json()["ids"][0])


def test_cpsms_delivers_to_several_at_once(lab: Lab, web: httpx.Client, phone: str) -> None:
    other = next(PHONES)
    answer = cpsms(lab, web, phone, to=[phone[1:], other[1:]])
    assert [one["to"] for one in answer.json()["success"]] == [phone[1:], other[1:]]
    assert [text["via"] for text in lab.texts(phone) + lab.texts(other)] == ["cpsms", "cpsms"]


def test_gateways_refuse_strangers_and_what_is_no_message(lab: Lab, web: httpx.Client, phone: str) -> None:
    gateway, other = lab.addresses["gatewayapi"], lab.addresses["cpsms"]
    assert web.post(gateway + "/rest/mtsms", json={}, auth=("wrong", "")).status_code == 401
    assert web.post(gateway + "/mobile/single", json={}).status_code == 403
    assert web.post(other + "/v2/send", json={}, auth=("wrong", "wrong")).status_code == 401
    assert classic(lab, web, phone, recipients=[{"msisdn": "nobody"}]).status_code == 422
    assert cpsms(lab, web, phone, message="").status_code == 400
    assert lab.texts(phone) == []


@pytest.mark.parametrize(
    ("how", "statuses", "delivered"),
    [
        ("500", (500, 500), False),
        ("503", (503, 503), False),
        ("error-200", (200, 200), False),
        ("no-credit", (403, 402), False),
        ("credentials", (401, 401), False),
        ("never-delivered", (200, 200), False),
        ("undeliverable", (200, 200), False),
    ],
)
def test_a_gateway_fails_with_an_answer(
    lab: Lab, web: httpx.Client, phone: str, how: str, statuses: tuple[int, int], delivered: bool
) -> None:
    lab.break_("gatewayapi", how)
    lab.break_("cpsms", how)
    answers = classic(lab, web, phone), cpsms(lab, web, phone)
    assert tuple(answer.status_code for answer in answers) == statuses
    if how == "error-200":
        assert answers[0].json()["code"] == "0x0213"
        assert "error" in answers[1].json()
    assert bool(lab.texts(phone)) is delivered
    lab.mend()
    classic(lab, web, phone)
    assert len(lab.texts(phone)) == 1


def test_a_gateway_that_times_out_may_have_delivered(lab: Lab, web: httpx.Client, phone: str) -> None:
    web.timeout = 0.3
    lab.break_("gatewayapi", "hang")
    with pytest.raises(httpx.ReadTimeout):
        classic(lab, web, phone)
    assert lab.texts(phone) == []
    lab.break_("gatewayapi", "timeout")
    with pytest.raises(httpx.ReadTimeout):
        classic(lab, web, phone)
    assert len(lab.texts(phone)) == 1
    lab.break_("gatewayapi", "refuse")
    with pytest.raises(httpx.ConnectError):
        classic(lab, web, phone)


def test_health_of_an_account_shows_its_credit(lab: Lab, web: httpx.Client) -> None:
    auth = (lab.addresses["secrets"]["gatewayapi_token"], "")
    assert web.get(lab.addresses["gatewayapi"] + "/rest/me", auth=auth).json()["credit"] > 0
    lab.break_("gatewayapi", "no-credit")
    assert web.get(lab.addresses["gatewayapi"] + "/rest/me", auth=auth).json()["credit"] == 0


def claims(token: str, secret: str) -> Any:
    head, body, mac = token.split(".")
    right = hmac.new(secret.encode(), f"{head}.{body}".encode(), hashlib.sha256).digest()
    assert base64.urlsafe_b64decode(mac + "=" * (-len(mac) % 4)) == right
    return json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))


def test_receipts_come_signed_from_gatewayapi(
    lab: Lab, web: httpx.Client, phone: str, mailbox: tuple[str, list[Any]]
) -> None:
    url, came = mailbox
    key = classic(lab, web, phone, callback_url=url, userref="26-0007").json()["ids"][0]
    until(lambda: len(came) == 2)
    said = sorted((json.loads(body) for _, _, _, body in came), key=lambda one: str(one["status"]))
    assert [one["status"] for one in said] == ["DELIVERED", "ENROUTE"]
    assert {(one["id"], one["msisdn"], one["userref"]) for one in said} == {(key, int(phone[1:]), "26-0007")}
    secret = lab.addresses["secrets"]["gatewayapi_jwt_secret"]
    assert all(claims(headers["X-Gwapi-Signature"], secret) == json.loads(body) for _, _, headers, body in came)


def test_receipts_come_from_cpsms_and_say_when_a_number_is_dead(
    lab: Lab, web: httpx.Client, phone: str, mailbox: tuple[str, list[Any]]
) -> None:
    url, came = mailbox
    cpsms(lab, web, phone, dlr_url=url)
    until(lambda: len(came) == 1)
    lab.break_("cpsms", "undeliverable")
    cpsms(lab, web, phone, dlr_url=url)
    until(lambda: len(came) == 2)
    asked = [parse_qs(urlsplit(path).query) for _, path, _, _ in came]
    assert asked == [{"route": ["lab"], "status": [status], "receiver": [phone[1:]]} for status in ("1", "2")]


def test_no_receipt_leaves_this_machine(lab: Lab, web: httpx.Client, phone: str) -> None:
    for url in ("http://gateway.example/", "https://127.0.0.1/", "http://127.0.0.1\r\nX: y/", "file:///etc/passwd"):
        assert classic(lab, web, phone, callback_url=url).status_code == 200
    assert len(lab.texts(phone)) == 4


def test_texts_can_be_followed_live(lab: Lab, web: httpx.Client, phone: str) -> None:
    before = sum(len(texts) for texts in lab.phones().values())
    with web.stream("GET", lab.addresses["control"] + f"/phones/stream?since={before}") as stream:
        lines = stream.iter_lines()
        for text in ("første", "anden"):
            classic(lab, web, phone, message=text)
            landed = json.loads(next(lines))
            assert (landed["to"], landed["text"]) == (phone, text)


def test_the_modem_sends_what_lies_in_its_outbox_also_without_a_line(lab: Lab, phone: str) -> None:
    folder = Path(lab.addresses["modem"])

    def send(serial: int) -> None:
        name = f"OUTA20261224_215930_{serial:02d}_{phone}_26-0007.txtd"
        (folder / "writing").write_text(f"besked {serial}", encoding="utf-8")
        (folder / "writing").replace(folder / "outbox" / name)

    lab.break_("line", "dead")
    send(0)
    assert until(lambda: lab.texts(phone))[0]["text"] == "besked 0"
    assert len(list((folder / "sent").iterdir())) == 1
    lab.break_("modem", "error")
    send(1)
    until(lambda: list((folder / "error").iterdir()))
    lab.break_("modem", "stuck")
    send(2)
    lab.mend("modem")
    until(lambda: len(lab.texts(phone)) == 2)


def mail(subject: str) -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "vagt@eksempel.example", "leder@eksempel.example", subject
    message.set_content("Nødkald er nede.\n")
    return message


def test_the_mailbox_keeps_mail_over_starttls_with_a_login(lab: Lab) -> None:
    host, _, port = lab.addresses["smtp"].partition(":")
    secrets = lab.addresses["secrets"]
    with smtplib.SMTP("localhost", int(port), timeout=5) as server:
        server.starttls(context=ssl.create_default_context(cafile=lab.addresses["tls_ca"]))
        server.login(secrets["smtp_user"], secrets["smtp_password"])
        server.send_message(mail("Hændelse 26-0007"))
    kept = lab.mails()[-1]
    assert kept["subject"] == "Hændelse 26-0007"
    assert kept["to"] == ["leder@eksempel.example"]
    assert kept["text"] == "Nødkald er nede.\n"
    lab.break_("mailbox", "credentials")
    with smtplib.SMTP(host, int(port), timeout=5) as server, pytest.raises(smtplib.SMTPAuthenticationError):
        server.login(secrets["smtp_user"], secrets["smtp_password"])


@pytest.mark.parametrize(
    ("how", "fault", "kept"),
    [
        ("4xx", smtplib.SMTPRecipientsRefused, 0),
        ("5xx", smtplib.SMTPRecipientsRefused, 0),
        ("refuse", ConnectionRefusedError, 0),
        ("slow", TimeoutError, 0),
        ("hang", TimeoutError, 0),
        ("drop", smtplib.SMTPServerDisconnected, 1),
    ],
)
def test_the_mailbox_breaks(lab: Lab, how: str, fault: type[Exception], kept: int) -> None:
    host, _, port = lab.addresses["smtp"].partition(":")
    before = len(lab.mails())
    lab.break_("mailbox", how, **({"seconds": 30.0} if how == "slow" else {}))

    def send() -> None:
        with smtplib.SMTP(host, int(port), timeout=0.4) as server:
            server.send_message(mail(how))

    # smtplib hides a connection that ends behind its own SMTPServerDisconnected when it says goodbye.
    with pytest.raises((fault, smtplib.SMTPServerDisconnected)):
        send()
    assert len(lab.mails()) == before + kept
    lab.mend("mailbox")
    with smtplib.SMTP(host, int(port), timeout=5) as server:
        server.send_message(mail("igen"))
    assert lab.mails()[-1]["subject"] == "igen"
