"""Measure disclosure control: make a publication's release anew, attack it, and tell what is left.

    python benchmarks/disclosure.py HOME/published/2026-10-1 [--seconds 3600]

The exact tables of the publication are read, nothing of it is changed; the release goes to a
temporary folder. Processor time, wall time, the largest resident set, what was proven, and the
share of rows and of workers told by table go to standard output and to
benchmarks/results/disclosure.json. A release that is blocked is told, with what was measured.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import duckdb

from publishing.disclosure import make_release
from warehouse.errors import GateBlocked
from warehouse.publication.folders import WAREHOUSE_FILE
from warehouse.storage import literal

RESULTS = Path(__file__).parent / "results" / "disclosure.json"
PERIOD_LENGTH = len("2026-10")


def workers(exact: Path, period: str) -> int:
    """Count the country's workers of the month."""
    with duckdb.connect(str(exact), read_only=True) as con:
        found = con.execute(
            "SELECT max(workers) FROM coverage.coverage_national "
            f"WHERE denominator_id = 'eligible' AND period = {literal(period)}"
        ).fetchone()
    return int(found[0]) if found else 0


def measure(publication: Path, seconds: float) -> dict[str, Any]:
    """Make and attack a release.

    Args:
        publication: folder of a publication.
        seconds: for the linear programs; 0 leaves them out.

    Returns:
        Figures of the release, of time in seconds, and memory in megabytes.
    """
    exact, period = publication / WAREHOUSE_FILE, publication.name[:PERIOD_LENGTH]
    began = time.monotonic()
    told: dict[str, Any] = {"period": period, "workers": workers(exact, period)}
    with tempfile.TemporaryDirectory() as folder:
        try:
            made = make_release(
                exact, Path(folder) / "release.duckdb", period, program_seconds=seconds,
                log=lambda line: print(line, file=sys.stderr, flush=True),
            )  # fmt: skip
            told |= {"blocked": "", "release": asdict(made)}
        except GateBlocked as error:
            told |= {"blocked": str(error), "release": {}}
    used = resource.getrusage(resource.RUSAGE_SELF)
    return told | {
        "seconds": round(time.monotonic() - began, 1),
        "processor_seconds": round(used.ru_utime + used.ru_stime, 1),
        "largest_resident_megabytes": used.ru_maxrss // 1024,
        "load": round(os.getloadavg()[0], 1),
    }


def main() -> int:
    """Run the command line; see the module's text."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("publication", type=Path)
    parser.add_argument("--seconds", type=float, default=3600.0)
    parser.add_argument("--result", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    told = measure(arguments.publication, arguments.seconds)
    arguments.result.write_text(json.dumps(told, indent=2) + "\n", "utf-8")
    print(json.dumps(told, indent=2))
    release = told["release"]
    for table, share in release.get("share", {}).items():
        print(f"| `{table}` | {share:.0%}, {release['workers'][table]:.0%} |")
    return 4 if told["blocked"] else 0


if __name__ == "__main__":
    sys.exit(main())
