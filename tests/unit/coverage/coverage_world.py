"""Small worlds for the coverage tests: the tables that the SQL reads, and random rows for them.

A world is rows as dictionaries by table name, so that the SQL and the oracle read the same.
"""

from __future__ import annotations

import datetime as dt
import random
from typing import Any

import duckdb
import pyarrow as pa

from warehouse.connection import last_day

Row = dict[str, Any]
World = dict[str, list[Row]]

PERSON = (
    "nik VARCHAR, nik_reason VARCHAR, full_name VARCHAR, sex VARCHAR, birth_date DATE, "
    "birth_place VARCHAR, mother_name VARCHAR, address VARCHAR, region_code VARCHAR"
)
TABLES = {
    "in_membership": f"dataset VARCHAR, record_id VARCHAR, kpj VARCHAR, {PERSON}, "
    "segment VARCHAR, npp VARCHAR, programmes VARCHAR[], reported_wage BIGINT, "
    "registered_on DATE, last_paid_period VARCHAR, ended_on DATE, end_reason VARCHAR, "
    "row_hash UBIGINT",
    "in_employment": f"dataset VARCHAR, record_id VARCHAR, {PERSON}, employer_npwp VARCHAR, "
    "employer_nib VARCHAR, kbli VARCHAR, sector_code VARCHAR, monthly_wage BIGINT, "
    "employment_status VARCHAR, started_on DATE, ended_on DATE, row_hash UBIGINT",
    "in_roster": f"dataset VARCHAR, record_id VARCHAR, {PERSON}, employer_name VARCHAR, "
    "employer_npwp VARCHAR, employer_nib VARCHAR, kbli VARCHAR, sector_code VARCHAR, "
    "employment_status VARCHAR, monthly_wage BIGINT, row_hash UBIGINT",
    "in_ownership": f"dataset VARCHAR, record_id VARCHAR, {PERSON}, sector_code VARCHAR, "
    "row_hash UBIGINT",
    "spine.persons": "period VARCHAR, person_key UBIGINT, nik VARCHAR, full_name VARCHAR, "
    "sex VARCHAR, birth_date DATE, region_code VARCHAR, occupation VARCHAR, "
    "life_status VARCHAR",
    "spine.employers": "period VARCHAR, employer_key UBIGINT, employer_name VARCHAR, "
    "region_code VARCHAR, kbli VARCHAR, sector_code VARCHAR",
    "linkage.person_links": "period VARCHAR, dataset VARCHAR, record_id VARCHAR, "
    "status VARCHAR, tier VARCHAR, person_key UBIGINT, probability_ppm INTEGER, "
    "reason VARCHAR, best_candidate_key UBIGINT, best_candidate_ppm INTEGER, "
    "runner_up_ppm INTEGER",
    "linkage.employer_identifiers": "period VARCHAR, kind VARCHAR, identifier VARCHAR, "
    "employer_key UBIGINT, region_code VARCHAR",
    "landing.deliveries": "dataset VARCHAR, period VARCHAR, version INTEGER, "
    "source_kind VARCHAR, state VARCHAR, reason_code VARCHAR, content_sha256 VARCHAR, "
    "files INTEGER, bytes BIGINT, rows BIGINT, rejected_rows BIGINT, message VARCHAR, "
    "received_at TIMESTAMP",
    "landing.in_force": "period VARCHAR, dataset VARCHAR, delivery_period VARCHAR, "
    "version INTEGER, age_months INTEGER, state VARCHAR",
    "quarantine.rows": "period VARCHAR, dataset VARCHAR, delivery_version INTEGER, "
    "file VARCHAR, row_number BIGINT, stage VARCHAR, reason_codes VARCHAR[], raw VARCHAR",
    "conformed.counts": "period VARCHAR, dataset VARCHAR, delivery_version INTEGER, "
    "delivered BIGINT, accepted BIGINT, quarantined BIGINT, duplicates BIGINT",
    "reference.datasets": "dataset VARCHAR, kind VARCHAR, provider VARCHAR, "
    "clauses VARCHAR[], sector_code VARCHAR, links_person BOOLEAN, cardinality VARCHAR, "
    "max_age_months INTEGER",
    "reference.provinces": "province_code VARCHAR, province VARCHAR, valid_from DATE, "
    "valid_to DATE",
    "reference.regencies": "regency_code VARCHAR, regency VARCHAR, kind VARCHAR, "
    "province_code VARCHAR, valid_from DATE, valid_to DATE",
    "reference.sectors": "sector_code VARCHAR, sector VARCHAR, sector_en VARCHAR, position INTEGER",
    "reference.occupations": "occupation VARCHAR, spellings VARCHAR[], is_working BOOLEAN, "
    "sector_code VARCHAR, civil_servant BOOLEAN",
    "reference.sakernas": "survey_period VARCHAR, province_code VARCHAR, "
    "regency_code VARCHAR, sector_code VARCHAR, employed BIGINT, source VARCHAR",
}
SECTORS = ("A", "B", "C", "D", "E", "F", "G", "H", "I", "J", "K", "L", "MN", "O", "P", "Q", "RSTU")
REGENCIES = ("3171", "3174", "3201", "3273", "9271", "9501")


def connection(world: World) -> duckdb.DuckDBPyConnection:
    """Open an empty warehouse in memory and load a world."""
    con = duckdb.connect(config={"threads": 2})
    for schema in (
        "landing",
        "quarantine",
        "conformed",
        "spine",
        "linkage",
        "reference",
        "coverage",
        "quality",
    ):
        con.execute(f"CREATE SCHEMA {schema}")
    for name, columns in TABLES.items():
        temp = "" if "." in name else "TEMP"
        con.execute(f"CREATE {temp} TABLE {name} ({columns})")
        load(con, name, world.get(name, []))
    con.execute(
        "CREATE TEMP VIEW in_person_records AS "
        + " UNION ALL ".join(
            f"SELECT dataset, '{kind}' AS kind, record_id, {', '.join(person_columns())}, "
            f"row_hash FROM in_{kind}"
            for kind in ("membership", "employment", "roster", "ownership")
        )
    )
    return con


def person_columns() -> list[str]:
    return [part.strip().split(" ")[0] for part in PERSON.split(",")]


def load(con: duckdb.DuckDBPyConnection, name: str, rows: list[Row]) -> None:
    """Insert rows; keys that a row leaves out are NULL."""
    schema = con.execute(f"SELECT * FROM {name} LIMIT 0").to_arrow_table().schema
    unknown = {key for row in rows for key in row} - set(schema.names)
    assert not unknown, f"{name} has no {unknown}"
    rows_table = pa.Table.from_pylist(rows, schema=schema)
    con.register("rows_to_load", rows_table)
    con.execute(f"INSERT INTO {name} SELECT * FROM rows_to_load")
    con.unregister("rows_to_load")


def reference(period: str) -> World:
    """Give the reference rows that every world shares."""
    provinces = {
        "31": "DKI Jakarta",
        "32": "Jawa Barat",
        "92": "Papua Barat",
        "95": "Papua Pegunungan",
    }
    return {
        "reference.provinces": [
            {"province_code": code, "province": name} for code, name in provinces.items()
        ],
        "reference.regencies": [
            {"regency_code": code, "regency": f"Daerah {code}", "province_code": code[:2]}
            for code in REGENCIES
        ],
        "reference.sectors": [
            {"sector_code": code, "sector": f"Lapangan {code}"} for code in (*SECTORS, "X")
        ],
        "reference.occupations": [
            {"occupation": o, "spellings": s, "is_working": w, "sector_code": c, "civil_servant": g}
            for o, s, w, c, g in (
                ("BELUM/TIDAK BEKERJA", ["TIDAK BEKERJA"], False, None, False),
                ("MENGURUS RUMAH TANGGA", ["IBU RUMAH TANGGA"], False, None, False),
                ("PELAJAR/MAHASISWA", ["PELAJAR", "MAHASISWA"], False, None, False),
                ("PENSIUNAN", [], False, None, False),
                ("PETANI/PEKEBUN", ["PETANI"], True, "A", False),
                ("GURU", [], True, "P", False),
                ("WIRASWASTA", [], True, "X", False),
                ("KARYAWAN SWASTA", [], True, None, False),
                ("PEGAWAI NEGERI SIPIL", ["PNS"], True, "O", True),
                ("PPPK", ["PEGAWAI PEMERINTAH DENGAN PERJANJIAN KERJA"], True, "O", True),
            )
        ],
        "reference.datasets": [
            {
                "dataset": d,
                "kind": k,
                "clauses": c,
                "sector_code": s,
                "links_person": k != "employer",
            }
            for d, k, c, s in (
                ("register", "population", ["2.4.c"], None),
                ("cards", "membership", ["2.23"], None),
                ("payroll", "employment", ["2.9"], None),
                ("siinas", "employment", ["2.10.c"], None),
                ("farmers", "roster", ["2.13.b"], "A"),
                ("drivers", "roster", ["2.12"], "H"),
                ("kur", "roster", ["2.2.a"], None),
                ("migrants", "roster", ["2.3.d", "2.5.b"], None),
                ("teachers", "roster", ["2.8"], "P"),
                ("sme", "employer", ["2.17.b"], None),
            )
        ],
    }


def _month(period: str, back: int) -> str:
    months = int(period[:4]) * 12 + int(period[5:]) - 1 - back
    return f"{months // 12:04d}-{months % 12 + 1:02d}"


def random_world(seed: int, period: str, persons: int = 300) -> World:
    """Give a world in which every edge case of the definitions is likely to occur."""
    pick = random.Random(seed)  # noqa: S311 (worlds must be the same at every run)
    as_of = last_day(period)
    day = dt.timedelta(days=1)
    world = reference(period)

    def years_ago(years: int) -> dt.date:
        try:
            return as_of.replace(year=as_of.year - years)
        except ValueError:
            return dt.date(as_of.year - years, 3, 1)

    border = [years_ago(y) + n * day for y in (15, 25, 65) for n in (-1, 0, 1, 2)]
    leap = [dt.date(y, 2, 29) for y in (1960, 1964, 1988, 2008, 2012)]

    def birth_date() -> dt.date | None:
        kind = pick.random()
        if kind < 0.05:
            return None
        if kind < 0.15:
            return pick.choice(border)
        if kind < 0.18:
            return pick.choice(leap)
        return as_of - dt.timedelta(days=pick.randint(14 * 365, 68 * 365))

    def region(unknown: float = 0.06) -> str | None:
        if pick.random() < unknown:
            return pick.choice([None, "0000"])
        return pick.choice(REGENCIES)

    def around(chance: float) -> dt.date | None:
        if pick.random() > chance:
            return None
        return as_of + pick.choice([-900, -40, -1, 0, 1, 30]) * day

    names = ["SITI AMINAH", "Siti  Aminah", "BUDI", "I WAYAN S", "Andi Múhammad Yusuf", "", None]
    people = [
        {
            "period": period,
            "person_key": 10_000 + pick.randint(0, 8) + 10 * number,
            "sex": pick.choice(["L", "P", None]),
            "birth_date": birth_date(),
            "region_code": region(),
            "occupation": pick.choice(
                [
                    None,
                    "",
                    "  ",
                    "petani",
                    "Petani/Pekebun",
                    "GURU",
                    "wiraswasta",
                    "PNS",
                    "pppk",
                    "Tidak Bekerja",
                    "mahasiswa",
                    "Karyawan-Swasta",
                    "Peneliti bulan",
                    "pensiunan",
                    "ibu rumah tangga",
                    "BELUM/TIDAK BEKERJA",
                ]
            ),
            "life_status": pick.choice(["hidup"] * 12 + [None, "meninggal"]),
        }
        for number in range(persons)
    ]
    world["spine.persons"] = [
        *people,
        {**people[0], "period": "1999-01", "person_key": 5, "occupation": "GURU"},
    ]
    keys = [person["person_key"] for person in people]

    npps = [f"NPP{n}" for n in range(8)]
    npwps = [f"0{n:09d}{b:06d}" for n in range(1, 7) for b in (0, 1)] + ["3171999001010001"]
    nibs = [f"{n:013d}" for n in range(5)]
    world["spine.employers"] = [
        {
            "period": period,
            "employer_key": n,
            "region_code": region(0.3),
            "sector_code": pick.choice([*SECTORS, None, None, None]),
        }
        for n in range(9)
    ]
    world["spine.employers"].append({"period": "1999-01", "employer_key": 1, "sector_code": "B"})
    identifiers = [
        *(("npp", i) for i in npps[:6]),
        *(("npwp", i) for i in npwps if pick.random() < 0.5),
        *(
            ("npwp_root", i)
            for i in sorted({n[:10] if n[0] == "0" else n for n in npwps})
            if pick.random() < 0.6
        ),
        *(("nib", i) for i in nibs[:4]),
    ]
    world["linkage.employer_identifiers"] = [
        {
            "period": period,
            "kind": kind,
            "identifier": i,
            "employer_key": pick.randint(0, 8),
            "region_code": region(0.3),
        }
        for kind, i in identifiers
    ]

    links: list[Row] = []

    def link(dataset: str, record_id: str) -> None:
        kind = pick.random()
        row: Row = {"period": period, "dataset": dataset, "record_id": record_id}
        key = pick.choice(keys) if pick.random() < 0.98 else 3
        if kind < 0.35:
            row |= {
                "status": "linked",
                "tier": "identifier",
                "person_key": key,
                "probability_ppm": 1_000_000,
            }
        elif kind < 0.65:
            row |= {
                "status": "linked",
                "tier": pick.choice(["model", "decision"]),
                "person_key": key,
                "probability_ppm": pick.choice([989_999, 990_000, 995_123, 875_001, 700_003]),
            }
        elif kind < 0.8:
            row |= {
                "status": "review",
                "tier": "model",
                "person_key": key,
                "probability_ppm": pick.choice([333_333, 500_001, 999_999]),
            }
        elif kind < 0.98:
            row |= {
                "status": "unlinked",
                "reason": pick.choice(
                    [
                        "invalid_identifier",
                        "never_compared",
                        "best_candidate_below_threshold",
                        "lost_to_better_claim",
                        "rejected_in_review",
                    ]
                ),
                "best_candidate_key": key,
                "best_candidate_ppm": pick.choice([None, 123_457, 400_001]),
            }
        else:
            return
        links.append(row)

    def person(record: str) -> Row:
        return {
            "record_id": record,
            "nik": pick.choice([None, None, f"317190010190{pick.randint(1, 60):04d}"]),
            "full_name": pick.choice(names),
            "sex": pick.choice(["L", "P", None]),
            "birth_date": birth_date(),
            "region_code": region(0.15),
        }

    statuses = [None, None, None, "TETAP", "PNS", "P.N.S.", "tni", "Polri", "pppk", "P3K"]
    world["in_membership"] = []
    for number in range(int(persons * 1.2)):
        segment = pick.choice(["PU", "PU", "BPU", "JAKON", "PMI", None])
        npp = pick.choice([None, *npps]) if segment in ("PU", None) else None
        world["in_membership"].append(
            {
                **person(f"m{number}"),
                "dataset": "cards",
                "segment": segment,
                "npp": npp,
                "registered_on": around(0.8),
                "ended_on": around(0.25),
                "last_paid_period": pick.choice(
                    [None, *(_month(period, back) for back in (-2, 0, 0, 1, 3, 3, 4, 6, 7, 30))]
                ),
            }
        )
    world["in_employment"] = [
        {
            **person(f"e{number}"),
            "dataset": pick.choice(["payroll", "siinas"]),
            "employer_npwp": pick.choice([None, *npwps]),
            "employer_nib": pick.choice([None, *nibs]),
            "sector_code": pick.choice([None, None, *SECTORS]),
            "monthly_wage": pick.choice([None, 0, 3_000_000, 3_000_000, 5_000_000]),
            "employment_status": pick.choice(statuses),
            "started_on": around(0.6),
            "ended_on": around(0.4),
        }
        for number in range(int(persons * 0.6))
    ]
    world["in_roster"] = [
        {
            **person(f"r{number}"),
            "dataset": pick.choice(["farmers", "drivers", "kur", "kur", "migrants", "teachers"]),
            "sector_code": pick.choice([None, *SECTORS]),
            "employment_status": pick.choice(statuses),
        }
        for number in range(int(persons * 0.6))
    ]
    world["in_ownership"] = [
        {**person(f"o{number}"), "dataset": "sme", "sector_code": pick.choice([None, *SECTORS])}
        for number in range(int(persons * 0.2))
    ]
    for name in ("in_membership", "in_employment", "in_roster", "in_ownership"):
        for row in world[name]:
            link(row["dataset"], row["record_id"])
    links.append({**links[0], "period": "1999-01", "status": "review"})
    world["linkage.person_links"] = links

    sizes = [5, 40, persons // 2]
    world["reference.sakernas"] = [
        {
            "survey_period": survey,
            "province_code": p,
            "regency_code": g,
            "sector_code": s,
            "employed": pick.choice(sizes),
        }
        for survey in ("2019-08", "2023-08", "2099-08")
        for p, g, s in (
            (None, None, None),
            ("31", None, None),
            ("32", None, None),
            ("32", "3201", None),
            (None, "3171", None),
            (None, None, "A"),
            (None, None, "F"),
            ("31", "3171", "G"),
            ("32", None, "A"),
        )
        if pick.random() < 0.7
    ]
    return world
