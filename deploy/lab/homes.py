"""Who lives in the lab: the nødkald units and the equipment, as a municipality's list of them says.

Vendor, operator and area have nothing to do with each other, so that what fell silent together is told by what it
shares. There is nobody behind any of them.
"""

import csv
from dataclasses import dataclass
from pathlib import Path

UNITS = "noedkaldsenheder"
EQUIPMENT = "medicoteknik_enheder"
UNIT_COUNT = 2000
EQUIPMENT_COUNT = 40
OPERATOR = "X"
"""The operator that can be switched off: it carries 37 of each hundred units."""
_OF_ALL = 37
_FIRST_CID = 991000


@dataclass(frozen=True, slots=True)
class Home:
    """One device. `shared` is what it shares with others, by column of the list; `cid` is '' without SCAIP."""

    id: str
    fleet: str
    number: int
    shared: dict[str, str]
    critical: bool = False
    cid: str = ""


def units() -> list[Home]:
    """The nødkald units: three vendors and operators over ten areas."""
    return [_unit(number) for number in range(UNIT_COUNT)]


def _unit(number: int) -> Home:
    turn = number % 100
    vendor = "ABC"[number % 3]
    shared = {
        "vendor": f"Leverandør {vendor}",
        "model": f"{vendor}{number // 3 % 2 + 1}",
        "operator": OPERATOR if turn < _OF_ALL else "Y" if turn < 80 else "Z",
        "receiver": f"modtager {number // 1000 + 1}",
        "area": f"distrikt {number // 100 % 10 + 1}",
        "firmware": ("4.1", "4.2")[number // 7 % 2],
    }
    return Home(f"nk-{number:05d}", UNITS, number, shared, number % 10 == 3, str(_FIRST_CID + number))


def equipment() -> list[Home]:
    """The medico-technical equipment."""
    return [
        Home(
            f"mt-{number:04d}",
            EQUIPMENT,
            number,
            {"vendor": "Leverandør M", "model": f"M{number % 3}", "area": f"distrikt {number % 10 + 1}"},
        )
        for number in range(EQUIPMENT_COUNT)
    ]


def listed(folder: Path, homes: list[Home]) -> Path:
    """A list of devices for `omsorgsvagt devices import`: one CSV file named by its fleet."""
    path = folder / f"{homes[0].fleet}.csv"
    columns = list(homes[0].shared)
    with path.open("w", encoding="utf-8", newline="") as file:
        sheet = csv.writer(file, delimiter=";")
        sheet.writerow(["id", "cid", "critical", *columns])
        for home in homes:
            sheet.writerow([home.id, home.cid, "ja" if home.critical else "", *(home.shared[name] for name in columns)])
    return path
