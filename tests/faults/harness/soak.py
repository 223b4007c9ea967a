"""`make soak`: the long harnesses in full, and their results in docs/reliability/*.json.

Belongs here: how much of each, and the files. Does not belong here: the harnesses.

`python tests/faults/harness/soak.py [kill] [readers] ...` runs those named, else all.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[3]
sys.path[:0] = [str(Path(__file__).parents[1]), str(ROOT)]

from canary.soak import canaries  # noqa: E402

from harness import kill  # noqa: E402
from harness.worlds import lived_home, make_world  # noqa: E402

RESULTS = Path(os.environ.get("CAKUPAN_SOAK_RESULTS") or ROOT / "docs" / "reliability")


def write(name: str, title: str, figures: dict[str, Any], cases: list[Any]) -> None:
    """Write one result."""
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True,
        check=False,
    ).stdout.strip()  # fmt: skip
    result = {
        "title": title,
        "command": "make soak",
        "date": dt.datetime.now(dt.UTC).date().isoformat(),
        "commit": os.environ.get("CAKUPAN_SOAK_COMMIT") or commit,
        "figures": figures,
        "cases": cases,
    }
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / f"{name}.json").write_text(json.dumps(result, indent=1) + "\n", "utf-8")


def kills(folder: Path, tell: Callable[[str], None]) -> bool:
    """Kill homes at more than a hundred points, some of them by the clock."""
    began = time.monotonic()
    world = make_world(folder / "world")
    lived = lived_home(world, folder / "lived", folder / "first")
    whole = kill.undisturbed(world, lived, folder / "whole", folder / "second")
    plans = kill.choose(whole.points)
    chains = kill.chains(plans, 5)
    for number, chain in enumerate(chains[::3]):
        # By the clock too, at times that no list of points has chosen.
        chain.insert(1, {"after_seconds": 1.5 + whole.seconds * (number + 1) / (len(chains) + 2)})
    tell(f"{len(plans)} of {len(whole.points)} points, {len(chains)} homes")

    def one(number: int) -> kill.Case:
        place = folder / f"home-{number}"
        case = kill.kill_and_restart(world, lived, chains[number], whole, place)
        if case.survived:
            shutil.rmtree(place)
        tell(f"home {number}: {len(case.kills)} kills, {'survived' if case.survived else case}")
        return case

    with ThreadPoolExecutor(int(os.environ.get("CAKUPAN_SOAK_PROCESSES", "2"))) as pool:
        cases = list(pool.map(one, range(len(chains))))
    done = [where for case in cases for where in case.kills]
    lost = [case for case in cases if not case.survived]
    write(
        "kill",
        "Runs killed with SIGKILL, restarted, and compared with an undisturbed run",
        {
            "points of an undisturbed run": len(whole.points),
            "kills": len(done),
            "homes": len(cases),
            "kills in homes that ended like the undisturbed one": sum(
                len(case.kills) for case in cases if case.survived
            ),
            "homes that ended otherwise": len(lost),
            "steps in which a kill was planned": len({plan["step"] for plan in plans}),
            "steps of a run": len({point["step"] for point in whole.points}),
            "tables compared": len(whole.after),
            "seconds of an undisturbed run": round(whole.seconds, 1),
            "seconds in all": round(time.monotonic() - began),
            "kills by kind": dict(Counter(where["kind"] for where in done).most_common()),
        },
        [
            {"kills": case.kills, "survived": case.survived, "wrong": case.wrong,
             "differing": case.differing}
            for case in cases
        ],
    )  # fmt: skip
    return not lost and len(done) >= 100


HARNESSES: dict[str, Callable[[Path, Callable[[str], None]], bool]] = {
    "kill": kills,
    "canary": canaries,
}


def main() -> int:
    """Run what is named, else all; 1 where anything failed."""
    os.nice(5)
    names = sys.argv[1:] or list(HARNESSES)
    good = True
    for name in names:
        folder = Path(tempfile.mkdtemp(prefix=f"cakupan-soak-{name}-"))

        def tell(line: str, name: str = name) -> None:
            sys.stdout.write(f"{dt.datetime.now(dt.UTC):%H:%M:%S} {name}: {line}\n")
            sys.stdout.flush()

        survived = HARNESSES[name](folder, tell)
        tell("survived" if survived else f"FAILED; what is left lies in {folder}")
        if survived:
            shutil.rmtree(folder)
        good = good and survived
    return 0 if good else 1


if __name__ == "__main__":
    raise SystemExit(main())
