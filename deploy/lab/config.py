"""Writes a configuration that watches the lab: the shipped one with other addresses and, if wished, another pace.

Names, expectations, people, chains and texts stay as shipped, so what the lab shows is what the shipped plan does: only
where a check looks and a route leads is changed. A plan the lab has no stand-in for is refused, not half written.

This module needs none of the lab's others, so a test or a demonstration can load it alone.
"""

import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from itertools import cycle
from pathlib import Path
from typing import Any

import yaml

_WEB = {"omsorgssystem": "nexus", "phoniro": "phoniro", "medicoteknik": "medico_web", "alarmvej": "gatewayapi"}
_LINE = {"medicoteknik": "medico", "noedkald": "sip", "alarmvej": "smtp"}
_SECURE = {"phoniro": "tls_phoniro", "noedkald": "sip_tls"}
"""By system: where its web addresses, its plain ports and its certificates are in the lab."""
_JUDGED = frozenset("name title kind every timeout confirm retry_every recover canary warn_means fail_means".split())
"""Keys of any check that say how it is judged, not what it looks at."""
_PACE = {"every": "1s", "timeout": "3s", "confirm": "2", "retry_every": "500ms", "recover": "2"}
_HURRY = 30.0
"""How many times sooner a quick chain's later steps and reminders come."""
_LEAST_REPEAT = 60.0
"""Seconds; a plan that repeats more often is refused."""
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|[smhdw])")

_LOST = 3
"""A quick fleet's deadline, in rhythms of the lab's devices: a plan that says less is refused."""
_REAL = frozenset("ca_file region callback_url dlr_url receipts bounces".split())
"""Keys of a route that belong to its real account."""

Check = dict[str, Any]


def write(
    folder: Path, addresses: Mapping[str, Any], shipped: Path, quick: bool = False, listen: str = ""
) -> dict[str, str]:
    """Write the configuration into `folder` (made if need be) and return the environment the service needs with it.

    `addresses` is what the lab printed. `quick`: every check each second, down after two looks, a device silent after
    three rhythms, and the chains' delays divided by 30. `listen` is where the service will be, for the receipts; empty:
    none are asked for. Raises OSError for a folder that cannot be read or written.
    """
    shutil.copytree(shipped, folder, dirs_exist_ok=True)
    _rewrite(folder / "systems.yaml", lambda whole: _systems(whole, _Targets(addresses, folder), quick))
    _rewrite(folder / "plan.yaml", lambda whole: _plan(whole, {**addresses, "listen": listen}, quick))
    return {f"OMSORGSVAGT_{name.upper()}": value for name, value in addresses["secrets"].items()}


def _rewrite(path: Path, change: Any) -> None:
    whole = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)  # noqa: S506 - makes text only
    change(whole)
    text = yaml.dump(whole, Dumper=_Plain, allow_unicode=True, sort_keys=False, width=120)
    path.write_text(text, encoding="utf-8")


class _Plain(yaml.SafeDumper):
    """YAML without anchors, which a configuration must not have."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _systems(whole: dict[str, Any], targets: "_Targets", quick: bool) -> None:
    for name, system in whole["systems"].items():
        system["checks"] = [_check(name, check, targets, quick) for check in system.get("checks", [])]
    for fleet in whole.get("fleets", {}).values() if quick else ():
        fleet.update(targets.rhythm)


def _check(system: str, check: Check, targets: "_Targets", quick: bool) -> Check:
    moved = targets.move(system, check)
    if quick:
        # A canary that is silent must be told before the systems beyond the line are believed down.
        moved |= _PACE | ({"timeout": "1s"} if "canary" in check else {})
    return moved


def _plan(whole: dict[str, Any], addresses: Mapping[str, Any], quick: bool) -> None:
    relays = cycle(("smtp", "smtp_2"))
    # What the lab breaks must be told at any hour of the week.
    whole.pop("maintenance", None)
    for channel, routes in whole["routes"].items():
        whole["routes"][channel] = [route | _route(route, addresses, relays) for route in map(_bare, routes)]
    for chain in whole["chains"].values() if quick else ():
        for step in chain["steps"]:
            step["after"] = _sooner(step["after"], 0.0)
            if "repeat" in step:
                step["repeat"] = _sooner(step["repeat"], _LEAST_REPEAT)


def _sooner(duration: str, least: float) -> str:
    seconds = sum(float(number) * _UNITS[unit] for number, unit in _DURATION.findall(duration))
    return f"{max(seconds / _HURRY, least):.3g}s" if seconds else duration


def _bare(route: dict[str, Any]) -> dict[str, Any]:
    """The route without what belongs to its real account."""
    return {key: value for key, value in route.items() if key not in _REAL}


def _route(route: Mapping[str, Any], addresses: Mapping[str, Any], relays: Iterator[str]) -> dict[str, Any]:
    via = route.get("via") or next(iter(route))
    match via:
        case "gatewayapi":
            account = {"url": addresses["gatewayapi"], "token": "gatewayapi_token"}
            return account | _told("callback_url", route, addresses)
        case "cpsms":
            account = {"url": addresses["cpsms"], "user": addresses["secrets"]["cpsms_user"], "key": "cpsms_key"}
            return account | _told("dlr_url", route, addresses)
        case "modem":
            return {name: f"{addresses['modem']}/{name}" for name in ("outbox", "sent", "error")}
        case "smtp":
            port = addresses[next(relays)].rpartition(":")[2]
            secure = {"security": "starttls", "ca_file": addresses["tls_ca"]}
            login = {"user": addresses["secrets"]["smtp_user"], "password": "smtp_password"}
            return {"smtp": f"localhost:{port}", **secure, **login}
        case _:
            raise ValueError(f"the lab has no stand-in for a route via {via}")


def _told(key: str, route: Mapping[str, Any], addresses: Mapping[str, Any]) -> dict[str, Any]:
    """Where the lab's gateway tells of receipts."""
    if not addresses["listen"]:
        return {}
    # Two routes by one provider have names of their own in a plan that asks for receipts.
    name = route.get("name") or route.get("via") or next(iter(route))
    return {"receipts": "yes", key: f"http://{addresses['listen']}/api/v1/sms/{name}/receipt"}


class _Targets:
    """What each check looks at in the lab: by its system and its kind."""

    def __init__(self, addresses: Mapping[str, Any], folder: Path) -> None:
        self._at = addresses
        self._folder = folder
        self._sites = cycle(("site_a", "site_b"))

    @property
    def rhythm(self) -> dict[str, str]:
        """A fleet that expects what the lab's devices do."""
        seconds = float(self._at["rhythm"])
        return {"interval": f"{seconds:g}s", "deadline": f"{_LOST * seconds:g}s", "floor": "1s"}

    def move(self, system: str, check: Check) -> Check:
        """The check, looking at the lab. Raises ValueError for a kind the lab has no stand-in for."""
        moves: dict[str, Callable[[str, Check], Check]] = {
            "http": self._http,
            "nexus": self._nexus,
            "flow": self._flow,
            "phoniro": self._flow,
            "tls": self._tls,
            "tcp": self._tcp,
            "ping": self._ping,
            "sip": self._sip,
            "scaip": self._sip,
            "dns": self._dns,
            "file": self._file,
            "fleet": self._fleet,
        }
        kind = check["kind"]
        if kind not in moves:
            raise ValueError(f"the lab has no stand-in for a check of kind {kind}")
        return check | moves[kind](system, check)

    def _host(self, name: str) -> Check:
        host, _, port = self._at[name].rpartition(":")
        return {"host": host.rpartition("/")[2], "port": port}

    def _base(self, system: str) -> str:
        found: str = self._at[_WEB.get(system) or next(self._sites)]
        return found

    def _http(self, system: str, check: Check) -> Check:
        return {"url": _moved(check["url"], self._base(system))}

    def _flow(self, system: str, check: Check) -> Check:
        base = self._base(system)
        return {"steps": [step | {"url": _moved(step["url"], base)} for step in check["steps"]]}

    def _nexus(self, _system: str, _check: Check) -> Check:
        return {"instance": self._at["instance"], "iam": self._at["nexus_iam"], "api": self._at["nexus"]}

    def _tls(self, system: str, _check: Check) -> Check:
        return self._host(_SECURE.get(system, "tls")) | {"ca_file": self._at["tls_ca"]}

    def _tcp(self, system: str, _check: Check) -> Check:
        return self._host(_LINE.get(system, "gateway"))

    def _ping(self, system: str, check: Check) -> Check:
        # The loopback always answers an echo request, so what must be able to fail is asked by TCP instead.
        for key in ("count", "interval", "loss"):
            check.pop(key, None)
        return {"kind": "tcp"} | self._tcp(system, check)

    def _sip(self, _system: str, check: Check) -> Check:
        secure = check.get("transport") == "tls"
        return self._host("sip_tls") | {"ca_file": self._at["tls_ca"]} if secure else self._host("sip")

    def _dns(self, _system: str, _check: Check) -> Check:
        found = self._host("resolver")
        return {"servers": [found["host"]], "port": found["port"]}

    def _fleet(self, _system: str, _check: Check) -> Check:
        # Nothing is asked: the lab's devices report by themselves.
        return {}

    def _file(self, _system: str, check: Check) -> Check:
        # Whether a file is in time depends on the hour; in the lab it is there and fresh.
        for key in set(check) - _JUDGED:
            check.pop(key)
        path = self._folder.resolve() / "files" / f"{check['name']}.txt"
        path.parent.mkdir(exist_ok=True)
        path.write_text("gemt\n", encoding="utf-8")
        return {"path": str(path), "max_age": "30d"}


def _moved(url: str, base: str) -> str:
    """The address with another origin; one that is relative or taken from an answer stays."""
    if not url.startswith(("http://", "https://")):
        return url
    return base + "/" + url.partition("://")[2].partition("/")[2]
