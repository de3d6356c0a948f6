"""The lab's own HTTP interface: break, mend and look at the stand-ins, the phones and the mailbox.

A wrong name is answered 404 with the names there are; nothing is changed then.
"""

from collections.abc import Callable, Mapping
from typing import Any

from breaking import Unknown
from feed import Feed
from httpd import HttpDoor, Reply, Request, data
from phones import Phones
from standin import StandIn

_NDJSON = "application/x-ndjson"
_SHOWN = ("/state", "/ways", "/addresses", "/phones", "/phones/stream", "/mails", "/mails/stream")


class Control:
    """`systems` are the stand-ins by name; `addresses` is what the lab said when it was ready."""

    def __init__(self, systems: Mapping[str, StandIn], phones: Phones, mails: Feed, port: int = 0) -> None:
        self._systems = systems
        self._phones = phones
        self._mails = mails
        self.addresses: dict[str, Any] = {}
        self.report: Callable[[Mapping[str, str]], None] = lambda _where: None
        """Tells the devices where to report."""
        self.web = HttpDoor(self._answer, port=port)

    async def _answer(self, request: Request) -> Reply:
        try:
            if request.method == "POST":
                return await self._change(request)
            return self._show(request)
        except Unknown as unknown:
            return data({"error": str(unknown)}, 404)
        except ValueError as wrong:
            return data({"error": str(wrong)}, 400)

    async def _change(self, request: Request) -> Reply:
        match request.path.strip("/").split("/"):
            case ["break", name, how]:
                system = self._named(name)
                await system.break_by(how, request.query)
                return data({name: system.state()})
            case ["mend", name]:
                system = self._named(name)
                await system.mend()
                return data({name: system.state()})
            case ["mend"]:
                for system in self._systems.values():
                    await system.mend()
                return self._state()
            case ["report"]:
                self.report(request.query)
                return self._state()
            case _:
                return data({"error": "POST /break/{system}/{how}, /mend/{system}, /mend or /report"}, 404)

    def _show(self, request: Request) -> Reply:
        since = int(request.query.get("since", "0"))
        match request.path:
            case "/state":
                return self._state()
            case "/ways":
                return data({name: system.ways() for name, system in self._systems.items()})
            case "/addresses":
                return data(self.addresses)
            case "/phones":
                return data(self._phones.by_number())
            case "/phones/stream":
                return Reply(content_type=_NDJSON, stream=self._phones.feed.lines(since))
            case "/mails":
                return data(self._mails.entries(since))
            case "/mails/stream":
                return Reply(content_type=_NDJSON, stream=self._mails.lines(since))
            case _:
                return data({"error": f"GET {', '.join(_SHOWN)}"}, 404)

    def _state(self) -> Reply:
        return data({name: system.state() for name, system in self._systems.items()})

    def _named(self, name: str) -> StandIn:
        if name not in self._systems:
            raise Unknown(f"no system called {name!r}; there are: {', '.join(sorted(self._systems))}")
        return self._systems[name]
