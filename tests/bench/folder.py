"""Configurations for benchmarks: so many systems with one web check each, one SMS gateway."""

import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

_PLAN = """
municipality: Måling
owner: it
calendar:
  holidays: DK
  closed: []
  periods: {{arbejdstid: {{mon-thu: "08:00-15:00", fri: "08:00-14:00"}}, uden_for_arbejdstid: otherwise}}
people:
  vagt: {{name: Vagten, sms: "+4500000001", mail: vagt@eksempel.example}}
roles:
  it: {{title: IT, duty: vagt}}
chains:
  altid:
    period: {period}
    systems: [{names}]
    steps: [{{after: 0s, tell: it, by: sms}}]
  altid_ude:
    period: uden_for_arbejdstid
    systems: [{names}]
    steps: [{{after: 0s, tell: it, by: sms}}]
  egne:
    period: altid
    systems: [egen_linje, alarmvej, vagten]
    steps: [{{after: 0s, tell: it, by: sms}}]
requirements: {{system_0000: {{phone_within: 5m}}}}
routes:
  sms: [{{via: gatewayapi, url: "http://127.0.0.1:{sms}", token: gatewayapi_token, sender: Vagt}}]
"""


def write(folder: Path, count: int, ports: tuple[int, int], cadence: str, each: int = 1) -> Path:
    """A folder with `count` systems of `each` checks, at 127.0.0.1:ports[0]; SMS leave to 127.0.0.1:ports[1]."""
    web, sms = ports
    names = [f"system_{i:04d}" for i in range(count)]
    shutil.copytree(ROOT / "config" / "texts", folder / "texts", dirs_exist_ok=True)
    plan = _PLAN.format(period="arbejdstid", names=", ".join(names), sms=sms)
    (folder / "plan.yaml").write_text(plan, encoding="utf-8")
    lines = ["systems:"]
    for name in names:
        lines += [f"  {name}:", f"    title: {name}", "    checks:"]
        for turn in range(each):
            check = f"c-{name.replace('_', '-')}-{turn}"
            lines.append(f'      - {{name: {check}, kind: http, url: "http://127.0.0.1:{web}/{name}", {cadence}}}')
    (folder / "systems.yaml").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder
