"""`nexus` against a token host and an instance of our own on loopback, each answering as the real one may."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote

import pytest
from pydantic import ValidationError

from checks.nexus import Settings, Visited, judge
from checks.nexus_client import Stage
from monitor.core.finding import Finding, Miss, Outcome, Reason
from tests.support.httpserver import NOW, Asked, Behaviour, Server, answer, context, pages, probed, serving

SECRETS = {"nexus_client_id": "klient", "nexus_client_secret": "meget-hemmeligt"}
HOME = "/api/core/mobile/eksempel/v2/"
REALM = "/authx/realms/eksempel/"
TOKEN = "et-token-som-ingen-maa-se"
LOGIN = answer(200, "<html><title>Log ind</title></html>", {"Content-Type": "text/html"})
ORGANIZATIONS = answer(200, '[{"id": 1}]')


def token(expires: Any = 300, name: str = "access_token") -> Behaviour:
    async def behave(asked: Asked) -> None:
        right = asked.form == {
            "grant_type": "client_credentials",
            "client_id": "klient",
            "client_secret": "meget-hemmeligt",
        }
        body = f'{{"{name}": "{TOKEN}", "expires_in": {expires}}}'
        await asked.write(answer(200, body) if right else answer(401, '{"error": "invalid_client"}'))

    return behave


def behind(page: bytes) -> Behaviour:
    """Only with the token."""

    async def behave(asked: Asked) -> None:
        good = asked.headers.get("authorization") == f"Bearer {TOKEN}"
        await asked.write(page if good else answer(401, "{}"))

    return behave


def home(href: str = "organizations") -> bytes:
    links = f'"organizations": {{"href": "{href}"}}, "patients": {{"href": "patients"}}'
    return answer(200, f'{{"_links": {{{links}}}}}')


@asynccontextmanager
async def both(**routes: bytes | Behaviour) -> AsyncIterator[tuple[Server, Server]]:
    """The token host and the instance; `discovery`, `token`, `home`, `organizations` replace an answer."""

    async def discover(asked: Asked) -> None:
        await asked.write(answer(200, f'{{"token_endpoint": "{iam.url(REALM + "tok")}"}}'))

    shared = {
        REALM + ".well-known/openid-configuration": routes.get("discovery", discover),
        REALM + "tok": routes.get("token", token()),
    }
    own = {
        HOME: behind(home()) if "home" not in routes else routes["home"],
        HOME + "organizations": routes.get("organizations", behind(ORGANIZATIONS)),
        HOME + "patients": behind(ORGANIZATIONS),
    }
    async with serving(pages(shared)) as iam, serving(pages(own)) as instance:
        yield iam, instance


async def look(iam: Server, instance: Server, memory: dict[str, Any] | None = None, **settings: Any) -> Finding:
    given = {"kind": "nexus", "instance": "eksempel", "iam": iam.url(), "api": instance.url(), **settings}
    return await probed(context(SECRETS, memory=memory), **given)


async def test_the_whole_way_and_no_patient() -> None:
    async with both() as (iam, instance):
        finding = await look(iam, instance)

    assert finding.outcome is Outcome.OK
    assert [held.expected for held in finding.held] == [
        "fælles login, opslag: JSON",
        "fælles login, token: JSON",
        "instansen, hjem: JSON",
        "instansen, organizations: JSON",
    ]
    assert [asked.target for asked in instance.asked] == [HOME, HOME + "organizations"]
    assert len(iam.asked) == 2


async def test_the_token_is_kept_and_a_fresh_login_comes_at_every_third_probe() -> None:
    memory: dict[str, Any] = {}
    async with both() as (iam, instance):
        findings = [await look(iam, instance, memory, login_every="3") for _ in range(4)]
        logins = [asked.target for asked in iam.asked].count(REALM + "tok")

    assert {finding.outcome for finding in findings} == {Outcome.OK}
    assert logins == 2
    assert TOKEN not in repr(memory) + repr(findings)


@pytest.mark.parametrize("expires", [60, 0, -5, "null", '"300"', "1e400", "true"])
async def test_a_token_without_a_minute_to_spare_is_not_kept(expires: Any) -> None:
    memory: dict[str, Any] = {}
    async with both(token=token(expires)) as (iam, instance):
        findings = [await look(iam, instance, memory) for _ in range(2)]

    assert [finding.outcome for finding in findings] == [Outcome.OK, Outcome.OK]
    assert memory == {}


async def test_a_login_that_fails_stays_due() -> None:
    memory: dict[str, Any] = {}
    async with both() as (iam, instance):
        await look(iam, instance, memory, login_every="1")
    async with both(token=answer(503)) as (iam, instance):
        findings = [await look(iam, instance, memory, login_every="1") for _ in range(3)]

    assert [finding.outcome for finding in findings] == [Outcome.FAIL] * 3


async def test_a_token_called_back_is_replaced_in_the_same_probe() -> None:
    memory: dict[str, Any] = {}
    async with both() as (iam, instance):
        await look(iam, instance, memory)
        memory["token"] = type(memory["token"])("called-back", memory["token"].until, 1)
        finding = await look(iam, instance, memory)

    assert finding.outcome is Outcome.OK


@pytest.mark.parametrize(
    ("routes", "outcome", "reason", "where"),
    [
        ({"token": answer(401, '{"error": "x"}')}, Outcome.UNKNOWN, Reason.CREDENTIALS, "token"),
        ({"token": answer(403)}, Outcome.UNKNOWN, Reason.CREDENTIALS, "token"),
        ({"token": answer(400, '{"error": "invalid_client"}')}, Outcome.UNKNOWN, Reason.CREDENTIALS, "token"),
        ({"token": answer(400, '{"error": "invalid_request"}')}, Outcome.FAIL, Reason.STATUS, "token"),
        ({"token": answer(503)}, Outcome.FAIL, Reason.STATUS, "token"),
        ({"token": LOGIN}, Outcome.FAIL, Reason.CONTENT, "token"),
        ({"token": token(name="token")}, Outcome.FAIL, Reason.JSON, "token"),
        ({"discovery": answer(500)}, Outcome.FAIL, Reason.STATUS, "token"),
        ({"discovery": answer(403)}, Outcome.FAIL, Reason.STATUS, "token"),
        (
            {"discovery": answer(200, '{"token_endpoint": "http://127.0.0.1:1/"}')},
            *(Outcome.FAIL, Reason.CONTENT, "token"),
        ),
        ({"home": answer(500)}, Outcome.FAIL, Reason.STATUS, "instance"),
        ({"home": answer(401)}, Outcome.FAIL, Reason.STATUS, "instance"),
        ({"home": answer(403)}, Outcome.UNKNOWN, Reason.CREDENTIALS, "instance"),
        ({"home": LOGIN}, Outcome.FAIL, Reason.CONTENT, "instance"),
        ({"home": answer(200, "")}, Outcome.FAIL, Reason.CONTENT, "instance"),
        ({"home": answer(302, "", {"Location": "/login"})}, Outcome.FAIL, Reason.REDIRECTS, "instance"),
        ({"home": answer(200, "[]")}, Outcome.FAIL, Reason.JSON, "instance"),
        ({"home": answer(200, '{"_links": {}}')}, Outcome.FAIL, Reason.JSON, "instance"),
        ({"home": answer(200, '{"_links": []}')}, Outcome.FAIL, Reason.JSON, "instance"),
        ({"home": answer(200, '{"_links": {"organizations": "x"}}')}, Outcome.FAIL, Reason.CONTENT, "instance"),
        ({"home": home("http://127.0.0.1:1/x")}, Outcome.FAIL, Reason.CONTENT, "instance"),
        ({"home": home("patients/7")}, Outcome.FAIL, Reason.CONTENT, "instance"),
        ({"home": home("file:///etc/passwd")}, Outcome.FAIL, Reason.CONTENT, "instance"),
        ({"home": home("//u@evil.example/x")}, Outcome.FAIL, Reason.CONTENT, "instance"),
        ({"organizations": answer(200, "[]")}, Outcome.FAIL, Reason.JSON, "instance"),
        ({"organizations": answer(200, '{"a": 1}')}, Outcome.FAIL, Reason.JSON, "instance"),
        ({"organizations": answer(504)}, Outcome.FAIL, Reason.STATUS, "instance"),
    ],
)
async def test_what_may_be_amiss(
    routes: dict[str, bytes | Behaviour], outcome: Outcome, reason: Reason, where: str
) -> None:
    async with both(**routes) as (iam, instance):
        finding = await look(iam, instance)

    assert (finding.outcome, finding.reason, finding.facts["where"]) == (outcome, reason, where)
    assert finding.misses[0].expected.startswith("fælles login, " if where == "token" else "instansen, ")
    assert "meget-hemmeligt" not in repr(finding)
    assert TOKEN not in repr(finding)


@pytest.mark.parametrize("href", ["{0}organizations", HOME + "organizations{{?page}}", "organizations"])
async def test_a_link_may_be_absolute_with_its_port_or_relative(href: str) -> None:
    async def front(asked: Asked) -> None:
        await asked.write(home(href.format(instance.url(HOME))))

    async with both(home=front) as (iam, instance):
        finding = await look(iam, instance)

    assert finding.outcome is Outcome.OK


def test_the_port_of_https_need_not_be_written() -> None:
    settings = Settings.model_validate({"name": "n", "kind": "nexus", "instance": "eksempel"})

    assert str(settings.door.home) == f"https://eksempel.nexus.kmd.dk{HOME}"
    assert str(settings.door.realm) == f"https://iam.nexus.kmd.dk{REALM}"
    assert settings.door.home.origin == ("https", "eksempel.nexus.kmd.dk", 443)


async def test_the_token_host_that_hangs_is_told_as_such() -> None:
    async def hang(asked: Asked) -> None:
        await asked.forever(b"", 0.05)

    async with both(token=hang) as (iam, instance):
        finding = await look(iam, instance, timeout="1s")

    assert (finding.outcome, finding.reason, finding.facts["where"]) == (Outcome.FAIL, Reason.TIMEOUT, "token")
    assert finding.misses[0] == Miss(Reason.TIMEOUT, "fælles login, token: svar inden 1 s", "intet svar")


async def test_slow_is_a_warning() -> None:
    async with both() as (iam, instance):
        finding = await look(iam, instance, degraded_over="0s")

    assert (finding.outcome, finding.reason) == (Outcome.WARN, Reason.SLOW)


@pytest.mark.parametrize("rel", ["patients", "patientSearch", "citizens", "activeAssignment", "myPreferences"])
def test_relations_to_persons_are_refused_while_loading(rel: str) -> None:
    with pytest.raises(ValidationError, match="leads to persons"):
        Settings.model_validate({"name": "n", "kind": "nexus", "instance": "eksempel", "follow": rel})


@pytest.mark.parametrize("instance", ["", "a/b", "a.b", "a@b", quote("æ")])
def test_an_instance_is_one_label(instance: str) -> None:
    with pytest.raises(ValidationError):
        Settings.model_validate({"name": "n", "kind": "nexus", "instance": instance})


def test_judging_holds_nothing_but_the_measurement() -> None:
    settings = Settings.model_validate({"name": "n", "kind": "nexus", "instance": "eksempel", "fail_over": "5s"})
    good = (Stage("hjem", False, 200), Stage("organizations", False, 200))

    assert judge(settings, Visited(good, 1.0), NOW).outcome is Outcome.OK
    assert judge(settings, Visited(good, 5.1), NOW).outcome is Outcome.FAIL
