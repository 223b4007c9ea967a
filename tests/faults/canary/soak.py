"""All cases of the canaries, for `make soak`; results in docs/reliability/canary.json.

`python tests/faults/canary/soak.py` runs them alone.
"""

from __future__ import annotations

import datetime as dt
import json
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[3]
sys.path[:0] = [str(Path(__file__).parents[1]), str(ROOT)]

from canary.running import (  # noqa: E402
    DRIVER,
    JUDGE,
    READERS,
    REFUSING,
    SENDING,
    STOPPED,
    UNDISTURBED,
    Case,
    Result,
    run_cases,
    undisturbed,
    waves,
)


def lists_fail(statements: int) -> list[Case]:
    """Break the command that makes lists early, half-way and near its end.

    Args:
        statements: how many it makes.
    """
    return [
        Case(
            f"extracts fail after {part:.0%} of the statements",
            plan=(("command", round(part * statements), kind),),
            commands=("run", "extract"),
            settings=UNDISTURBED.settings,
        )
        for part, kind in ((0.2, "conversion"), (0.5, "constraint"), (0.9, "chained"))
    ]


def canaries(folder: Path, tell: Callable[[str], None]) -> bool:
    """Break every step at its first, a middle and its last statement, and all that is around.

    The results are written after every case, so that a soak that is stopped has told what it saw.
    """
    world, whole = undisturbed(folder)
    cases = [
        READERS, JUDGE, DRIVER, REFUSING, STOPPED,
        *waves(whole.statements, (0.5,)),
        SENDING,
        *lists_fail(whole.statements["command"]),
        *(Case(f"SIGTERM after {s} s", terminate=s) for s in (0.2, 1.0, 2.0)),
        *waves(whole.statements, (0.0, 1.0)),
    ]  # fmt: skip
    tell(f"{len(cases) + 1} cases")
    results: list[Result] = [whole]
    for number, case in enumerate(cases):
        place = folder / f"case-{number}"
        results += run_cases(world, [case], place, 1)
        tell(f"{case.name}: {results[-1].codes}, {len(results[-1].hits)} hits")
        shutil.rmtree(place)
        _write(results, len(cases) + 1)
    quiet = not any(result.hits for result in results)
    return quiet and all(result.codes[-1] != 0 for result in results[1:])


def _write(results: list[Result], planned: int) -> None:
    broken = [line for result in results for line in result.broken]
    figures = {
        "cases_planned": planned,
        "cases": len(results),
        "faults_injected": len(broken),
        "steps": len(results[0].statements) - 1,
        "steps_broken": len({line.split(" #")[0] for line in broken} - {"command"}),
        "files_searched": sum(result.files for result in results),
        "bytes_searched": sum(result.bytes for result in results),
        "hits_outside_the_restricted_store": sum(len(result.hits) for result in results),
    }
    written = {
        "title": "Canaries outside of the restricted store",
        "command": "make soak",
        "date": dt.datetime.now(dt.UTC).date().isoformat(),
        "figures": figures,
        "cases": [result.told() for result in results],
    }
    target = ROOT / "docs" / "reliability" / "canary.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(written, indent=1, ensure_ascii=False) + "\n", "utf-8")


if __name__ == "__main__":
    place = Path(tempfile.mkdtemp(prefix="soak-canary-"))
    try:
        good = canaries(place, lambda line: sys.stdout.write(line + "\n") and sys.stdout.flush())
    finally:
        shutil.rmtree(place, ignore_errors=True)
    sys.exit(0 if good else 1)
