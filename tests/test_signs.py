"""Signs of life against a real small server: taken, refused, hostile; the address is never said."""

import asyncio

import pytest

from monitor.plan.dead_man import DeadMan
from monitor.ports import SecretMissing
from monitor.signs import Signs
from tests.support.httpserver import Asked, Behaviour, answer, fixed, serving

HIDDEN = "/ping/meget-hemmelig-noegle"


def no_secret(name: str) -> str:
    raise SecretMissing(f"secret {name}: set it")


def at(url: str, **more: object) -> DeadMan:
    return DeadMan.model_validate({"url": url, "timeout": "10s", **more})


async def test_a_get_when_all_is_well_and_a_post_when_there_is_something_to_say() -> None:
    async with serving(fixed(answer(200, "OK"))) as web:
        signs = Signs(no_secret)
        assert await signs.send(at(web.url(HIDDEN))) == ""
        assert await signs.send(at(web.url(HIDDEN)), "databasen kan ikke skrives") == ""
        assert await signs.send(at(web.url(f"{HIDDEN}/?a=b")), "standset", failed=True) == ""
    assert [(one.method, one.target, one.body.decode()) for one in web.asked] == [
        ("GET", HIDDEN, ""),
        ("POST", HIDDEN, "databasen kan ikke skrives"),
        ("POST", f"{HIDDEN}/fail?a=b", "standset"),
    ]


async def test_the_address_may_be_a_secret() -> None:
    async with serving(fixed(answer(204))) as web:
        settings = DeadMan.model_validate({"secret": "dead_man_url"})
        assert await Signs(lambda _name: f"{web.url(HIDDEN)}\n").send(settings) == ""
        assert await Signs(no_secret).send(settings) == "adressen mangler"
        for wrong in ("", "ftp://x.example/", "http://u:p@x.example/", "javascript:1", "http://x.example/\r\nX: y"):
            assert await Signs({"dead_man_url": wrong}.__getitem__).send(settings) == "adressen er ingen adresse"
    assert len(web.asked) == 1


async def _endless(asked: Asked) -> None:
    await asked.write(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n")
    await asked.forever(b"x" * 65536)


async def _silent(_asked: Asked) -> None:
    await asyncio.Event().wait()


async def _drip(asked: Asked) -> None:
    await asked.forever(b"H", 0.05)


@pytest.mark.parametrize(
    ("behaviour", "said"),
    [
        (fixed(answer(500)), "svarer 500"),
        (fixed(answer(302, headers={"Location": "http://127.0.0.1:9/"})), "svarer 302"),
        (fixed(b"\x00\xff garbage\r\n\r\n"), "kan ikke nås"),
        (fixed(b""), "kan ikke nås"),
        (_silent, "svarer ikke"),
        (_drip, "svarer ikke"),
        (_endless, ""),
    ],
)
async def test_whatever_is_at_the_other_end_it_ends_and_says_no_address(behaviour: Behaviour, said: str) -> None:
    async with serving(behaviour) as web:
        limit = "300ms" if said == "svarer ikke" else "10s"
        found = await Signs(no_secret).send(at(web.url(HIDDEN), timeout=limit))
    assert found.startswith(said) and (said or not found)
    assert "hemmelig" not in found and str(web.port) not in found


async def test_nobody_there() -> None:
    found = await Signs(no_secret).send(at("http://127.0.0.1:9/ping/hemmelig"))
    assert found.startswith("kan ikke nås") and "hemmelig" not in found


def test_the_settings_do_not_show_the_address() -> None:
    assert "hemmelig" not in repr(at("https://hc.example/ping/hemmelig"))
