"""What was planted and what fired; `CAKUPAN_RELIABILITY=write` stores it in docs/reliability.

Belongs here: the record and its file. Does not belong here: planting.
"""

from __future__ import annotations

import datetime as dt
import json
import os
from dataclasses import dataclass
from pathlib import Path

RESULTS = Path(__file__).parents[3] / "docs" / "reliability" / "planted.json"


@dataclass(frozen=True)
class Planted:
    """One check with the violation that was planted for it.

    Attributes:
        kind: `expectation`, `across stages`, `reconciliation`, `gate` or `constraint`.
        check: which check.
        fired: whether it did.
        how: the violation.
    """

    kind: str
    check: str
    fired: bool
    how: str


def store(kind: str, planted: list[Planted], unique: str = "") -> None:
    """Check that all have fired, and put them into the file of results where asked.

    Args:
        kind: replaces the earlier results of this kind.
        planted: what was planted.
        unique: name of the test, for the message.
    """
    silent = [one for one in planted if not one.fired]
    assert not silent, f"{unique}: {len(silent)} checks did not fire, such as {silent[:5]}"
    assert len({one.check for one in planted}) == len(planted), "a check was counted twice"
    if os.environ.get("CAKUPAN_RELIABILITY") != "write":
        return
    known = json.loads(RESULTS.read_text("utf-8")) if RESULTS.exists() else {"cases": []}
    cases = [case for case in known["cases"] if case["kind"] != kind]
    cases += [vars(one) for one in planted]
    cases.sort(key=lambda case: (case["kind"], case["check"]))
    kinds = sorted({case["kind"] for case in cases})
    written = {
        "title": "A violation planted for every check, gate and constraint",
        "command": "CAKUPAN_RELIABILITY=write pytest tests/faults/test_planted*.py",
        "date": dt.datetime.now(dt.UTC).date().isoformat(),
        "figures": {
            "planted": len(cases),
            "fired": sum(case["fired"] for case in cases),
            **{f"planted, {k}": sum(case["kind"] == k for case in cases) for k in kinds},
        },
        "cases": cases,
    }
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(json.dumps(written, indent=1, ensure_ascii=False) + "\n", "utf-8")
