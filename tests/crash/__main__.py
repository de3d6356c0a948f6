"""`make crash`: a thousand kills and more; prints what came of them, ends with 1 when a promise was broken."""

import argparse
import os
import sys

from tests.crash.table import Came, table, worlds


def main() -> int:
    """The long form."""
    words = argparse.ArgumentParser(prog="python -m tests.crash")
    words.add_argument("--kills", type=int, default=1000)
    words.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    words.add_argument("--seed", type=int, default=1, help="of the first world; the others follow")
    given = words.parse_args()
    came = worlds(given.kills, given.workers, given.seed, _tell)
    sys.stdout.write(f"\n{table(came)}\n")
    return 1 if any(one.found.broken for one in came) else 0


def _tell(one: Came) -> None:
    sys.stdout.write(f"world {one.seed}: {one.kills} kills, {one.outages} outages, {len(one.found.broken)} broken\n")
    for broken in one.found.broken:
        sys.stdout.write(f"  {broken}\n")
    if one.found.broken:
        sys.stdout.write(f"  kept in {one.folder}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
