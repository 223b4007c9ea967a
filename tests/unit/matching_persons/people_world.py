"""A labelled register and lists that carry its errors, made by hashing inside DuckDB.

Only for tests and trials of the linkage: the sample world has its own generator. All people
are synthetic; every NIK has a district number of 90 to 99.
"""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

HEADS = ["SU", "WI", "HAR", "KUS", "SUR", "TRI", "DAR", "NUR", "AB", "MAR", "YU", "IN", "RAH",
         "SAL", "FIR", "HEN", "RI", "DE", "WAH", "SAM", "ZUL", "FAT", "KHO", "SYA", "BAM",
         "JO", "PUR", "AGU", "RUD", "TAU", "HAS", "MUS", "LES", "YAN", "EKA", "DJU"]  # fmt: skip
MIDDLES = ["", "PAR", "YA", "DI", "TO", "MI", "NI", "RA", "LI", "SA", "WA", "BU", "GI", "KA",
           "JA", "MA", "DO", "RI", "LA", "NA"]  # fmt: skip
TAILS = {
    "L": ["MAN", "TO", "NO", "DI", "YONO", "WAN", "SYAH", "DIN", "RI", "ZAL", "HADI", "TAMA", "LUL",
          "FUL", "JAYA", "PUTRA"],
    "P": ["NI", "TI", "WATI", "NAH", "SIH", "YANTI", "TUN", "RAH", "LAH", "ASTUTI", "NINGSIH",
          "DEWI", "LIA", "FAH", "SARI", "PUTRI"],
}  # fmt: skip
PLACES = ["MEDAN", "PADANG", "PALEMBANG", "JAKARTA", "BANDUNG", "BOGOR", "SEMARANG", "KLATEN",
          "SURABAYA", "MALANG", "DENPASAR", "MATARAM", "KUPANG", "PONTIANAK", "BANJARMASIN",
          "MANADO", "MAKASSAR", "KENDARI", "AMBON", "JAYAPURA"]  # fmt: skip

TITLES = [
    (title, "prefix", strict)
    for title, strict in [("H", False), ("HJ", False), ("DRS", False), ("DRA", False),
                          ("IR", True), ("DR", True), ("PROF", False), ("KH", True), ("R", True),
                          ("TN", False), ("NY", False), ("ALM", False), ("UST", False)]
] + [
    (title, "suffix", strict)
    for title, strict in [("S.H.", True), ("S.E.", True), ("S.Pd.", True), ("S.Pd.I.", True),
                          ("S.Kom.", True), ("M.M.", True), ("M.Si.", True), ("A.Md.", True),
                          ("S.T.", True), ("ALM", False), ("ALMH", False)]
]  # fmt: skip
VARIANTS = [
    (token, canonical, "spelling")
    for canonical, tokens in {
        "MUHAMMAD": "MUHAMAD MOHAMMAD MOHAMAD MOCHAMAD MUCHAMMAD MOCHAMMAD MOH MOCH MUH MHD MUHD",
        "AHMAD": "ACHMAD AKHMAD AHMED",
        "ABDUL": "ABD ABDOEL",
        "SITI": "ST SITTI",
        "NUR": "NOOR NOER",
    }.items()
    for token in tokens.split()
] + [(token, "BIN", "patronymic") for token in ("BIN", "BINTI", "BT")]


@dataclass(frozen=True)
class Rates:
    """Shares of records that carry each fault; the rest of a field is as in the register."""

    nik_missing: float = 0.07
    nik_digit: float = 0.05
    nik_swap: float = 0.02
    nik_unusable: float = 0.03
    nik_borrowed: float = 0.005
    name: float = 0.40
    birth: float = 0.10
    stranger: float = 0.03

    @classmethod
    def spoilt(cls) -> Rates:
        """Give the hard case: four NIKs of ten are missing or wrong."""
        return cls(0.2, 0.1, 0.04, 0.05, 0.01)


def create_reference(con: duckdb.DuckDBPyConnection) -> None:
    """Make small stand-ins of the reference tables that linkage reads."""
    for schema in ("reference", "spine", "linkage"):
        con.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
    con.execute(
        "CREATE OR REPLACE TABLE reference.name_titles"
        "(token VARCHAR, position VARCHAR, needs_punctuation BOOLEAN)"
    )
    con.executemany("INSERT INTO reference.name_titles VALUES (?, ?, ?)", TITLES)
    con.execute(
        "CREATE OR REPLACE TABLE reference.name_variants"
        "(token VARCHAR, canonical VARCHAR, kind VARCHAR)"
    )
    con.executemany("INSERT INTO reference.name_variants VALUES (?, ?, ?)", VARIANTS)
    con.execute(
        "CREATE OR REPLACE TABLE reference.datasets"
        "(dataset VARCHAR, kind VARCHAR, links_person BOOLEAN, cardinality VARCHAR)"
    )
    con.execute(
        "INSERT INTO reference.datasets VALUES ('cards', 'membership', true, 'many_to_one'),"
        " ('roster', 'roster', true, 'one_to_one')"
    )


def _lists(con: duckdb.DuckDBPyConnection, seed: int) -> None:
    con.execute(
        f"""
        CREATE OR REPLACE TEMP MACRO u01(a, b) AS
            (hash(a, b, {seed}) % 1000003) / 1000003.0;
        CREATE OR REPLACE TEMP MACRO pick(l, x) AS l[1 + (x * len(l))::BIGINT % len(l)];
        -- Squaring leans on the front of a list, as names do.
        CREATE OR REPLACE TEMP MACRO word(i, k, sex) AS
            pick({HEADS!r}, pow(u01(i, k || 'h'), 1.6))
            || pick({MIDDLES!r}, pow(u01(i, k || 'm'), 1.3))
            || CASE sex WHEN 'L' THEN pick({TAILS["L"]!r}, pow(u01(i, k || 't'), 1.5))
                ELSE pick({TAILS["P"]!r}, pow(u01(i, k || 't'), 1.5)) END;
        CREATE OR REPLACE TEMP MACRO whole(i, k, sex) AS concat_ws(' ',
            CASE WHEN sex = 'L' AND u01(i, k || 'f') < 0.07 THEN 'MUHAMMAD'
                WHEN sex = 'L' AND u01(i, k || 'f') < 0.10 THEN 'AHMAD'
                WHEN sex = 'P' AND u01(i, k || 'f') < 0.08 THEN 'SITI' END,
            word(i, k || '1', sex),
            CASE WHEN u01(i, k || 'n') > 0.15 THEN word(i, k || '2', sex) END,
            CASE WHEN u01(i, k || 'n') > 0.65 THEN word(i, k || '3', sex) END);
        """
    )


def make_world(
    con: duckdb.DuckDBPyConnection,
    people: int,
    records: dict[str, int],
    rates: Rates = Rates(),
    seed: int = 7,
) -> None:
    """Make `in_population`, `in_person_records` and `truth` as temporary tables.

    Args:
        con: any DuckDB connection.
        people: people in the register.
        records: rows wanted by dataset; `roster` lists a person at most once.
        rates: how many records carry which fault.
        seed: another seed, another world.
    """
    create_reference(con)
    _lists(con, seed)
    con.execute("SET VARIABLE period = '2026-10'; SET VARIABLE as_of = DATE '2026-10-31'")
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE w_base AS
        SELECT i, CASE WHEN u01(i, 'sex') < 0.5 THEN 'L' ELSE 'P' END AS sex,
            CASE WHEN u01(i, 'dd') < 0.04
                THEN make_date(1945 + (u01(i, 'y') * 62)::INTEGER, 1, 1)
                ELSE DATE '1945-01-01' + (u01(i, 'd') * 62 * 365)::INTEGER END AS birth_date,
            (11 + (u01(i, 'p') * 19)::INTEGER) * 100 + 1 + (u01(i, 'k') * 20)::INTEGER AS region,
            90 + (u01(i, 'c') * 9.99)::INTEGER % 10 AS district
        FROM range({people}) AS t(i);
        CREATE OR REPLACE TEMP TABLE w_people AS
        SELECT i, sex, birth_date, region::VARCHAR AS region_code,
            ((region * 100 + district) * 10000000000
            + (day(birth_date) + CASE sex WHEN 'P' THEN 40 ELSE 0 END) * 100000000
            + month(birth_date) * 1000000 + (year(birth_date) % 100) * 10000
            + row_number() OVER (PARTITION BY region, district, birth_date, sex ORDER BY i)
            )::VARCHAR AS nik,
            whole(i, 'a', sex) AS full_name, whole(i // 2, 'm', 'P') AS mother_name,
            pick({PLACES!r}, u01(i, 'b')) AS birth_place,
            'JL ' || word(i, 'j', 'L') || ' NO ' || (u01(i, 'jn') * 200)::INTEGER AS address
        FROM w_base;
        CREATE OR REPLACE TEMP TABLE in_population AS
        SELECT nik AS record_id, nik, full_name, sex, birth_date, birth_place, mother_name, address,
            region_code, 'KARYAWAN SWASTA' AS occupation, 'hidup' AS life_status,
            hash(nik, full_name) AS row_hash
        FROM w_people;
        CREATE OR REPLACE TEMP TABLE in_person_records(dataset VARCHAR, kind VARCHAR,
            record_id VARCHAR, nik VARCHAR, nik_reason VARCHAR, full_name VARCHAR, sex VARCHAR,
            birth_date DATE, birth_place VARCHAR, mother_name VARCHAR, address VARCHAR,
            region_code VARCHAR, row_hash UBIGINT);
        CREATE OR REPLACE TEMP TABLE truth(period VARCHAR, dataset VARCHAR, record_id VARCHAR,
            nik VARCHAR);
        """
    )
    for dataset, wanted in records.items():
        _make_list(con, dataset, people, wanted, rates)


def _make_list(
    con: duckdb.DuckDBPyConnection, dataset: str, people: int, wanted: int, rates: Rates
) -> None:
    once = dataset == "roster"
    who = (
        f"(j * 7919 + 13) % {people}"
        if once
        else f"(u01(j, '{dataset}who') * {people})::BIGINT % {people}"
    )
    nik = rates.nik_missing
    steps = [nik]
    for rate in (rates.nik_digit, rates.nik_swap, rates.nik_unusable, rates.nik_borrowed):
        nik += rate
        steps.append(nik)
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE w_rec AS
        WITH drawn AS (
            SELECT '{dataset}' || j AS rec, p.*, u01(rec, 'nik') AS xn, u01(rec, 'name') AS xa,
                u01(rec, 'birth') AS xb, u01(rec, 'other') AS xo,
                1 + (u01(rec, 'pos') * 15)::INTEGER AS pos,
                2 + (u01(rec, 'np') * (length(full_name) - 2))::INTEGER AS npos,
                u01(rec, 'stranger') < {rates.stranger} AS stranger
            FROM range({wanted}) AS t(j) JOIN w_people AS p ON p.i = {who}
        ),
        faulty AS (
            SELECT *, (xa / {rates.name}) AS f,
            CASE WHEN xn < {steps[0]} THEN NULL
                WHEN xn < {steps[1]} THEN left(nik, pos - 1)
                    || ((nik[pos]::INTEGER + 1 + (xo * 8)::INTEGER) % 10)::VARCHAR
                    || substr(nik, pos + 1)
                WHEN xn < {steps[2]} THEN left(nik, least(pos, 15) - 1) || nik[least(pos, 15) + 1]
                    || nik[least(pos, 15)] || substr(nik, least(pos, 15) + 2)
                WHEN xn < {steps[3]} THEN NULL
                WHEN xn < {steps[4]} THEN NULL
                ELSE nik END AS said_nik
            FROM drawn
        )
        SELECT rec, CASE WHEN stranger THEN NULL ELSE nik END AS true_nik,
            CASE WHEN stranger THEN NULL
                WHEN xn >= {steps[3]} AND xn < {steps[4]}
                    THEN (SELECT arg_min(b.nik, b.i) FROM w_people AS b WHERE b.i % 97 = f2.h)
                ELSE said_nik END AS nik,
            CASE WHEN xn >= {steps[2]} AND xn < {steps[3]} THEN 'NIK_LENGTH' END AS nik_reason,
            CASE WHEN stranger THEN whole(rec, 'x', sex)
                WHEN f < 0.10 THEN 'H. ' || full_name
                WHEN f < 0.17 THEN full_name || ', S.H.'
                WHEN f < 0.32 THEN left(full_name, npos - 1) || substr(full_name, npos + 1)
                WHEN f < 0.44 THEN left(full_name, npos - 1)
                    || chr((65 + (xo * 25)::INTEGER)) || substr(full_name, npos + 1)
                WHEN f < 0.52 THEN regexp_replace(full_name, ' [A-Z]+$', '')
                WHEN f < 0.60 THEN regexp_replace(full_name, ' ([A-Z])[A-Z]+$', ' \\1')
                WHEN f < 0.70 THEN replace(replace(replace(full_name, 'U', 'OE'), 'J', 'DJ'),
                    'SY', 'SJ')
                WHEN f < 0.77 THEN replace(replace(full_name, 'F', 'P'), 'I', 'Y')
                WHEN f < 0.83 THEN replace(full_name, ' ', '')
                WHEN f < 0.88 THEN regexp_replace(full_name, '^([A-Z]+) (.+)$', '\\2 \\1')
                WHEN f < 0.94 THEN replace(replace(full_name, 'MUHAMMAD', 'MOCH.'), 'SITI', 'ST.')
                WHEN f < 0.97 THEN left(full_name, 12)
                WHEN f < 1.00 THEN word(rec, 'nick', sex)
                ELSE full_name END AS full_name,
            CASE WHEN xo < 0.01 THEN NULL
                WHEN xo < 0.02 THEN CASE sex WHEN 'L' THEN 'P' ELSE 'L' END
                ELSE sex END AS sex,
            CASE WHEN stranger THEN birth_date + ((xo - 0.5) * 9000)::INTEGER
                WHEN xb < 0.25 * {rates.birth} THEN NULL
                WHEN xb < 0.45 * {rates.birth} AND day(birth_date) <= 12
                    THEN make_date(year(birth_date), day(birth_date), month(birth_date))
                WHEN xb < 0.65 * {rates.birth} THEN birth_date + INTERVAL 1 YEAR
                WHEN xb < 0.80 * {rates.birth} THEN make_date(year(birth_date), 1, 1)
                WHEN xb < {rates.birth} THEN birth_date + 1 + (xo * 8)::INTEGER
                ELSE birth_date END::DATE AS birth_date,
            CASE WHEN u01(rec, 'bp') < 0.1 THEN NULL
                WHEN u01(rec, 'bp') < 0.2 THEN pick({PLACES!r}, u01(rec, 'bp2'))
                ELSE birth_place END AS birth_place,
            CASE WHEN u01(rec, 'mo') < 0.4 THEN NULL
                WHEN stranger THEN whole(rec, 'xm', 'P')
                WHEN u01(rec, 'mo') < 0.5 THEN left(mother_name, 3) || substr(mother_name, 5)
                ELSE mother_name END AS mother_name,
            address, CASE WHEN u01(rec, 're') < 0.05 THEN '0000'
                WHEN u01(rec, 're') < 0.15 THEN (1101 + (u01(rec, 're2') * 19)::INTEGER)::VARCHAR
                ELSE region_code END AS region_code
        FROM (SELECT *, hash(rec) % 97 AS h FROM faulty) AS f2
        """
    )
    con.execute(
        f"""
        INSERT INTO in_person_records SELECT '{dataset}', 'roster', rec, nik, nik_reason, full_name,
            sex, birth_date, birth_place, mother_name, address, region_code,
            hash(rec, nik, full_name) FROM w_rec;
        INSERT INTO truth SELECT '2026-10', '{dataset}', rec, true_nik FROM w_rec;
        DROP TABLE w_rec;
        """
    )
