"""Builds the routes: by which ways an SMS and a mail leave, in the order they are tried.

Every route has a name of its own, so rows and metrics tell two accounts of one provider apart.
"""

from collections.abc import Callable, Iterable, Iterator

from monitor.core.plan import Chain, ChannelName, RouteInfo, RouteName
from monitor.plan.faults import meant
from monitor.plan.parse import parse
from monitor.plan.part import Part
from monitor.plan.secretive import in_clear
from monitor.plan.settings import RouteSettings
from monitor.plan.source import Node

Vias = Callable[[str], tuple[str, type[RouteSettings]]]


def routes(part: Part | None, vias: Vias, via_names: Iterable[str]) -> tuple[tuple[ChannelName, RouteSettings], ...]:
    """Every route whose entry is right, with its channel, in the plan's order; names are made unique."""
    found: list[tuple[ChannelName, RouteSettings]] = []
    taken = {item.at("name").text for _, item in _items(part) if item.get("name")}
    given: set[str] = set()
    for channel, item in _items(part):
        settings = _route(channel, item, vias, via_names)
        if settings is None:
            continue
        if settings.name in given:
            item.at("name").wrong(f"there is a route '{settings.name}' already", "Give each route a name of its own")
        name = settings.name or _free(settings.via, taken)
        taken.add(name)
        given.add(name)
        found.append((channel, settings.model_copy(update={"name": name})))
    return tuple(found)


def infos(found: tuple[tuple[ChannelName, RouteSettings], ...]) -> tuple[RouteInfo, ...]:
    """What deciding needs to know of the routes."""
    return tuple(
        RouteInfo(
            RouteName(settings.name),
            channel,
            settings.independent,
            settings.timeout,
            getattr(settings, "replies", False),
            getattr(settings, "keyword", ""),
            getattr(settings, "receipts", False),
            getattr(settings, "credit_below", 0.0),
        )
        for channel, settings in found
    )


def ways_out(part: Part, found: tuple[RouteInfo, ...], chains: tuple[Chain, ...]) -> None:
    """Tell channels that steps use and no route serves, and what one broken line would silence."""
    used = {channel for chain in chains for step in chain.steps for channel in step.by}
    for channel in sorted(used):
        ways = [route for route in found if route.channel is channel]
        spot = part.at("routes", channel.value)
        if not ways:
            spot.wrong(f"steps tell people by {channel}, but there is no route for it", "Add one", key=True)
        elif len(ways) == 1 and not ways[0].independent:
            wrong = f"there is one way only for {channel}: when it fails nobody is told by {channel}"
            spot.warn(wrong, "Add a second route, best one that does not share our line", key=True)
        elif channel is ChannelName.SMS and not any(route.independent for route in ways):
            wrong = "every way for sms uses our own line: when it fails no SMS leaves"
            spot.warn(wrong, "Add a route with independent: yes (a GSM modem)", key=True)
    _deaf(part, found)


def _deaf(part: Part, found: tuple[RouteInfo, ...]) -> None:
    """Tell of a way people would answer in vain: each text asks for an answer as soon as one route takes any."""
    sms = [route for route in found if route.channel is ChannelName.SMS]
    silent = [route.name for route in sms if not route.replies]
    if sms and silent and len(silent) < len(sms):
        wrong = f"texts ask for an answer, but what comes by {', '.join(silent)} cannot be answered"
        spot = part.at("routes", ChannelName.SMS.value)
        spot.warn(wrong, "Give every SMS route a number people can answer, and replies: yes", key=True)


def _items(part: Part | None) -> Iterator[tuple[ChannelName, Part]]:
    for name, entry in part.entries() if part else ():
        if name not in list(ChannelName):
            entry.wrong(f"there is no channel '{name[:40]}'", meant(name, list(ChannelName)), key=True)
            continue
        for item in entry.items():
            yield ChannelName(name), item


def _route(channel: ChannelName, item: Part, vias: Vias, via_names: Iterable[str]) -> RouteSettings | None:
    in_clear(item)
    spot = item.at("via") if item.get("via") else item
    via = spot.text or next((key for key, _ in item.entries() if _known(vias, key)), "")
    if not via:
        spot.wrong("the route has no via", f"Write for instance via: smtp. {meant('', via_names)}".strip())
        return None
    try:
        served, model = vias(via)
    except KeyError:
        spot.wrong(f"there is no way out '{via[:40]}'", meant(via, via_names))
        return None
    if served != channel:
        spot.wrong(f"'{via}' is a way for {served}, not for {channel}", f"Move it under routes.{served}")
        return None
    settings = parse(model, _complete(item, via))
    if settings is None or settings.via == via:
        return settings
    return settings.model_copy(update={"via": via})


def _known(vias: Vias, name: str) -> bool:
    try:
        vias(name)
    except KeyError:
        return False
    return True


def _complete(item: Part, via: str) -> Part:
    """The item with `via` written out, where one of its keys names it: {smtp: "mail.kommune.example:587"}."""
    value = item.node.value
    if not isinstance(value, dict) or "via" in value:
        return item
    node = Node({**value, "via": Node(via, item.node.line, item.node.column)}, item.node.line, item.node.column)
    return Part(item.file, node, item.where, item.faults)


def _free(via: str, taken: set[str]) -> str:
    number = 1
    while (name := via if number == 1 else f"{via}-{number}") in taken:
        number += 1
    return name
