"""The command `link`: any two tables, by a specification.

Belongs here: its options turned into a call, and its output. Does not belong here: the linkage
(matching/linker).
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table

from matching.linker.run import LinkReport, link
from matching.linker.spec import read_spec
from pipelines.cli import errors, print_json
from pipelines.gap import number
from warehouse.errors import UsageError

ENGINES = ("duckdb",)


def command(
    left: Path,
    right: Path,
    spec: Path,
    out: Path,
    engine: str,
    truth: Path | None,
    as_json: bool,
) -> int:
    """Link two tables; see `cakupan link --help`.

    Raises:
        UsageError: the engine is not known, or the specification or an identifier is wrong.
        DataRefused: a file is empty or cannot be read.
    """
    if engine not in ENGINES:
        raise UsageError(f"--engine: {engine!r} is not one of {', '.join(ENGINES)}")
    console = errors()
    report = link(
        left.expanduser(),
        right.expanduser(),
        read_spec(spec.expanduser()),
        out.expanduser(),
        truth=truth.expanduser() if truth else None,
        log=lambda message: console.print(f"link: {message}", markup=False, highlight=False),
    )
    if as_json:
        told = asdict(report) | {
            "candidates_per_row": round(report.candidates_per_row, 2),
            "out": str(out),
        }
        print_json({"status": "done", "exit_code": 0, **told, "errors": []})
        return 0
    _show(report, out)
    return 0


def _show(report: LinkReport, out: Path) -> None:
    console = Console()
    table = Table("Pasangan", "Jumlah", box=box.SIMPLE_HEAD)
    for tier, name in (("identifier", "tertaut oleh nomor identitas"), ("model", "oleh model")):
        table.add_row(name, number(report.tiers.get(tier, 0)))
    table.add_row("perlu ditinjau", number(report.review))
    console.print(table)
    lines = [
        f"Baris    : {number(report.left_rows)} × {number(report.right_rows)}",
        f"Kandidat : {number(report.candidates)} pasangan dibandingkan, "
        f"{number(report.candidates_per_row, 1)} per baris",
        f"Tautan   : {out}",
    ]
    skipped = [rule for rule in report.blocking if rule["capped_blocks"]]
    if skipped:
        lines.append(
            f"Dibatasi : {len(skipped)} dari {len(report.blocking)} aturan melewati nilai yang "
            "terlalu umum; rinciannya dengan --json"
        )
    found = report.evaluation
    if found:
        lines += [
            f"Presisi  : {number(100 * found['precision'], 2)}%",
            f"Perolehan: {number(100 * found['recall'], 2)}% (recall)",
            f"F1       : {number(found['f1'], 5)}",
            f"F1 terbaik atas semua ambang: {number(found['best_f1'], 5)}",
        ]
        if found["blocking_ceiling"] is not None:
            lines.append(
                f"Batas blocking: {number(100 * found['blocking_ceiling'], 2)}% dari pasangan "
                "benar dibandingkan"
            )
    for line in lines:
        console.print(line, markup=False, highlight=False, soft_wrap=True)
