"""A stand-in for the omsorgssystem: a shared token host and one municipality's instance (DOMAIN §2).

It shows links to citizens as the real one does, and counts whoever follows them: a good client never does.
"""

import secrets
from collections import OrderedDict
from typing import ClassVar
from urllib.parse import quote

from breaking import HEALTHY, ON_THE_WIRE, How, Wire
from httpd import HttpDoor, Reply, Request, data, page, redirect
from known import INSTANCE, SECRETS
from standin import Clock, Portal, StandIn

HOME = f"/api/core/mobile/{INSTANCE}/v2/"
_REALM = f"/authx/realms/{INSTANCE}"
_BROKER = f"{_REALM}/broker/kommune/login"
_FORBIDDEN = ("patients", "patientsearch", "citizens", "activeAssignment", "preferences", "professional")
_BOTH_HOSTS = frozenset({"reset", "hang", "503"})
_TOKENS_KEPT = 1000

_LOGIN = (
    "<!doctype html><html lang=da><title>Log ind</title><h1>Log ind</h1><form method=post><input name=bruger></form>"
)
_MAINTENANCE = (
    "<!doctype html><html lang=da><title>Servicevindue</title><h1>Systemet er lukket for vedligeholdelse</h1>"
)
_ORGANIZATIONS = [
    {"id": 1, "name": "Eksempel Hjemmepleje Nord", "active": True},
    {"id": 2, "name": "Eksempel Plejecenter", "active": True},
]


class Nexus(StandIn):
    """`instance` is the municipality's own host, `iam` the token host that all municipalities share."""

    hows: ClassVar = ON_THE_WIRE | {
        "home-500": How("tokens are given, home answers 500"),
        "maintenance": How("home and the login page answer 200 with a maintenance page"),
        "login-page": How("the API answers 200 with the login page instead of JSON"),
        "redirect-loop": How("every page of the instance redirects in a circle"),
        "token-401": How("the token host refuses our credentials"),
        "token-down": How("the token host refuses connections, the instance is up"),
        "instance-down": How("the instance refuses connections, the token host is up"),
        "empty-organizations": How("the list of organizations is empty"),
        "short-tokens": How("nothing is broken, but new tokens live so many seconds", {"seconds": 2.0}),
    }

    def __init__(self, clock: Clock, ports: tuple[int, int] = (0, 0)) -> None:
        super().__init__(clock)
        self._instance = HttpDoor(self._at_instance, self.wire, ports[0])
        self._iam = HttpDoor(self._at_iam, self._iam_wire, ports[1])
        self.doors = [self._instance.door, self._iam.door]
        self._tokens: OrderedDict[str, float] = OrderedDict()

    def addresses(self) -> dict[str, str]:
        """Where the two hosts are."""
        return {"nexus": self._instance.url, "nexus_iam": self._iam.url}

    def shuts(self, door: Portal) -> bool:
        """Both hosts when all is refused, else the one that is said to be down."""
        if self.how == "token-down":
            return door is self._iam.door
        if self.how == "instance-down":
            return door is self._instance.door
        return super().shuts(door)

    def _iam_wire(self) -> Wire:
        # The token host is another supplier's machine: the instance's slowness is not its own.
        return self.wire() if self.how in _BOTH_HOSTS else HEALTHY

    async def _at_iam(self, request: Request) -> Reply:
        match request.path.removeprefix(_REALM):
            case "/.well-known/openid-configuration":
                return data({"issuer": self._iam.url + _REALM, "token_endpoint": self._iam.url + self._token_path})
            case "/protocol/openid-connect/token":
                return self._token(request)
            case "/protocol/openid-connect/auth":
                return redirect(self._iam.url + _BROKER + "?session=" + secrets.token_hex(8))
            case "/broker/kommune/login":
                return page(_LOGIN)
            case _:
                return Reply(404)

    _token_path: ClassVar = _REALM + "/protocol/openid-connect/token"

    def _token(self, request: Request) -> Reply:
        self.seen["logins"] += 1
        form = request.form()
        if request.method != "POST" or form.get("grant_type") != "client_credentials":
            return data({"error": "unsupported_grant_type"}, 400)
        who = (form.get("client_id", ""), form.get("client_secret", ""))
        if "authorization" in request.headers:
            who = request.basic()
        right = (SECRETS["nexus_client_id"], SECRETS["nexus_client_secret"])
        if self.how == "token-401" or who != right:
            return data({"error": "invalid_client", "error_description": "Invalid client credentials"}, 401)
        lives = self.number("seconds") if self.how == "short-tokens" else 300.0
        token = secrets.token_urlsafe(24)
        self._tokens[token] = self.clock() + lives
        if len(self._tokens) > _TOKENS_KEPT:
            self._tokens.popitem(last=False)
        return data({"access_token": token, "expires_in": lives, "token_type": "Bearer"})

    async def _at_instance(self, request: Request) -> Reply:
        if self.how == "redirect-loop":
            return redirect("/auth/b" if request.path == "/auth/a" else "/auth/a")
        if request.path in ("/", "/login"):
            return self._staff(request.path)
        if request.path.startswith(HOME):
            return self._api(request)
        return Reply(404)

    def _staff(self, path: str) -> Reply:
        if self.how == "maintenance":
            return page(_MAINTENANCE)
        if path == "/login":
            return page(_LOGIN)
        back = quote(self._instance.url + "/", safe="")
        return redirect(f"{self._iam.url}{_REALM}/protocol/openid-connect/auth?client_id=web&redirect_uri={back}")

    def _api(self, request: Request) -> Reply:
        rel = request.path.removeprefix(HOME).partition("/")[0]
        if rel in _FORBIDDEN:
            self.seen["forbidden"] += 1
        if self.how == "login-page":
            return page(_LOGIN)
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if self._tokens.get(token, 0.0) <= self.clock():
            return data({"error": "unauthorized"}, 401)
        if rel == "organizations":
            return data([] if self.how == "empty-organizations" else _ORGANIZATIONS)
        return self._home() if not rel else data({"note": "personal data would be here"})

    def _home(self) -> Reply:
        self.seen["homes"] += 1
        if self.how == "home-500":
            return data({"error": "internal"}, 500)
        if self.how == "maintenance":
            return page(_MAINTENANCE)
        links = {rel: {"href": HOME + rel} for rel in _FORBIDDEN}
        links["self"] = {"href": HOME}
        links["organizations"] = {"href": self._instance.url + HOME + "organizations"}
        return data({"_links": links})
