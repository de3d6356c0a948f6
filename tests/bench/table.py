"""The rows every benchmark gives, and how they are printed."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """One figure. `limit` is the figure to reach (or a peer's), `better` says which side of it is good."""

    what: str
    measured: float
    unit: str
    limit: float
    against: str
    lower_is_better: bool = True

    @property
    def ratio(self) -> float:
        """How many times better than the limit; below 1 the figure is missed."""
        if not self.measured:
            return float("inf") if self.lower_is_better else 0.0
        return self.limit / self.measured if self.lower_is_better else self.measured / self.limit


def show(rows: Iterable[Row]) -> str:
    """The table: `ratio` is how many times better than what it stands beside."""
    lines = [f"{'what':<66} {'measured':>12} {'beside':>12} {'ratio':>7}  against"]
    for row in rows:
        limit = f"{row.limit:.4g} {row.unit}"
        mark = "" if row.ratio > 0.995 else "  MISSED"
        ratio = f"{row.ratio:.2f}x"
        lines.append(f"{row.what:<66} {row.measured:>9.4g} {row.unit:<3} {limit:>11} {ratio:>7}  {row.against}{mark}")
    return "\n".join(lines)
