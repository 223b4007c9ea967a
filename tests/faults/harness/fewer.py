"""A pipeline of few datasets and few regions, for tests that run it many times.

Belongs here: a world of it, and leaving datasets, the dashboard and the report out, in a child and
before anything runs. Does not belong here: any other change; `make soak` runs with all of them.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import dagster as dg
import duckdb

from harness.worlds import FIRST, PEOPLE, SECOND, SEED, SETTINGS, World
from sources.contracts import Contract
from sources.world import generate

FEW = ("bpjs_employers", "bpjs_participants", "djp_withholding", "dukcapil_population", "farmers")


def leave_out() -> None:
    """Have this process know a few datasets alone, and draw neither dashboard nor report."""
    import assets.dashboard
    import assets.report
    import pipelines.definitions
    import pipelines.resources
    from sources.contracts import load_contracts

    def few(_directories: object = ()) -> dict[str, Contract]:
        known = load_contracts()
        return {key: known[key] for key in FEW}

    pipelines.definitions.load_contracts = few
    pipelines.resources.load_contracts = few
    # Both only show what is published, and take a third of a small run's time.
    assets.dashboard._make = _nothing
    assets.report._report = _nothing


def _nothing(*_arguments: object) -> dg.MaterializeResult:
    return dg.MaterializeResult()


def few_world(path: Path) -> World:
    """Make two months of a few datasets, with everybody in two regencies.

    The second month is the first with fewer participants, so that its figures are others.
    """
    raw = path / "raw"
    generate(raw, people=PEOPLE, seed=SEED, period=FIRST)
    with duckdb.connect() as con:
        for dataset in FEW:
            files = [p for p in (raw / "inbox" / dataset / FIRST).iterdir() if p.suffix != ".json"]
            parquet = files[0].suffix == ".parquet"
            names = [str(file) for file in files]
            reader = f"read_parquet({names})" if parquet else f"read_csv({names}, all_varchar=true)"
            columns = [row[0] for row in con.execute(f"DESCRIBE FROM {reader}").fetchall()]
            rows = "*"
            if "region_code" in columns:
                # Few regions make few cells, which are soon protected and attacked.
                rows = "* REPLACE (if(region_code < '33', '3204', '3273') AS region_code)"
            key = "nik" if dataset == "dukcapil_population" else columns[0]
            for period, where in ((FIRST, "true"), (SECOND, f"md5({key})[1] <> '7'")):
                drop = path / "inbox" / dataset / period
                drop.mkdir(parents=True)
                keep = where if dataset == "bpjs_participants" else "true"
                con.execute(
                    f"COPY (SELECT {rows} FROM {reader} WHERE {keep} ORDER BY {key}) "
                    f"TO '{drop / 'rows.csv'}' (HEADER)"
                )
    shutil.rmtree(raw)
    (path / "settings.yaml").write_text(SETTINGS, "utf-8")
    return World(path)
