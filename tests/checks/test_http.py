"""`http` against a real server on loopback: what it asks, what it follows, what it measures."""

import ssl
from typing import Any

import pytest
import trustme
from pydantic import ValidationError

from checks.http import Settings
from monitor.core.finding import Outcome, Reason
from tests.support.httpserver import NOW, Asked, answer, context, fixed, pages, probed, serving

LOGIN = answer(200, "<html><title>Nexus</title>Log ind</html>", {"Content-Type": "text/html"})


async def test_a_page_that_is_as_expected() -> None:
    async with serving(fixed(LOGIN)) as server:
        finding = await probed(kind="http", url=server.url("/login?x=1"), expect={"status": "200", "body": "Log ind"})

    assert finding.outcome is Outcome.OK
    assert finding.misses == ()
    assert [held.expected for held in finding.held] == ["status 200", "teksten »Log ind«"]
    assert finding.at == NOW
    assert set(finding.phases) == {"connect", "processing", "transfer"}
    assert finding.facts == {"address": "127.0.0.1", "status": 200, "http_version": "1.1"}
    assert [asked.target for asked in server.asked] == ["/login?x=1"]
    assert server.asked[0].headers["host"] == f"127.0.0.1:{server.port}"
    assert server.asked[0].headers["connection"] == "close"


async def test_a_name_is_looked_up_and_the_time_of_it_told() -> None:
    async with serving(fixed(LOGIN)) as server:
        finding = await probed(kind="http", url=f"http://localhost:{server.port}/")

    assert finding.outcome is Outcome.OK
    assert next(iter(finding.phases)) == "resolve"


async def test_ipv6() -> None:
    async with serving(fixed(LOGIN), host="::1") as server:
        finding = await probed(kind="http", url=server.url())

    assert finding.outcome is Outcome.OK
    assert finding.facts["address"] == "::1"
    assert server.asked[0].headers["host"] == f"[::1]:{server.port}"


async def test_a_post_with_body_headers_and_a_password_by_its_secrets_name() -> None:
    async with serving(fixed(LOGIN)) as server:
        finding = await probed(
            context({"portal_kode": "hemmeligt"}),
            kind="http",
            url=server.url(),
            method="POST",
            headers={"Content-Type": "text/plain"},
            body="prøve",
            auth={"user": "probe", "password": "portal_kode"},
        )

    assert finding.outcome is Outcome.OK
    assert server.asked[0].method == "POST"
    assert server.asked[0].body == "prøve".encode()
    assert server.asked[0].headers["authorization"] == "Basic cHJvYmU6aGVtbWVsaWd0"
    assert "hemmeligt" not in repr(finding)


async def test_a_missing_secret_is_our_own_fault() -> None:
    finding = await probed(kind="http", url="http://127.0.0.1:9/", auth={"bearer": "nexus_token"})

    assert (finding.outcome, finding.reason) == (Outcome.UNKNOWN, Reason.SECRET)


async def test_nobody_listens() -> None:
    async with serving(fixed(LOGIN)) as server:
        url = server.url()
    finding = await probed(kind="http", url=url)

    assert (finding.outcome, finding.reason) == (Outcome.FAIL, Reason.REFUSED)
    assert set(finding.phases) == {"connect"}


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
@pytest.mark.parametrize("status", [200, 204, 304])
async def test_answers_without_a_body(method: str, status: int) -> None:
    bare = f"HTTP/1.1 {status} X\r\nContent-Length: {10 if method == 'HEAD' or status != 200 else 0}\r\n\r\n"
    async with serving(fixed(bare.encode())) as server:
        finding = await probed(kind="http", url=server.url(), method=method, expect={"status": [str(status)]})

    assert finding.outcome is Outcome.OK


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.0 200 OK\r\n\r\nLog ind",
        b"HTTP/1.1 200 OK\nContent-Length: 7\n\nLog ind",
        b"HTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nLog ind",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nLog\r\n4\r\n ind\r\n0\r\nTrailer: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nLog ind and what comes after",
    ],
    ids=["1.0 until the end", "bare LF", "interim", "chunked with a trailer", "more than announced"],
)
async def test_framings(data: bytes) -> None:
    async with serving(fixed(data)) as server:
        finding = await probed(kind="http", url=server.url(), expect={"body": "Log ind"})

    assert finding.outcome is Outcome.OK


async def test_slow_is_a_warning() -> None:
    async with serving(fixed(LOGIN)) as server:
        finding = await probed(kind="http", url=server.url(), degraded_over="0s")

    assert (finding.outcome, finding.reason) == (Outcome.WARN, Reason.SLOW)


def authority() -> tuple[trustme.CA, ssl.SSLContext]:
    """An authority, and a server's side with its certificate for localhost."""
    ca = trustme.CA()
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("localhost", "nexus.example").configure_cert(tls)
    return ca, tls


@pytest.fixture(scope="module")
def trusted(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ssl.SSLContext]:
    ca, tls = authority()
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    ca.cert_pem.write_to_path(str(path))
    return str(path), tls


async def test_tls_with_an_authority_of_our_own(trusted: tuple[str, ssl.SSLContext]) -> None:
    ca_file, tls = trusted
    async with serving(fixed(LOGIN), tls) as server:
        finding = await probed(kind="http", url=f"https://localhost:{server.port}/", ca_file=ca_file)

    assert finding.outcome is Outcome.OK
    assert list(finding.phases) == ["resolve", "connect", "tls", "processing", "transfer"]
    assert finding.facts["tls_version"] == "TLSv1.3"
    assert float(finding.facts["tls_expiry_timestamp_seconds"]) > NOW.timestamp()


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({}, Reason.CERTIFICATE_UNTRUSTED),
        ({"ca_file": True, "server_name": "phoniro.example"}, Reason.CERTIFICATE_NAME),
        ({"ca_file": True, "host": "127.0.0.1"}, Reason.CERTIFICATE_NAME),
        ({"ca_file": True, "host": "127.0.0.1", "server_name": "nexus.example"}, None),
        ({"verify": "no"}, None),
    ],
)
async def test_trust(settings: dict[str, Any], reason: Reason | None, trusted: tuple[str, ssl.SSLContext]) -> None:
    ca_file, tls = trusted
    given = {**settings, **({"ca_file": ca_file} if "ca_file" in settings else {})}
    host = given.pop("host", "localhost")
    async with serving(fixed(LOGIN), tls) as server:
        finding = await probed(kind="http", url=f"https://{host}:{server.port}/", **given)

    assert finding.reason is reason
    assert finding.outcome is (Outcome.FAIL if reason else Outcome.OK)


async def test_tls_where_the_server_speaks_plainly() -> None:
    async with serving(fixed(LOGIN)) as server:
        finding = await probed(kind="http", url=server.url().replace("http:", "https:"), timeout="2s")

    assert finding.outcome is Outcome.FAIL


def to(location: str, status: int = 302, cookie: str = "") -> bytes:
    return answer(status, "", {"Location": location, **({"Set-Cookie": cookie} if cookie else {})})


async def test_redirections_are_followed_with_cookies() -> None:
    async def start(asked: Asked) -> None:
        known = asked.headers.get("cookie") == "seen=1"
        await asked.write(to("/login" if known else "/", cookie="seen=1; Path=/"))

    async with serving(pages({"/": start, "/login": LOGIN})) as server:
        finding = await probed(kind="http", url=server.url(), expect={"body": "Log ind"})

    assert finding.outcome is Outcome.OK
    assert [asked.target for asked in server.asked] == ["/", "/", "/login"]


@pytest.mark.parametrize(
    ("routes", "seen"),
    [
        ({"/": to("/")}, "i ring"),
        ({"/": to("/a"), "/a": to("/")}, "i ring"),
        ({f"/{'a' * n}": to("/" + "a" * (n + 1)) for n in range(9)}, "flere"),
        ({"/": to("ftp://x.example/")}, "en ugyldig Location"),
        ({"/": to("http://[::1")}, "en ugyldig Location"),
        ({"/": to("http://u:p@x.example/")}, "en ugyldig Location"),
        ({"/": to("http://x.example:99999/")}, "en ugyldig Location"),
    ],
)
async def test_redirections_that_lead_nowhere(routes: dict[str, bytes], seen: str) -> None:
    async with serving(pages(routes)) as server:
        finding = await probed(kind="http", url=server.url())

    assert (finding.outcome, finding.reason) == (Outcome.FAIL, Reason.REDIRECTS)
    assert finding.misses[0].seen == seen


async def test_from_https_to_http_is_refused_unless_allowed(trusted: tuple[str, ssl.SSLContext]) -> None:
    ca_file, tls = trusted
    async with serving(fixed(LOGIN)) as plain, serving(fixed(to(plain.url())), tls) as server:
        url = f"https://localhost:{server.port}/"
        refused = await probed(kind="http", url=url, ca_file=ca_file)
        allowed = await probed(kind="http", url=url, ca_file=ca_file, allow_downgrade="yes")

    assert (refused.outcome, refused.reason) == (Outcome.FAIL, Reason.REDIRECTS)
    assert allowed.outcome is Outcome.OK
    assert len(plain.asked) == 1


async def test_nothing_that_says_who_we_are_goes_to_another_origin() -> None:
    async with serving(fixed(LOGIN)) as other, serving(fixed(to(other.url("/sso")))) as server:
        finding = await probed(
            context({"n": "hemmeligt"}),
            kind="http",
            url=server.url(),
            headers={"X-Key": "k", "Accept": "text/html"},
            auth={"bearer": "n"},
        )

    assert finding.outcome is Outcome.OK
    assert server.asked[0].headers["authorization"] == "Bearer hemmeligt"
    assert {"authorization", "x-key", "cookie"}.isdisjoint(other.asked[0].headers)
    assert other.asked[0].headers["accept"] == "text/html"


@pytest.mark.parametrize(("status", "method", "body"), [(303, "GET", b""), (302, "GET", b""), (307, "POST", b"x")])
async def test_what_becomes_of_a_post(status: int, method: str, body: bytes) -> None:
    async with serving(pages({"/": to("/b", status), "/b": LOGIN})) as server:
        await probed(kind="http", url=server.url(), method="POST", body="x")

    assert (server.asked[1].method, server.asked[1].body) == (method, body)


async def test_a_body_is_never_sent_on_to_another_origin() -> None:
    async with serving(fixed(LOGIN)) as other, serving(fixed(to(other.url(), 307))) as server:
        finding = await probed(kind="http", url=server.url(), method="POST", body="x")

    assert finding.reason is Reason.REDIRECTS
    assert other.asked == []


async def test_an_expected_redirection_is_not_followed() -> None:
    async with serving(fixed(to("/login"))) as server:
        finding = await probed(
            kind="http", url=server.url(), expect={"status": "302", "header": {"Location": "/login"}}
        )

    assert finding.outcome is Outcome.OK
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("setting", "mend"),
    [
        ({"url": "portal.example"}, "write the whole address"),
        ({"url": "ftp://portal.example/"}, "write the whole address"),
        ({"url": "https://bruger:kode@portal.example/"}, "no user or password in an address"),
        ({"url": "https://portal example/"}, "neither a name nor an IP address"),
        ({"url": "https://portal.example:0/"}, "port 0"),
        ({"headers": {"X": "a\r\nY: b"}}, "one line of Latin-1"),
        ({"headers": {"Content-Length": "1"}}, "set by the probe itself"),
        ({"auth": {"user": "x"}}, "write either user and password, or bearer"),
        ({"expect": {"status": "2x"}}, "write for instance 200, 2xx"),
        ({"expect": {"body": "/(a+)+/"}}, "write a bound"),
        ({"expect": {"json": {"a..b": "1"}}}, "is not a path"),
        ({"expect": {"statsu": "200"}}, "Extra inputs"),
    ],
)
def test_settings_that_are_refused(setting: dict[str, Any], mend: str) -> None:
    with pytest.raises(ValidationError, match=mend):
        Settings.model_validate({"name": "x", "kind": "http", "url": "https://portal.example/", **setting})


def test_the_example_of_the_plan() -> None:
    settings = Settings.model_validate(
        {"name": "nexus-login", "kind": "http", "url": "https://eksempel.nexus.example/"}
        | {"expect": {"status": "200", "body": "Log ind"}, "degraded_over": "2s"}
    )

    assert settings.url.host == "eksempel.nexus.example"
    assert settings.degraded_over == 2.0
