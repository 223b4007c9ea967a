"""The ledger of faults: what each must lead to, what the tests saw, and the page of it.

Belongs here: the list of the 46 faults, the records that tests leave, and docs/reliability.md.
Does not belong here: the hooks that gather the records (conftest.py), the tests themselves.

`python tests/faults/ledger.py` writes the page anew from what is recorded in docs/reliability/.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reliability.md"
RECORDS = ROOT / "docs" / "reliability"
LINES = RECORDS / "lines.json"
TABLE_FROM, TABLE_TO = "<!-- faults: begin -->", "<!-- faults: end -->"

FAULTS: dict[int, tuple[str, str]] = {
    1: ("file of zero bytes", "refused as EMPTY_FILE; what was published stays"),
    2: ("header only", "no rows only where the contract allows it, else refused"),
    3: ("UTF-8 with byte order mark", "read; the header is clean"),
    4: ("UTF-16, either byte order", "detected and read"),
    5: ("cp1252", "read right where declared; else file or rows refused, never dropped"),
    6: ("two encodings in one file", "bad rows quarantined as BAD_ENCODING"),
    7: ("NUL and control characters", "those rows quarantined"),
    8: ("CRLF, lone CR, line ends in quotes", "the same table as with LF"),
    9: ("semicolons, tabs, 1.234.567,89", "read by the contract of the source"),
    10: ("unclosed quote", "refused or quarantined; later rows are not swallowed"),
    11: ("ragged rows", "those rows only quarantined"),
    12: ("cut off, or another count than the manifest's", "refused as PARTIAL_FILE"),
    13: ("row over 1 MB, field over 64 KB", "quarantined in bounded memory"),
    14: (
        "columns doubled, reordered, missing, renamed, new",
        "order and known names do not matter; missing or doubled is refused as SCHEMA_DRIFT; "
        "new ones are told and not loaded",
    ),
    15: ("a column changes its type", "refused by a drift report that names old and new"),
    16: ("NIK as 3.17101E+15", "NIK_PRECISION_LOST; never rebuilt"),
    17: (
        "NIK with .0, apostrophe, blanks, full-width digits, dots",
        "repaired with its reason, only where 16 digits result",
    ),
    18: ("NIK of 15 or 17 digits, one digit repeated, letters", "unusable, with its reason"),
    19: (
        "NIK with an impossible date or serial 0000; unknown province",
        "unusable; a province only flagged; a woman's day read right",
    ),
    20: ("NIK that differs from birth date or sex", "flagged, weighs less in linking"),
    21: ("years of two digits, 29 February, future, over 120 years", "flagged"),
    22: ("day and month swapped", "one strict format per source; an ambiguous file is told"),
    23: ("names NULL, NA, -, one word, empty", "kept as text where the contract says so"),
    24: ("formula in a cell", "stored as text, escaped at output"),
    25: (
        "XLSX: numbers, merged header, hidden sheet, formula without value, 1904, password",
        "read right, or refused by name",
    ),
    26: ("files with the wrong extension, packed files", "told by their first bytes"),
    27: (
        "zip bomb, nested archive, path traversal, link, huge sheet",
        "refused by ratio or size before unpacking",
    ),
    28: ("damaged Parquet, wrong sha256 in the manifest", "refused as CORRUPT"),
    29: (
        "same file twice, under another name, same name with new content",
        "the first two change nothing, the third is a new version",
    ),
    30: (
        "late and out-of-order periods",
        "only that period is computed anew; totals as in a full rebuild",
    ),
    31: ("file still growing", "waited for until stable, _SUCCESS or manifest"),
    32: ("delivery 30% smaller or 3 times larger than the last", "held for approval"),
    33: ("database connection cut at 10, 50, 99%", "retried; no partial rows; else the run fails"),
    34: (
        "database slow, locked, wrong password, TLS, missing grant",
        "a clear message without secrets",
    ),
    35: ("database rows change while read", "one snapshot"),
    36: ("kill -9 at every step", "the next run reaches the same tables"),
    37: ("SIGTERM in a run", "clean end, lock freed, no process left"),
    38: (
        "disk full while staging, in DuckDB, temporary files, extracts",
        "the old publication stays, temporary files go",
    ),
    39: ("memory limit", "spills or fails cleanly within the stated ceiling"),
    40: ("two runs at once", "the second waits; no lock error"),
    41: (
        "a reader holds the publication while another is made",
        "publishing succeeds; the reader keeps its snapshot",
    ),
    42: ("clock moved, midnight in three zones, 31 December", "the day is a parameter, not now()"),
    43: ("run history or manifest lost", "rebuilt from the inputs with the same tables"),
    44: ("wrong or missing key", "nothing is written, no plaintext is left"),
    45: ("small cell or NIK in a public table", "the release gate blocks"),
    46: ("a byte of a manifest or audit log changed", "verification fails at that line"),
}
"""Number to fault and what must happen."""


@dataclass(frozen=True)
class Record:
    """What one test saw.

    Attributes:
        number: line of the list.
        part: which part of it.
        test: file and function.
        result: what happened, in a sentence.
        delivered: rows that came, of files that were taken.
        accepted: rows in the conformed (or landing) table.
        quarantined: rows set aside with reasons.
        duplicates: exact repetitions.
        refused: code with which files were refused as a whole, if any.
    """

    number: int
    part: str
    test: str
    result: str
    delivered: int = 0
    accepted: int = 0
    quarantined: int = 0
    duplicates: int = 0
    refused: str = ""

    @property
    def unaccounted(self) -> int:
        """Rows of which nobody can say what became of them."""
        return self.delivered - self.accepted - self.quarantined - self.duplicates


def gather(records: Iterable[Record]) -> dict[str, list[dict[str, Any]]]:
    """Put records under their lines, in an order that does not depend on the run's."""
    lines: dict[str, list[dict[str, Any]]] = {}
    for record in records:
        entry = {name: value for name, value in asdict(record).items() if value not in (0, "")}
        lines.setdefault(str(entry.pop("number")), []).append(entry)
    return {number: sorted(seen, key=_order) for number, seen in lines.items()}


def _order(entry: dict[str, Any]) -> tuple[str, ...]:
    return entry["test"], entry["part"], entry["result"]


def stored() -> dict[str, list[dict[str, Any]]]:
    """Give what docs/reliability/lines.json holds."""
    return json.loads(LINES.read_text("utf-8")) if LINES.exists() else {}


def store(fresh: Mapping[str, list[dict[str, Any]]]) -> None:
    """Put the records of the tests that ran in place of their older ones, and write the page."""
    marked, older = marked_tests(), stored()
    lines: dict[str, list[dict[str, Any]]] = {}
    for number in sorted({*older, *fresh}, key=int):
        seen = fresh.get(number, [])
        ran = {record["test"] for record in seen}
        still = marked.get(int(number), set()) - ran
        records = [*seen, *(old for old in older.get(number, []) if old["test"] in still)]
        if records:
            lines[number] = sorted(records, key=_order)
    RECORDS.mkdir(parents=True, exist_ok=True)
    LINES.write_text(json.dumps(lines, indent=1, ensure_ascii=False) + "\n", "utf-8")
    write_page()


def marked_tests() -> dict[int, set[str]]:
    """Find which tests are marked with which line, from their sources alone."""
    found: dict[int, set[str]] = {}
    for path in sorted(Path(__file__).parent.glob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            for mark in getattr(node, "decorator_list", []):
                if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.fault":
                    number = ast.literal_eval(mark.args[0])
                    found.setdefault(number, set()).add(f"{path.name}::{node.name}")
    return found


def table(lines: Mapping[str, list[dict[str, Any]]]) -> str:
    """Write the table of the faults."""
    rows = []
    for number, (fault, must) in FAULTS.items():
        parts = lines.get(str(number), [])
        sentences = list(dict.fromkeys(part["result"].rstrip(".") for part in parts))
        figures = {
            name: sum(part.get(name, 0) for part in parts)
            for name in ("delivered", "accepted", "quarantined", "duplicates")
        }
        unaccounted = figures["delivered"] - sum(figures.values()) + figures["delivered"]
        tests = len({part["test"] for part in parts})
        verdict = "as it must" if parts and not unaccounted else "not shown"
        happened = "; ".join(sentences)
        cells = [number, fault, must, happened, *figures.values(), unaccounted, tests, verdict]
        rows.append("| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |")
    head = (
        "| No. | Fault | What must happen | What happens | Rows delivered | Accepted "
        "| Quarantined | Duplicates | Unaccounted | Tests | Result |\n"
        "|---:|---|---|---|---:|---:|---:|---:|---:|---:|---|"
    )
    return f"{head}\n" + "\n".join(rows)


def index(lines: Mapping[str, list[dict[str, Any]]]) -> str:
    """List the tests of each line."""
    listed = []
    for number in FAULTS:
        tests = list(dict.fromkeys(part["test"] for part in lines.get(str(number), [])))
        listed.append(f"- {number}: " + (", ".join(f"`{test}`" for test in tests) or "none"))
    return "\n".join(listed)


def faults_part(lines: Mapping[str, list[dict[str, Any]]]) -> str:
    """Write the part of the page that follows from the tests alone."""
    parts = [part for found in lines.values() for part in found]
    delivered = sum(part.get("delivered", 0) for part in parts)
    placed = sum(
        part.get(name, 0) for part in parts for name in ("accepted", "quarantined", "duplicates")
    )
    shown = sum(1 for number in FAULTS if lines.get(str(number)))
    return f"""{TABLE_FROM}
## The 46 faults

{shown} of {len(FAULTS)} are shown by {len({part["test"] for part in parts})} tests. Rows that the
tests delivered: {delivered}; rows unaccounted: {delivered - placed}.

{table(lines)}

### The tests, by fault

{index(lines)}
{TABLE_TO}"""


def harnesses() -> list[dict[str, Any]]:
    """Give the results that long harnesses left beside the records."""
    return [
        {"title": path.stem, **json.loads(path.read_text("utf-8"))}
        for path in sorted(RECORDS.glob("*.json"))
        if path != LINES
    ]


def harness_part(result: Mapping[str, Any]) -> str:
    """Write the section of one harness."""
    text = [f"## {result['title']}", ""]
    if result.get("command"):
        date = f", last run in full on {result['date']}" if result.get("date") else ""
        text += [f"`{result['command']}`{date}.", ""]
    figures = result.get("figures") or {}
    if figures:
        text += ["| Figure | Value |", "|---|---:|"]
        text += [f"| {_cell(name)} | {_cell(value)} |" for name, value in figures.items()]
        text.append("")
    cases = result.get("cases") or []
    if cases and all(isinstance(case, dict) for case in cases):
        columns = list(dict.fromkeys(name for case in cases for name in case))
        text += [
            "| " + " | ".join(map(_cell, columns)) + " |",
            "|" + "---|" * len(columns),
        ]
        text += [
            "| " + " | ".join(_cell(case.get(c, "")) for c in columns) + " |" for case in cases
        ]
        text.append("")
    elif cases:
        text += [f"- {case}" for case in cases] + [""]
    return "\n".join(text)


def _cell(value: Any) -> str:
    if isinstance(value, dict):
        value = ", ".join(f"{name} {inner}" for name, inner in value.items())
    elif isinstance(value, list | tuple):
        value = ", ".join(map(str, value))
    return str(value).replace("|", "\\|").replace("\n", " ")


def page() -> str:
    """Write docs/reliability.md whole."""
    return "\n".join(
        [
            "# Reliability: what was broken on purpose, and what happened",
            "",
            "Written by `make reliability` from what the tests in tests/faults saw and from what",
            "the long harnesses left in docs/reliability/. Do not edit it by hand: a test compares",
            "the table with what the tests see.",
            "",
            "The promise on every source and at every step: rows delivered = accepted +",
            "quarantined + exact duplicates. A file is taken or refused as a whole, rows one by",
            "one. A refused file counts no rows here: nothing of it is taken, and what was in",
            "force stays.",
            "",
            faults_part(stored()),
            "",
            *(harness_part(result) for result in harnesses()),
        ]
    )


def write_page() -> None:
    """Write docs/reliability.md."""
    PAGE.write_text(page().rstrip("\n") + "\n", "utf-8")


if __name__ == "__main__":
    write_page()
