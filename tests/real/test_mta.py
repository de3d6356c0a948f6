"""Mail through a real OpenSMTPD, which queues it and passes it on."""

from pathlib import Path
from typing import Any

import pytest

from monitor.ports import SendOutcome, Sent
from tests.support.kannel import until
from tests.support.mta import DOMAIN, Mta, available, mta
from tests.support.smsfake import message, route

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not available(), reason="OpenSMTPD runs as root, in a mount namespace of its own"),
]

TO = f"leder@{DOMAIN}"


async def send(server: Mta, changes: dict[str, Any] | None = None, **settings: Any) -> Sent:
    given = {"smtp": server.address, "security": "none", "sender": f"Vagtcentral Ærø <vagt@{DOMAIN}>", **settings}
    async with route("smtp", **given) as channel:
        return await channel.send(message(**{"to": TO, **(changes or {})}))


async def test_a_mail_arrives_as_it_was_written(tmp_path: Path) -> None:
    text = "NEDE: Nødkald – Ærø 🔥\n.\n..\n.skjult\nFrom her\n" + "lang linje " * 200 + "\n"
    html = "<h1>Nødkald er nede</h1>\n" + "<p>æøå</p>" * 500
    alarm = {"subject": "NEDE: Nødkald på Ærø – hændelse 26-0007", "text": text, "html": html, "thread": "26-0007"}

    async with mta(tmp_path) as server:
        sent = await send(server, {"key": "n1", **alarm})
        again = await send(server, {"key": "n1", **alarm})
        await until(lambda: len(server.sink.taken) == 2)

    assert sent.outcome is again.outcome is SendOutcome.ACCEPTED
    assert sent.said.startswith("250 2.0.0")
    (sender, recipients, mail), (_, _, repeat) = server.sink.taken
    assert (sender, recipients) == (f"vagt@{DOMAIN}", [TO])
    assert mail["Subject"] == alarm["subject"]
    assert mail["From"].addresses[0].display_name == "Vagtcentral Ærø"
    assert mail["Message-ID"] == repeat["Message-ID"] == f"<n1@{DOMAIN}>"
    assert mail["References"] == f"<26-0007@{DOMAIN}>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Date"] == "Thu, 24 Dec 2026 21:59:30 +0000"
    plain, rich = (part.get_content().replace("\r\n", "\n") for part in mail.iter_parts())
    assert (plain, rich.rstrip("\n")) == (text, html)


async def test_a_recipient_the_server_does_not_know_is_rejected_and_not_named(tmp_path: Path) -> None:
    async with mta(tmp_path) as server:
        sent = await send(server, {"to": "leder@et-andet-sted.example"})

    assert sent.outcome is SendOutcome.REJECTED
    assert sent.said.startswith("550")
    assert "leder" not in sent.said


async def test_no_starttls_means_no_mail(tmp_path: Path) -> None:
    async with mta(tmp_path) as server:
        sent = await send(server, security="starttls")

    assert sent.outcome is SendOutcome.BROKEN
    assert server.sink.taken == []


async def test_a_server_that_hangs_has_not_got_the_mail(tmp_path: Path) -> None:
    async with mta(tmp_path) as server:
        server.freeze()
        hung = await send(server, {"text": "imens"}, timeout="0.5s")
        server.thaw()
        sent = await send(server, {"text": "bagefter"})
        await until(lambda: server.sink.taken)

    assert hung.outcome is SendOutcome.TEMPORARY
    assert sent.outcome is SendOutcome.ACCEPTED
    assert [mail.get_content().strip() for _, _, mail in server.sink.taken] == ["bagefter"]


async def test_a_server_that_is_gone_has_not_got_the_mail(tmp_path: Path) -> None:
    async with mta(tmp_path) as server:
        pass

    assert (await send(server)).outcome is SendOutcome.TEMPORARY
