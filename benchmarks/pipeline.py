"""Measure the whole pipeline as an operator runs it: wall time by stage and peak memory.

    python benchmarks/pipeline.py [--people 100000 1000000] [--keep DIR]

Each size is a sample world of its own, made once, and a run on a fresh home in a process of its
own. Peak memory is the largest resident set of that process. The exponent tells how the cost
grows from one size to the next: 1 is in proportion to the data.

Results go to standard output as a Markdown table and to benchmarks/results/pipeline.json.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import os
import platform
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

RESULTS = Path(__file__).parent / "results" / "pipeline.json"
CAKUPAN = Path(sys.executable).with_name("cakupan")


def timed(*arguments: str) -> tuple[float, float, float, str]:
    """Run one process: wall and CPU seconds, peak resident gigabytes, standard output."""
    with tempfile.TemporaryFile("w+") as output:
        started = time.monotonic()
        process = subprocess.Popen([str(CAKUPAN), *arguments], stdout=output)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.monotonic() - started
        output.seek(0)
        text = output.read()
    if status:
        raise SystemExit(f"cakupan {' '.join(arguments)} ended with status {status}\n{text}")
    scale = 1024**3 if sys.platform == "darwin" else 1024**2
    return seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / scale, text


@dataclass(frozen=True)
class Measure:
    """One run: people in the world, wall and CPU seconds, peak memory, seconds by stage."""

    people: int
    seconds: float
    cpu_seconds: float
    peak_gb: float
    stages: dict[str, float]


def measure(people: int, folder: Path, seed: int, period: str) -> Measure:
    """Make a world of `people` and run one month of it."""
    world = folder / f"world-{people}"
    if not (world / "truth").is_dir():
        made, _, made_memory, _ = timed(
            "sample", "--people", str(people), "--seed", str(seed), "--period", period,
            "--out", str(world),
        )  # fmt: skip
        print(f"{people:,} people made in {made:.1f} s, {made_memory:.2f} GB", file=sys.stderr)
    with tempfile.TemporaryDirectory(dir=folder) as home:
        seconds, cpu, memory, text = timed(
            "run", "--home", home, "--period", period, "--inbox", str(world / "inbox"), "--json"
        )
    return Measure(people, seconds, cpu, memory, json.loads(text)["stage_seconds"])


def table(results: list[Measure]) -> str:
    """Give the results as a Markdown table, one column for each size."""
    rows = [
        [stage, *(f"{result.stages.get(stage, 0):.1f} s" for result in results)]
        for stage in results[0].stages
    ]
    rows.append(["**whole run**", *(f"{result.seconds:.1f} s" for result in results)])
    rows.append(["**CPU time**", *(f"{result.cpu_seconds:.1f} s" for result in results)])
    rows.append(["**peak memory**", *(f"{result.peak_gb:.2f} GB" for result in results)])
    heading = ["", *(f"{result.people:,} people" for result in results)]
    lines = [f"| {' | '.join(cells)} |" for cells in (heading, *rows)]
    lines.insert(1, "|---|" + "---:|" * len(results))
    for before, after in itertools.pairwise(results):
        growth = math.log(after.cpu_seconds / before.cpu_seconds)
        exponent = growth / math.log(after.people / before.people)
        lines.append(
            f"\nFrom {before.people:,} to {after.people:,} people CPU time grows with exponent "
            f"{exponent:.2f}."
        )
    return "\n".join(lines)


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--people", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--seed", type=int, default=2021)
    parser.add_argument("--period", default="2026-10")
    parser.add_argument("--keep", type=Path, help="folder in which the worlds are kept")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        results = [
            measure(people, folder, options.seed, options.period)
            for people in sorted(options.people)
        ]
    RESULTS.parent.mkdir(exist_ok=True)
    facts = {
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "results": [asdict(result) for result in results],
    }
    RESULTS.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
    print(f"{os.cpu_count()} cores, Python {platform.python_version()}\n\n{table(results)}")


if __name__ == "__main__":
    main()
