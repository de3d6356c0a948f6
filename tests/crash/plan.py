"""A plan whose period changes some seconds after the world begins: other people are told on either side.

Each period has one who is told at once by SMS and mail, and one who is told after two seconds by SMS.
"""

import shutil
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from tests.crash.sinks import Ports
from tests.support.service import ROOT

ZONE = ZoneInfo("Europe/Copenhagen")
STEP = 2.0
DAY, DAY_LATER, NIGHT, NIGHT_LATER, OWNER = (f"+450000000{n}" for n in range(1, 6))
MAILS = {DAY: "dag@eksempel.example", NIGHT: "nat@eksempel.example"}
_PLAN = """
municipality: Styrtkommune
owner: it
calendar:
  holidays: none
  closed: []
  periods:
    dag: {{{days}}}
    nat: otherwise
people:
  dag: {{name: Dagvagten, sms: "{day}", mail: dag@eksempel.example}}
  dag_leder: {{name: Dagens leder, sms: "{day_later}", mail: dag-leder@eksempel.example}}
  nat: {{name: Nattevagten, sms: "{night}", mail: nat@eksempel.example}}
  nat_leder: {{name: Nattens leder, sms: "{night_later}", mail: nat-leder@eksempel.example}}
  it: {{name: IT, sms: "{owner}", mail: it@eksempel.example}}
roles:
  dag: {{title: Dagvagten, duty: dag}}
  dag_leder: {{title: Dagens leder, duty: dag_leder}}
  nat: {{title: Nattevagten, duty: nat}}
  nat_leder: {{title: Nattens leder, duty: nat_leder}}
  it: {{title: IT, duty: it}}
chains:
  om_dagen:
    period: dag
    systems: [{names}]
    steps: [{{after: 0s, tell: dag, by: [sms, mail]}}, {{after: {step:g}s, tell: dag_leder, by: sms}}]
  om_natten:
    period: nat
    systems: [{names}]
    steps: [{{after: 0s, tell: nat, by: [sms, mail]}}, {{after: {step:g}s, tell: nat_leder, by: sms}}]
  egne:
    period: altid
    systems: [egen_linje, alarmvej, vagten]
    severities: [down, degraded, advisory]
    steps: [{{after: 0s, tell: it, by: sms}}]
requirements: {{{first}: {{phone_within: 5m}}}}
routes:
  sms:
    - {{via: gatewayapi, name: a, url: "http://127.0.0.1:{a}", token: gatewayapi_token, sender: Vagt, timeout: 10s}}
    - {{via: gatewayapi, name: b, url: "http://127.0.0.1:{b}", token: gatewayapi_token, sender: Vagt, timeout: 10s}}
  mail:
    - {{smtp: "127.0.0.1:{c}", name: c, security: none, sender: omsorgsvagt@eksempel.example, timeout: 10s}}
    - {{smtp: "127.0.0.1:{d}", name: d, security: none, sender: omsorgsvagt@eksempel.example, timeout: 10s}}
"""


def boundary(now: float, within: float) -> float:
    """The next full minute that is at least so many seconds away."""
    return float((int(now + within) // 60 + 1) * 60)


def write(folder: Path, systems: list[str], ports: Ports, changes: float) -> None:
    """A configuration folder whose day ends at `changes` (wall clock, a full minute)."""
    shutil.copytree(ROOT / "config" / "texts", folder / "texts")
    end = datetime.fromtimestamp(changes, ZONE)
    begin = end - timedelta(hours=6)
    names = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
    text = _PLAN.format(
        days=f'{names[begin.weekday()]}: "{begin:%H:%M}-{end:%H:%M}"',
        day=DAY,
        day_later=DAY_LATER,
        night=NIGHT,
        night_later=NIGHT_LATER,
        owner=OWNER,
        names=", ".join(systems),
        first=systems[0],
        step=STEP,
        a=ports.gateways[0],
        b=ports.gateways[1],
        c=ports.relays[0],
        d=ports.relays[1],
    )
    (folder / "plan.yaml").write_text(text, encoding="utf-8")
    lines = ["systems:"]
    for name in systems:
        url = f"http://127.0.0.1:{ports.systems}/{name}"
        check = f'name: c-{name}, kind: http, url: "{url}", every: 1s, timeout: 10s, confirm: 1, recover: 1'
        lines += [f"  {name}:", f"    title: {name.upper()}", "    checks:", f"      - {{{check}}}"]
    (folder / "systems.yaml").write_text("\n".join(lines) + "\n", encoding="utf-8")
