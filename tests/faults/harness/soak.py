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
sys.path[:0] = [
    str(Path(__file__).parents[1]),
    str(ROOT),
    # The small publication and the persons of lists, which the tests of extracts share.
    str(ROOT / "tests" / "unit" / "extracts"),
]

from canary.soak import canaries  # noqa: E402

from harness import handing, kill  # noqa: E402
from harness.readers import publish_with_readers  # noqa: E402
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
        # By the clock too, at times that no list of points has chosen. First, because a restart
        # has less to do than the whole run that the time is a part of.
        chain.insert(0, {"after_seconds": 1.5 + whole.seconds * (number + 1) / (len(chains) + 2)})
    tell(f"{len(plans)} of {len(whole.points)} points, {len(chains)} homes")

    ended: list[tuple[int, kill.Case]] = []

    def one(number: int) -> kill.Case:
        place = folder / f"home-{number}"
        case = kill.kill_and_restart(world, lived, chains[number], whole, place)
        if case.survived:
            shutil.rmtree(place)
        tell(f"home {number}: {len(case.kills)} kills, {'survived' if case.survived else case}")
        ended.append((number, case))
        # After each home, so that a run that is cut short says how far it came.
        _write_kills(whole, plans, ended, len(chains), round(time.monotonic() - began))
        return case

    with ThreadPoolExecutor(int(os.environ.get("CAKUPAN_SOAK_PROCESSES", "2"))) as pool:
        cases = list(pool.map(one, range(len(chains))))
    lost = [case for case in cases if not case.survived]
    return not lost and sum(len(case.kills) for case in cases) >= 100


def _write_kills(
    whole: kill.Undisturbed,
    plans: list[dict[str, Any]],
    ended: list[tuple[int, kill.Case]],
    homes: int,
    seconds: int,
) -> None:
    done = [where for _, case in ended for where in case.kills]
    write(
        "kill",
        "Runs killed with SIGKILL, restarted, and compared with an undisturbed run",
        {
            "points of an undisturbed run": len(whole.points),
            "kills": len(done),
            "kills in homes that ended like the undisturbed one": sum(
                len(case.kills) for _, case in ended if case.survived
            ),
            "homes, each killed several times in a row": len(ended),
            "homes planned": homes,
            "homes that ended otherwise": sum(not case.survived for _, case in ended),
            "steps of a run": len({point["step"] for point in whole.points}),
            "steps with a kill": len({where["step"] for where in done} - {"any"}),
            "steps planned": len({plan["step"] for plan in plans}),
            "tables compared": len(whole.after),
            "seconds of an undisturbed run": round(whole.seconds),
            "seconds in all": seconds,
            "kills by kind": dict(Counter(where["kind"] for where in done).most_common()),
        },
        [
            {"home": number, "step": where["step"], "at": where["kind"], "killed": where["when"],
             "home ended as undisturbed": "yes" if case.survived else "NO"}
            for number, case in sorted(ended, key=lambda pair: pair[0])
            for where in case.kills
        ],
    )  # fmt: skip


def reading(folder: Path, tell: Callable[[str], None]) -> bool:
    """Publish a thousand times while four processes read."""
    wanted = int(os.environ.get("CAKUPAN_SOAK_PUBLICATIONS", "1000"))
    seen = publish_with_readers(folder, wanted, 3, 3, tell)
    write(
        "readers",
        "Publications made one after another while readers open what is in force",
        {
            "publications": seen.publications,
            "readers that open, read and close": 3,
            "readers that keep the first one open": 1,
            "reads": seen.reads,
            "different publications seen": seen.distinct,
            "reads of the one kept open": seen.held,
            "errors": len(seen.errors),
            "reads in which totals did not agree": seen.unequal,
            "publications kept": 3,
            "seconds": round(seen.seconds),
        },
        sorted(set(seen.errors)),
    )
    return not seen.errors and not seen.unequal


def handing_over(folder: Path, tell: Callable[[str], None]) -> bool:
    """Kill the making and the sending of extracts, a few times in each of many homes."""
    begun = time.monotonic()
    start = handing.make_start(folder / "start")
    whole = handing.undisturbed(start, folder / "whole")
    cases: list[handing.Case] = []
    for number in range(int(os.environ.get("CAKUPAN_SOAK_HOMES", "30"))):
        plans = {
            command: handing.spread(points, 3, seed=number)
            for command, points in whole.points.items()
        }
        cases.append(handing.kill_and_go_on(start, whole, plans, folder / f"home-{number}"))
        tell(f"home {number}: {len(cases[-1].kills)} kills, {cases[-1].wrong or 'survived'}")
    done = [kill for case in cases for kill in case.kills]
    wrong = [line for case in cases for line in case.wrong]
    write(
        "handing",
        "Extracts killed with SIGKILL while made and while delivered, and begun again",
        {
            "points of an undisturbed making": len(whole.points["extract"]),
            "points of an undisturbed delivery": len(whole.points["deliver"]),
            "homes": len(cases),
            "kills": len(done),
            "kills by command": dict(Counter(kill["command"] for kill in done).most_common()),
            "kills by kind": dict(Counter(kill["kind"] for kill in done).most_common()),
            "homes that ended like the undisturbed one": sum(not case.wrong for case in cases),
            "files searched for persons and for what looks whole and is not": sum(
                case.files for case in cases
            ),
            "of it wrong": len(wrong),
            "seconds": round(time.monotonic() - begun),
        },
        wrong,
    )
    return not wrong and len(done) >= 100


HARNESSES: dict[str, Callable[[Path, Callable[[str], None]], bool]] = {
    "kill": kills,
    "handing": handing_over,
    "readers": reading,
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
