"""Each module can be the first that is imported: nothing hangs on who came before."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
ASK = """
import importlib, os, sys, traceback
failed = 0
for name in sys.argv[1:]:
    # A child of its own, which inherits no module of ours.
    child = os.fork()
    if not child:
        try:
            importlib.import_module(name)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    failed |= os.waitpid(child, 0)[1]
sys.exit(bool(failed))
"""


def test_every_module_of_the_pipelines_can_be_imported_first() -> None:
    names = sorted(
        f"pipelines.{path.stem}" for path in (ROOT / "pipelines").glob("*.py")
        if path.stem not in ("__init__", "__main__")
    )  # fmt: skip
    libraries = "import dagster, duckdb, pydantic, typer, rich\n"
    ended = subprocess.run(
        [sys.executable, "-c", libraries + ASK, *names],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert len(names) > 20
    assert ended.returncode == 0, ended.stderr
