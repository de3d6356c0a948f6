"""`flow` against a portal of our own on loopback: form login, OAuth2, and the ways they fail."""

from typing import Any

import pytest
from pydantic import ValidationError

from checks.carry import field_of
from checks.flow import Settings
from monitor.core.finding import Finding, Miss, Outcome, Reason
from tests.support.httpserver import Asked, Behaviour, Server, answer, context, fixed, pages, probed, serving

SECRETS = {"portal_bruger": "probe", "portal_kode": "hemmeligt&æ", "api_klient": "klient", "api_kode": "kode"}
FORM = '<form><input type=hidden name="csrf" value="a&amp;b&quot;1"><input name=user></form>'


async def page(asked: Asked) -> None:
    await asked.write(answer(200, FORM, {"Content-Type": "text/html", "Set-Cookie": "sid=7; Path=/; HttpOnly"}))


async def login(asked: Asked) -> None:
    right = asked.form == {"csrf": 'a&b"1', "user": "probe", "password": "hemmeligt&æ"}
    if right and asked.headers.get("cookie") == "sid=7":
        await asked.write(answer(302, "", {"Location": "/home", "Set-Cookie": "in=yes; Path=/"}))
    else:
        await asked.write(answer(200, FORM + "Forkert adgangskode", {"Content-Type": "text/html"}))


async def home(asked: Asked) -> None:
    inside = "in=yes" in asked.headers.get("cookie", "")
    await asked.write(answer(200, "<title>Portal</title>Velkommen" if inside else "<title>Log ind</title>"))


PORTAL: dict[str, bytes | Behaviour] = {"/": page, "/login": login, "/home": home}


def form_login(server: Server, **last: Any) -> list[dict[str, Any]]:
    return [
        {"name": "forside", "url": server.url(), "take": {"csrf": {"form": "csrf"}}},
        {
            "name": "login",
            "url": server.url("/login"),
            "login": "yes",
            "form": {"csrf": "{csrf}", "user": "{secret:portal_bruger}", "password": "{secret:portal_kode}"},
            "expect": {"body": "Velkommen"},
            **last,
        },
    ]


async def walk(steps: list[dict[str, Any]], secrets: dict[str, str] | None = None, **settings: Any) -> Finding:
    return await probed(context(SECRETS if secrets is None else secrets), kind="flow", steps=steps, **settings)


async def test_a_form_login_with_its_hidden_field_and_cookies() -> None:
    async with serving(pages(PORTAL)) as server:
        finding = await walk(form_login(server))

    assert finding.outcome is Outcome.OK
    assert [held.expected for held in finding.held] == [
        "forside: status 2xx",
        "login: status 2xx",
        "login: teksten »Velkommen«",
    ]
    assert [(asked.method, asked.target) for asked in server.asked] == [
        ("GET", "/"),
        ("POST", "/login"),
        ("GET", "/home"),
    ]
    assert {"connect", "processing", "transfer"} <= set(finding.phases)


async def test_200_but_the_login_fails() -> None:
    async with serving(pages(PORTAL)) as server:
        finding = await walk(form_login(server), {**SECRETS, "portal_kode": "forkert"})

    assert (finding.outcome, finding.facts["step"]) == (Outcome.FAIL, "login")
    assert finding.misses == (Miss(Reason.BODY, "login: teksten »Velkommen«", "ikke fundet"),)


@pytest.mark.parametrize(
    ("response", "outcome", "reason"),
    [
        (answer(401), Outcome.UNKNOWN, Reason.CREDENTIALS),
        (answer(403), Outcome.UNKNOWN, Reason.CREDENTIALS),
        (answer(400, '{"error": "invalid_grant"}'), Outcome.UNKNOWN, Reason.CREDENTIALS),
        (answer(400, '{"error": "invalid_request"}'), Outcome.FAIL, Reason.STATUS),
        (answer(400, "<html>"), Outcome.FAIL, Reason.STATUS),
        (answer(500), Outcome.FAIL, Reason.STATUS),
        (b"", Outcome.FAIL, Reason.RESET),
        (b"SSH-2.0\r\n", Outcome.FAIL, Reason.PROTOCOL),
    ],
)
async def test_what_a_login_may_answer(response: bytes, outcome: Outcome, reason: Reason) -> None:
    async with serving(pages({**PORTAL, "/login": response})) as server:
        finding = await walk(form_login(server))

    assert (finding.outcome, finding.reason) == (outcome, reason)
    assert finding.misses[0].expected.startswith("login: ")
    assert "hemmeligt" not in repr(finding)


async def test_401_where_nobody_logs_in_is_the_systems_own() -> None:
    async with serving(fixed(answer(401))) as server:
        finding = await walk([{"name": "side", "url": server.url()}])

    assert (finding.outcome, finding.reason) == (Outcome.FAIL, Reason.STATUS)


async def test_oauth2_client_credentials() -> None:
    async def token(asked: Asked) -> None:
        basic = asked.headers["authorization"] == "Basic a2xpZW50OmtvZGU="
        right = basic and asked.form == {"grant_type": "client_credentials"}
        await asked.write(answer(200 if right else 401, '{"access_token": "abc", "kid": 7}'))

    async def data(asked: Asked) -> None:
        right = asked.headers.get("authorization") == "Bearer abc" and asked.body == b'{"kid": "7", "a": {"b": 1}}'
        await asked.write(answer(200 if right else 401, '{"items": [{"ok": true}]}'))

    async with serving(pages({"/token": token, "/data": data})) as server:
        finding = await walk(
            [
                {
                    "name": "token",
                    "url": server.url("/token"),
                    "login": "yes",
                    "auth": {"user": "klient", "password": "api_kode"},
                    "form": {"grant_type": "client_credentials"},
                    "take": {"token": {"json": "access_token"}, "kid": {"json": "kid"}},
                },
                {
                    "name": "data",
                    "url": server.url("/data"),
                    "headers": {"Authorization": "Bearer {token}", "Content-Type": "application/json"},
                    "body": '{"kid": "{kid}", "a": {"b": 1}}',
                    "expect": {"json": {"items[0].ok": "true"}},
                },
            ]
        )

    assert finding.misses == ()
    assert finding.outcome is Outcome.OK


@pytest.mark.parametrize(
    ("take", "value"),
    [
        ({"header": "X-Next"}, "a b/?"),
        ({"cookie": "sid"}, "77"),
        ({"regex": '/data-id="([0-9]{1,9})"/'}, "12"),
        ({"json": "missing"}, None),
        ({"cookie": "other"}, None),
        ({"form": "other"}, None),
        ({"regex": "/nothing/"}, None),
    ],
)
async def test_values_are_taken_and_escaped_in_the_address(take: dict[str, str], value: str | None) -> None:
    front = answer(200, '<p data-id="12">', {"X-Next": "a b/?", "Set-Cookie": "sid=77"})
    async with serving(pages({"/": front, "/next/x": answer(200)})) as server:
        steps: list[dict[str, Any]] = [
            {"name": "en", "url": server.url(), "take": {"v": take}},
            {"name": "to", "url": server.url("/next/x?v={v}")},
        ]
        finding = await walk(steps)

    if value is None:
        assert (finding.outcome, finding.misses[0].seen) == (Outcome.FAIL, "mangler i svaret")
    else:
        assert finding.outcome is Outcome.OK
        assert server.asked[1].target == "/next/x?v=" + {"a b/?": "a%20b%2F%3F"}.get(value, value)


async def test_an_address_out_of_an_answer_leads_only_to_known_servers() -> None:
    async with serving(fixed(answer(200))) as other:
        front = answer(200, f'<input name=to value="{other.url("/x?a=1")}"><input name=own value="/own?b=2">')
        async with serving(pages({"/": front, "/own": answer(200)})) as server:
            first = {"name": "en", "url": server.url(), "take": {"to": {"form": "to"}, "own": {"form": "own"}}}
            own = await walk([first, {"name": "to", "url": "{own}"}])
            astray = await walk([first, {"name": "to", "url": "{to}", "form": {"p": "{secret:portal_kode}"}}])
            assert other.asked == []
            known = await walk([first, {"name": "to", "url": "{to}"}], origins=[other.url()])

    assert (own.outcome, known.outcome) == (Outcome.OK, Outcome.OK)
    assert astray.misses == (Miss(Reason.CONTENT, "to: en adresse på en kendt vært", "en anden vært"),)


async def test_a_value_with_a_line_break_is_no_header() -> None:
    async with serving(fixed(answer(200, '{"v": "a\\r\\nX: y"}'))) as server:
        steps = [
            {"name": "en", "url": server.url(), "take": {"v": {"json": "v"}}},
            {"name": "to", "url": server.url(), "headers": {"X-V": "{v}"}},
        ]
        finding = await walk(steps)

    assert (finding.outcome, finding.reason) == (Outcome.FAIL, Reason.CONTENT)
    assert len(server.asked) == 1


async def test_time_running_out_is_the_steps_fault() -> None:
    async def hang(asked: Asked) -> None:
        await asked.forever(b"", 0.05)

    async with serving(pages({**PORTAL, "/login": hang})) as server:
        finding = await walk(form_login(server), timeout="1s")

    assert (finding.outcome, finding.reason) == (Outcome.FAIL, Reason.TIMEOUT)
    assert finding.misses[0] == Miss(Reason.TIMEOUT, "login: svar inden 1 s", "intet svar")


async def test_a_missing_secret_is_our_own() -> None:
    async with serving(pages(PORTAL)) as server:
        finding = await walk(form_login(server), {})

    assert (finding.outcome, finding.reason) == (Outcome.UNKNOWN, Reason.SECRET)


async def test_a_slow_step_is_a_warning_and_the_walk_goes_on() -> None:
    async with serving(pages(PORTAL)) as server:
        steps: list[dict[str, Any]] = form_login(server)
        steps[0]["expect"] = {"degraded_over": "0s"}
        finding = await walk(steps)

    assert (finding.outcome, finding.reason) == (Outcome.WARN, Reason.SLOW)
    assert finding.misses[0].expected == "forside: svar inden 0 s"
    assert len(server.asked) == 3


@pytest.mark.parametrize(
    ("steps", "mend"),
    [
        ([], "at least 1 item"),
        ([{"name": "a", "url": "/x"}], "written out whole"),
        ([{"name": "a", "url": "https://{h}.example/"}], "neither a name nor an IP address"),
        ([{"name": "a", "url": "https://x.example/{v}"}], "is taken by no earlier step"),
        ([{"name": "a", "url": "https://x.example/{secret:k}"}], "no secret in an address"),
        ([{"name": "a", "url": "https://x.example/", "form": {"a": "b"}, "body": "c"}], "either form or body"),
        ([{"name": "a", "url": "https://x.example/", "take": {"v": {}}}], "exactly one of"),
        ([{"name": "a", "url": "https://x.example/", "take": {"v": {"regex": "plain"}}}], "between two /"),
        ([{"name": "a", "url": "https://x.example/", "take": {"V": {"form": "x"}}}], "should match pattern"),
        (
            [
                {"name": "a", "url": "https://x.example/", "take": {"h": {"form": "h"}}},
                {"name": "b", "url": "https://{h}/"},
            ],
            "neither a name nor an IP address",
        ),
    ],
)
def test_steps_that_are_refused(steps: list[dict[str, Any]], mend: str) -> None:
    with pytest.raises(ValidationError, match=mend):
        Settings.model_validate({"name": "f", "kind": "flow", "steps": steps})


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('<INPUT NAME="t" VALUE="x">', "x"),
        ("<input value='a b' name='t'/>", "a b"),
        ("<input name=t>", ""),
        ('<input name="other" value="1"><input value=&#230;&amp; name=t>', "æ&"),
        ("<input name=t value=x", None),
        ("<inputs name=t value=x>", None),
        ("<input " * 20_000, None),
        ("<input name=" + 'a="' * 60_000 + ">", None),
    ],
)
def test_a_field_of_a_form(text: str, value: str | None) -> None:
    assert field_of(text, "t") == value
