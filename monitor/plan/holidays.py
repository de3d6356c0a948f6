"""Public holidays by country, from the holidays library.

Only what the law makes a day off; Christmas Eve and other agreements are the plan's own `closed`.

The library's Danish table knows that Store Bededag ended with 2023, and keeps 1 May, 5 June, 24 and 31 December apart
as optional; those are not asked for, because agreements differ and name hours. Its package of countries imports all
two hundred of them (45 ms and 8 MB, measured); the one module needed is therefore loaded by its file.
"""

import importlib.util
from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import Any

COUNTRIES: Mapping[str, tuple[str, str, str]] = MappingProxyType({"DK": ("denmark", "Denmark", "da")})
"""Code → (the library's module, its class, the language of the names)."""


def public_holidays(country: str, years: Iterable[int]) -> dict[date, str]:
    """The country's public holidays with their names. Raises KeyError for a country not in COUNTRIES."""
    module, name, language = COUNTRIES[country]
    table = getattr(_module(module), name)(years=tuple(years), language=language)
    return {day: str(table[day]) for day in sorted(table)}


def _module(name: str) -> Any:
    package = importlib.util.find_spec("holidays")
    origin = package.origin if package else None
    if origin is None:
        raise ImportError("the holidays library is not installed")
    path = Path(origin).parent / "countries" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"monitor_holidays_{name}", path)
    if spec is None or spec.loader is None:
        raise ImportError(f"the holidays library has no {path.name}")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
