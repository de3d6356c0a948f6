"""A stand-in for the Phoniro web: a page, and a form login in several steps (DOMAIN §3).

The login holds only with the session's own hidden field, so a client that skips a step is refused as by the real one.
"""

import secrets
from collections import OrderedDict
from typing import ClassVar

from breaking import ON_THE_WIRE, How
from httpd import HttpDoor, Reply, Request, page, redirect
from known import SECRETS
from standin import Clock, StandIn

MARKER = "Phoniro Care"
LANDED = "Mine lister"
_SESSIONS_KEPT = 1000
_FORM = (
    "<!doctype html><html lang=da><title>Phoniro Care</title><h1>Log ind</h1>{said}"
    '<form method="post" action="/login"><input type="hidden" name="csrf" value="{csrf}">'
    '<input name="user"><input name="password" type="password"><button>Log ind</button></form>'
)


class Phoniro(StandIn):
    """Sessions by cookie `sid`; each knows its hidden field and whether it is logged in."""

    hows: ClassVar = ON_THE_WIRE | {
        "down": How("the port is closed: connections are refused"),
        "login-fails": How("every page answers 200, but no login succeeds"),
        "login-500": How("the page is fine, sending the form answers 500"),
    }

    def __init__(self, clock: Clock, port: int = 0) -> None:
        super().__init__(clock)
        self._web = HttpDoor(self._answer, self.wire, port)
        self.doors = [self._web.door]
        self._sessions: OrderedDict[str, tuple[str, bool]] = OrderedDict()

    def addresses(self) -> dict[str, str]:
        """Where the page is."""
        return {"phoniro": self._web.url}

    async def _answer(self, request: Request) -> Reply:
        sid = request.cookie("sid")
        match request.method, request.path:
            case "GET", "/":
                return page(f"<!doctype html><html lang=da><title>{MARKER}</title><a href=/login>Log ind</a>")
            case "GET", "/login":
                return self._form()
            case "POST", "/login":
                return self._login(sid, request.form())
            case "GET", "/home":
                if not self._sessions.get(sid, ("", False))[1]:
                    return redirect("/login")
                return page(f"<!doctype html><html lang=da><title>{MARKER}</title><h1>{LANDED}</h1>")
            case _:
                return Reply(404)

    def _form(self, said: str = "") -> Reply:
        sid, csrf = secrets.token_hex(16), secrets.token_hex(16)
        self._keep(sid, csrf, False)
        return page(_FORM.format(csrf=csrf, said=said), headers=(("Set-Cookie", f"sid={sid}; Path=/; HttpOnly"),))

    def _login(self, sid: str, form: dict[str, str]) -> Reply:
        self.seen["logins"] += 1
        if self.how == "login-500":
            return Reply(500, b"Internal Server Error")
        csrf, _ = self._sessions.pop(sid, ("", False))
        if not csrf or form.get("csrf") != csrf:
            return page("<h1>Sessionen er udløbet</h1>", 403)
        right = (SECRETS["phoniro_user"], SECRETS["phoniro_password"])
        if self.how == "login-fails" or (form.get("user"), form.get("password")) != right:
            return self._form("<p>Forkert brugernavn eller adgangskode</p>")
        inside = secrets.token_hex(16)
        self._keep(inside, "", True)
        return redirect("/home", (("Set-Cookie", f"sid={inside}; Path=/; HttpOnly"),))

    def _keep(self, sid: str, csrf: str, inside: bool) -> None:
        self._sessions[sid] = (csrf, inside)
        if len(self._sessions) > _SESSIONS_KEPT:
            self._sessions.popitem(last=False)
