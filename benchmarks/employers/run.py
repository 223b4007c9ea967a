"""Measure Cakupan's employer linkage beside Splink's and beside plain RapidFuzz.

    python benchmarks/employers/run.py [--sets pairs opensanctions world registers]
        [--opensanctions CASES.csv] [--people 60000] [--companies 44000] [--seed 31]
        [--repeat 2] [--keep DIR] [--splink-python PYTHON]

Sets: `pairs`, the project's labelled pairs of company names; `opensanctions`, the pairs of
organisations of OpenSanctions' name-matching cases, which are public and no part of the project:
name the file with `--opensanctions` or CAKUPAN_OPENSANCTIONS_NAMES, else they are left out;
`world`, the registers of businesses of a sample world; `registers`, seven registers of the tests'
own generator (382,000 companies give 1.04 million records; beyond `--splink-up-to` companies only
Cakupan runs).

Every run is a process of its own, from the interpreter's start to the written file, and the tools
take turns. docs/benchmarks-employers.md says how to read the results, which go to standard output
as a Markdown table and to benchmarks/results/employers.json.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from benchmarks.linkage.process import ChildFailed, Run, run  # noqa: E402
from benchmarks.linkage.run import machine  # noqa: E402

RESULTS = ROOT / "benchmarks" / "results" / "employers.json"
PERIOD = "2026-10"
TOOLS = ("cakupan", "splink plain", "splink same", "rapidfuzz")
SETS = ("pairs", "opensanctions", "world", "registers")


@dataclass
class Result:
    """All runs of one tool on one set, and how good its pairs were."""

    case: str
    engine: str
    runs: list[Run] = field(default_factory=list)
    judged: dict[str, Any] = field(default_factory=dict)
    failed: str = ""


class Bench:
    """Where things lie, and how children are started."""

    def __init__(self, options: argparse.Namespace, folder: Path) -> None:
        self.options = options
        self.folder = folder
        self.environment = {"PYTHONPATH": str(ROOT)}

    def module(self, name: str, *arguments: object, splink: bool = False) -> Run:
        """Run a module of the benchmarks."""
        python = self.options.splink_python if splink else sys.executable
        return run([python, "-m", f"benchmarks.{name}", *map(str, arguments)], self.environment)

    def cases(self) -> list[tuple[str, Path]]:
        """Prepare the sets asked for, unless they are kept from before."""
        options, made = self.options, []
        for name in options.sets:
            title, folder = name, self.folder / name
            arguments: list[object] = [name]
            if name == "opensanctions":
                if not options.opensanctions:
                    print("opensanctions left out: name its file", file=sys.stderr)
                    continue
                arguments.append(options.opensanctions)
            elif name == "registers":
                title = f"registers, {options.companies:,} companies"
                folder = self.folder / f"registers-{options.companies}-{options.seed}"
                arguments += [options.companies, "--seed", options.seed]
            elif name == "world":
                title = f"world, {options.people:,} people"
                folder = self.folder / f"world-{options.people}-{options.seed}"
            if not (folder / "set.json").exists():
                with tempfile.TemporaryDirectory(dir=self.folder) as world:
                    if name == "world":
                        self._sample(world)
                        truth = f"{world}/truth/employer_records.parquet"
                        arguments += ["--inbox", f"{world}/inbox", "--truth", truth]
                    self.module("employers.prepare", *arguments, "--out", folder)
            made.append((title, folder))
        return made

    def _sample(self, world: str) -> None:
        options = self.options
        start = "import sys; from pipelines.cli import main; sys.exit(main())"
        run(
            [sys.executable, "-c", start, "sample", "--people", str(options.people), "--seed",
             str(options.seed), "--period", PERIOD, "--out", world],
            self.environment,
        )  # fmt: skip

    def once(self, engine: str, folder: Path, out: Path) -> Run:
        """Run one tool once on one set."""
        if engine.startswith("splink"):
            features = engine.split()[1]
            return self.module("employers.splink_run", folder, out, features, splink=True)
        return self.module(f"employers.{engine}_run", folder, out)

    def measure(self, title: str, folder: Path) -> list[Result]:
        """Let the tools take turns on one set, and judge what they found."""
        facts = json.loads((folder / "set.json").read_text("utf-8"))
        alone = folder.name.startswith("registers") and (
            self.options.companies > self.options.splink_up_to
        )
        rows = next(iter(facts["rows"].values()))
        results = [
            Result(f"{title} ({rows:,} {facts['kind']})", tool)
            for tool in (TOOLS[:1] if alone else TOOLS)
        ]
        groups = ("--groups",) if facts["kind"] == "records" and not alone else ()
        for turn in range(self.options.repeat):
            for result in results:
                if result.failed:
                    continue
                out = self.folder / "pairs.parquet"
                out.unlink(missing_ok=True)
                print(f"{title}: {result.engine}, turn {turn + 1}", file=sys.stderr)
                try:
                    result.runs.append(self.once(result.engine, folder, out))
                    if turn == 0:
                        truth = folder / "truth.parquet"
                        result.judged = self.module("linkage.judge", out, truth, *groups).answer
                except ChildFailed as error:
                    result.failed = str(error)
                    print(error, file=sys.stderr)
        return results


def table(results: list[Result]) -> str:
    """Give the results as a Markdown table."""
    heading = (
        "set", "tool", "wall", "CPU", "memory", "pairs scored", "precision", "recall", "**F1**",
        "best F1", "at", "groups: F1",
    )  # fmt: skip
    lines = [f"| {' | '.join(heading)} |", "|---|---|" + "---:|" * (len(heading) - 2)]
    for result in results:
        cells = [result.case, result.engine]
        if result.failed or not result.judged:
            lines.append(f"| {' | '.join(cells)} | failed |" + " |" * (len(heading) - 3))
            continue
        candidates = result.runs[0].answer.get("candidates")
        own, best = result.judged["own"], result.judged["best"]
        cells += [
            f"{statistics.median(run.seconds for run in result.runs):.1f} s",
            f"{statistics.median(run.cpu_seconds for run in result.runs):.1f} s",
            f"{max(run.peak_gb for run in result.runs):.2f} GB",
            f"{candidates:,}" if isinstance(candidates, int) else "",
            *(f"{own[name]:.4f}" for name in ("precision", "recall", "f1")),
            f"{best['f1']:.4f}",
            f"{best['threshold']:g}" if best["threshold"] is not None else "",
            f"{result.judged['own_groups']['f1']:.4f}" if "own_groups" in result.judged else "",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sets", nargs="+", choices=SETS, default=list(SETS))
    parser.add_argument("--opensanctions", default=os.environ.get("CAKUPAN_OPENSANCTIONS_NAMES"))
    parser.add_argument("--people", type=int, default=60_000, help="of the sample world")
    parser.add_argument("--companies", type=int, default=44_000, help="of the registers")
    parser.add_argument("--seed", type=int, default=31)
    parser.add_argument("--repeat", type=int, default=2, help="turns of each tool")
    parser.add_argument("--keep", type=Path, help="folder in which prepared sets are kept")
    parser.add_argument("--splink-python", default=sys.executable)
    parser.add_argument("--splink-up-to", type=int, default=100_000, help="companies")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = (options.keep or Path(temporary)).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        bench = Bench(options, folder)
        results: list[Result] = []
        for title, path in bench.cases():
            results += bench.measure(title, path)
    facts = machine(options.splink_python) | {"repeat": options.repeat, "seed": options.seed}
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(
        json.dumps(facts | {"results": [asdict(result) for result in results]}, indent=2) + "\n",
        encoding="utf-8",
    )
    print(json.dumps(facts) + "\n\n" + table(results))


if __name__ == "__main__":
    main()
