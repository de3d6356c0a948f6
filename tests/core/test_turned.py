"""No sign of life unless everything between a probe and a receipt has turned."""

from dataclasses import replace
from typing import Any

import pytest

from monitor.core.plan import ChannelName
from monitor.core.turned import Turn, Withheld, withheld

WELL = Turn(
    lasted=60.0,
    probe_age=4.0,
    fastest=10.0,
    loops={"ingest": 0.5, "escalate": 1.0, "deliver_sms": 0.2},
    back={ChannelName.SMS: True, ChannelName.MAIL: True},
)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({}, None),
        ({"probe_age": 35.0}, None),
        ({"probe_age": 35.1}, Withheld.PROBE),
        ({"probe_age": float("inf")}, Withheld.PROBE),
        ({"probe_age": float("inf"), "fastest": 0.0}, None),
        ({"loops": {"ingest": 0.5, "deliver_mail": 60.5}}, Withheld.LOOP),
        ({"back": {ChannelName.SMS: True, ChannelName.MAIL: False}}, Withheld.PULSE),
        ({"back": {}}, None),
        ({"stuck": ("replies",)}, Withheld.STUCK),
        ({"standing": 1}, Withheld.AUDIT),
    ],
)
def test_each_part_that_has_not_turned_withholds_it(change: dict[str, Any], reason: Withheld | None) -> None:
    assert withheld(replace(WELL, **change)) is reason
