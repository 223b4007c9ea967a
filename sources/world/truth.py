"""The truth about a sample world, kept apart from its deliveries, and the note that it is made up.

Belongs here: truth tables, denominators, SINTETIS.md, the note in manifests. Does not belong
here: anything that is delivered.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb

from sources.world.company_truth import companies_sql
from sources.world.draws import Draws
from sources.world.files import copy_parquet
from sources.world.lists import Month
from sources.world.rates import ErrorRates
from warehouse.storage import literal

NOTE_ID = (
    "Data SINTETIS. Semua orang dan usaha di sini buatan komputer; setiap NIK memakai kecamatan 90 "
    "sampai 99, yang tidak ada."
)
NOTE_EN = (
    "SYNTHETIC data. Every person and business here was made up by a program; every NIK has a "
    "district from 90 to 99, which do not exist."
)


def note(people: int, seed: int, rates: ErrorRates) -> dict[str, Any]:
    """Give what every manifest says about where its data come from."""
    return {
        "synthetic": True,
        "keterangan": NOTE_ID,
        "note": NOTE_EN,
        "seed": seed,
        "people": people,
    }


def write_truth(
    con: duckdb.DuckDBPyConnection,
    out: Path,
    month: Month,
    people: int,
    seed: int,
    rates: ErrorRates,
) -> None:
    """Write `truth/*.parquet`, `denominators.csv` and `SINTETIS.md`.

    Args:
        con: the building database.
        out: folder of the world.
        month: the newest month; people and companies are as of it.
        people: persons in the register.
        seed: seed of the world.
        rates: rates of errors.
    """
    folder = out / "truth"
    folder.mkdir(parents=True, exist_ok=True)
    copy_parquet(
        con,
        "(SELECT * FROM truth_persons ORDER BY period, dataset, record_id)",
        folder / "person_records.parquet",
    )
    copy_parquet(
        con,
        "(SELECT * FROM truth_employers ORDER BY period, dataset, record_id)",
        folder / "employer_records.parquet",
    )
    copy_parquet(
        con,
        "(SELECT * FROM truth_months ORDER BY period, nik)",
        folder / "months.parquet",
    )
    copy_parquet(con, _people_sql(month), folder / "people.parquet")
    copy_parquet(con, companies_sql(Draws(seed), month), folder / "companies.parquet")
    copy_parquet(con, _PROJECTS, folder / "projects.parquet")
    _write_denominators(con, out, month)
    (out / "SINTETIS.md").write_text(_face(people, seed, month, rates), encoding="utf-8")


def _people_sql(month: Month) -> str:
    return f"""(
        WITH job AS (
            SELECT i, firm, wage FROM jobs WHERE rank = 1 AND left_on IS NULL
                AND started_on <= DATE '{month.as_of}'
        ),
        held AS (
            SELECT i, count(*) AS cards,
                bool_or(lapse_month IS NULL AND (ended_on IS NULL
                    OR ended_on > DATE '{month.as_of}')) AS member
            FROM cards WHERE registered_on <= DATE '{month.as_of}' GROUP BY i
        )
        SELECT p.nik, p.in_register, p.full_name, p.sex, p.birth_date, p.mother_name,
            p.region_code, p.region_code[:2] AS province_code, coalesce(p.dead, false) AS dead,
            w.i IS NOT NULL AND NOT coalesce(p.dead, false) AS employed,
            w.terms AS employment, w.formal, w.sector AS sector_code,
            'F' || j.firm::VARCHAR AS company_id, j.wage AS monthly_wage,
            coalesce(h.cards, 0) AS cards, coalesce(h.member, false) AS member
        FROM persona AS p LEFT JOIN work AS w USING (i) LEFT JOIN job AS j USING (i)
        LEFT JOIN held AS h USING (i)
        ORDER BY p.nik, p.i)"""


_PROJECTS = """(
    SELECT p.project_id, p.company_id, p.funding, p.contract_value, p.region_code, p.starts_on,
        p.ends_on, p.certificate_number IS NOT NULL AS certified, count(w.i) AS workers
    FROM world_projects AS p LEFT JOIN world_project_workers AS w USING (project_id)
    GROUP BY ALL ORDER BY p.project_id)"""


def _write_denominators(con: duckdb.DuckDBPyConnection, out: Path, month: Month) -> None:
    """Write what a labour force survey of this world would find: nation, provinces, sectors."""
    con.execute(f"""
        COPY (
            SELECT '{month.period}' AS survey_period, w.province AS province_code,
                NULL::VARCHAR AS regency_code, w.sector AS sector_code, count(*) AS employed,
                'Dunia contoh SINTETIS / SYNTHETIC sample world' AS source
            FROM work AS w WHERE w.in_register AND w.died_on IS NULL
            GROUP BY GROUPING SETS ((), (w.province), (w.sector))
            ORDER BY province_code NULLS FIRST, sector_code NULLS FIRST
        ) TO {literal(str(out / "denominators.csv"))} (FORMAT csv, HEADER)
    """)


def _face(people: int, seed: int, month: Month, rates: ErrorRates) -> str:
    table = "\n".join(
        f"| {error} | " + ", ".join(f"{group} {rate:g}" for group, rate in groups.items()) + " |"
        for error, groups in rates.table.items()
    )
    return f"""# Data SINTETIS / SYNTHETIC data

{NOTE_ID} Jumlah, sebaran, dan kesalahannya meniru angka nasional yang diterbitkan; tidak satu pun
catatan berasal dari orang sungguhan. Jangan dipakai sebagai statistik.

{NOTE_EN} Totals, distributions and errors imitate published national figures; no record comes
from a real person. Not to be used as statistics.

- benih / seed: {seed}
- penduduk / people: {people}
- bulan terakhir / newest month: {month.period}
- `inbox/`: kiriman / deliveries
- `truth/`: kebenaran, hanya untuk pengukuran / the truth, for measuring alone
- `denominators.csv`: penyebut seperti Sakernas untuk dunia ini / Sakernas-like denominators

## Laju kesalahan / error rates

| kelas / class | laju menurut kelompok / rate by group |
|---|---|
{table}
"""
