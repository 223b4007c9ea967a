"""The employers of the sample world: firms, public bodies, cooperatives, one-person businesses.

Belongs here: what an employer is: its size, sector, places, identifiers and owner. Does not
belong here: which register knows it and how it is spelt there (registers).
"""

from __future__ import annotations

import duckdb
import numpy as np
import pyarrow as pa

from sources.world import firm_names
from sources.world.compliance import UNDERSTATED, compliance
from sources.world.draws import Draws
from sources.world.materials import sectors

COOPERATIVES = 0.00074
"""Cooperatives a head: 131,617 active ones and 80,068 of the Merah Putih kind (2024 and 2025)."""
SHELLS = 0.0015
"""Companies without workers a head (own guess)."""
LARGEST = 0.03
"""Largest share of a sector's jobs that one employer has."""


def make_firms(con: duckdb.DuckDBPyConnection, d: Draws, people: int) -> None:
    """Make `firms`, and give every seat of `seats` its firm and branch (`jobs`).

    Args:
        con: the building database, with `seats` and `work`.
        d: draws of the world.
        people: persons in the register.
    """
    _cut_streams(con, d.seed)
    _add_workless(con, d, people)
    _describe(con, d)
    _add_owners(con, d)
    _make_jobs(con, d)


def _cut_streams(con: duckdb.DuckDBPyConnection, seed: int) -> None:
    """Cut every stream of seats into firms of Pareto-like sizes: `cuts`."""
    mean = {sector.code: sector.firms for sector in sectors()}
    # A public body belongs to one regency, so its seats are cut regency by regency.
    rows = con.execute("""
        SELECT stream, CASE WHEN stream LIKE '%+' THEN work_regency ELSE '' END AS area,
            min(place) - 1 AS before, count(*) FROM seats GROUP BY ALL ORDER BY ALL
    """).fetchall()
    parts: list[pa.Table] = []
    for number, (stream, area, before, total) in enumerate(rows):
        chance = np.random.default_rng([seed, 77, number])
        public = area != ""
        count = max(1, round(total / (90.0 if public else mean[stream.rstrip("+")])))
        weights = (1 - chance.random(count)) ** (-1 / (1.6 if public else 1.06))
        if not public:
            weights = np.minimum(weights, max(weights.sum() * LARGEST, weights.min()))
        ends = np.unique(np.ceil(weights.cumsum() / weights.sum() * total).astype(np.int64))
        ends[-1] = total
        starts = np.concatenate([[0], ends[:-1]]) + 1
        parts.append(
            pa.table(
                {
                    "stream": [stream] * len(ends),
                    "first_place": starts + before,
                    "last_place": ends + before,
                }
            )
        )
    cuts = pa.concat_tables(parts)
    cuts = cuts.append_column("firm", pa.array(np.arange(1, cuts.num_rows + 1)))
    con.register("cut_rows", cuts)
    con.execute("CREATE OR REPLACE TABLE cuts AS SELECT * FROM cut_rows")
    con.unregister("cut_rows")
    con.execute("""
        CREATE OR REPLACE TABLE seat_firm AS
        SELECT s.*, c.firm FROM seats AS s
        JOIN (SELECT stream, firm, unnest(range(first_place, last_place + 1)) AS place
            FROM cuts) AS c USING (stream, place)
    """)


def _add_workless(con: duckdb.DuckDBPyConnection, d: Draws, people: int) -> None:
    """Make `bodies`: firms with seats, cooperatives, and companies that only exist on paper."""
    cooperatives = max(6, round(people * COOPERATIVES))
    shells = max(4, round(people * SHELLS))
    base = con.execute("SELECT coalesce(max(firm), 0) FROM cuts").fetchone()
    start = int(base[0]) + 1 if base else 1
    con.execute(f"""
        CREATE OR REPLACE TABLE bodies AS
        WITH sized AS (
            SELECT c.firm, c.stream, count(*) FILTER (s.left_on IS NULL) AS workers,
                arg_min(s.work_regency, {d.bits("s.seat", "head office")}) AS regency
            FROM cuts AS c JOIN seat_firm AS s USING (firm, stream) GROUP BY ALL
        )
        SELECT firm, CASE WHEN stream LIKE '%+' THEN 'public' ELSE 'firm' END AS kind,
            rtrim(stream, '+') AS sector, regency, workers
        FROM sized
        UNION ALL
        SELECT {start} + r.i, 'cooperative',
            CASE WHEN {d.unit("r.i", "coop kind")} < 0.38 THEN 'G'
                WHEN {d.unit("r.i", "coop kind")} < 0.75 THEN 'K'
                WHEN {d.unit("r.i", "coop kind")} < 0.88 THEN 'A' ELSE 'H' END, s.value, 0
        FROM range({cooperatives}) AS r(i)
        JOIN regency_slots AS s ON s.slot = {d.slot("r.i", "coop place")}
        UNION ALL
        SELECT {start + cooperatives} + r.i, 'shell', t.value, s.value, 0
        FROM range({shells}) AS r(i)
        JOIN regency_slots AS s ON s.slot = {d.slot("r.i", "shell place")}
        JOIN sector_slots AS t ON t.grp = '31TL' AND t.slot = {d.group_slot("r.i", "shell sector")}
    """)


def _describe(con: duckdb.DuckDBPyConnection, d: Draws) -> None:
    """Make `firms`: scale, legal form, name and identifiers of every body."""
    form = f"""CASE
        WHEN kind = 'public' THEN NULL
        WHEN kind = 'cooperative' THEN 'KOPERASI'
        WHEN sector = 'P' AND {d.unit("firm", "form")} < 0.85 THEN 'YAYASAN'
        WHEN sector = 'Q' AND {d.unit("firm", "form")} < 0.35 THEN 'YAYASAN'
        WHEN scale = 'besar' AND {d.unit("firm", "form")} < 0.95 THEN 'PT'
        WHEN scale IN ('menengah', 'besar') THEN CASE WHEN {d.unit("firm", "form")} < 0.68 THEN 'PT'
            WHEN {d.unit("firm", "form")} < 0.95 THEN 'CV' ELSE 'UD' END
        WHEN scale = 'kecil' OR kind = 'shell' THEN CASE WHEN {d.unit("firm", "form")} < 0.34
            THEN 'PT' WHEN {d.unit("firm", "form")} < 0.74 THEN 'CV' ELSE 'UD' END
        WHEN {d.unit("firm", "form")} < 0.14 THEN 'PT PERORANGAN'
        WHEN {d.unit("firm", "form")} < 0.36 THEN 'CV'
        WHEN {d.unit("firm", "form")} < 0.80 THEN 'UD' ELSE NULL END"""
    con.execute(f"""
        CREATE OR REPLACE TABLE formed AS
        WITH scaled AS (
            SELECT *, CASE WHEN workers >= 100 THEN 'besar' WHEN workers >= 20 THEN 'menengah'
                WHEN workers >= 5 THEN 'kecil' ELSE 'mikro' END AS scale
            FROM bodies
        )
        SELECT b.*, {form} AS legal_form, r.place, r.name AS regency_name, r.town, k.value AS kbli,
            CASE WHEN {d.unit("firm", "vintage")} < 0.25 THEN 2025 ELSE 2020 END AS kbli_vintage,
            {d.whole("firm", "founded", 1985, 2025)} AS founded,
            list_extract(getvariable('world_villages'), 1 + floor(len(getvariable(
                'world_villages')) * pow({d.unit("firm", "village")}, 1.5))::INTEGER) AS village,
            1 + (firm * 48271 + {d.seed % 99999}) % 999983 AS serial
        FROM scaled AS b JOIN regency AS r ON r.code = b.regency
        JOIN kbli_slots AS k ON k.grp = b.sector AND k.slot = {d.group_slot("firm", "kbli")}
    """)
    con.execute(f"""
        CREATE OR REPLACE TABLE firms AS
        WITH numbered AS (
            SELECT *, {firm_names.name_sql(d)} AS name,
                CASE WHEN kind = 'public' THEN '00'
                    ELSE '0' || (1 + firm // 999983 % 3)::VARCHAR END
                    || lpad(serial::VARCHAR, 6, '0') AS npwp8
            FROM formed
        )
        SELECT *,
            -- Numbers given since 2024 are sixteen digits of their own; older ones grew a nought.
            CASE WHEN kind <> 'public' AND (founded >= 2024 OR {d.unit("firm", "npwp")} < 0.1)
                THEN '1000' || lpad(firm::VARCHAR, 9, '0')
                    || lpad({d.whole("firm", "npwp tail", 0, 999)}::VARCHAR, 3, '0')
                ELSE '0' || npwp8 || {luhn_sql("npwp8")}
                    || lpad({d.whole("firm", "tax office", 1, 799)}::VARCHAR, 3, '0') || '000' END
                AS npwp,
            {d.whole("firm", "nib head", 10200, 99999)}::VARCHAR
                || lpad(((firm * 7654321 + {d.seed % 99991}) % 99999989)::VARCHAR, 8, '0') AS nib,
            'AHU-' || lpad(((firm * 4567 + {d.seed % 9973}) % 9999991)::VARCHAR, 7, '0')
                || CASE legal_form WHEN 'PT' THEN '.AH.01.01.' WHEN 'CV' THEN '.AH.01.14.'
                    WHEN 'YAYASAN' THEN '.AH.01.04.' WHEN 'KOPERASI' THEN '.AH.01.26.'
                    ELSE '.AH.01.30.' END || 'TAHUN ' || founded::VARCHAR AS ahu_number,
            'JL. ' || {d.pick("firm", "street", firm_names.STREETS)} || ' NO. '
                || {d.whole("firm", "house", 1, 250)}::VARCHAR || ' ' || place AS address
        FROM numbered
    """)
    con.execute("DROP TABLE formed")


def luhn_sql(digits: str) -> str:
    """SQL of the check digit of the first eight digits of an old taxpayer number (Luhn)."""
    terms = []
    for position in range(1, 9):
        digit = f"substr({digits}, {position}, 1)::INTEGER"
        # Every second digit counts double, and the double's own digits are added.
        terms.append(digit if position % 2 else f"({digit} * 2) // 10 + ({digit} * 2) % 10")
    return f"((10 - ({' + '.join(terms)}) % 10) % 10)::VARCHAR"


def _add_owners(con: duckdb.DuckDBPyConnection, d: Draws) -> None:
    """Give firms an owner: an employer of the same sector, near where the firm is (`owners`)."""
    con.execute(f"""
        CREATE OR REPLACE TABLE owners AS
        WITH masters AS (
            SELECT i, sector, row_number() OVER (PARTITION BY sector
                ORDER BY regency, {d.bits("i", "owner")}) AS place,
                count(*) OVER (PARTITION BY sector) AS size
            FROM work WHERE terms = 'employer'
        ),
        owned AS (
            SELECT firm, sector, row_number() OVER (PARTITION BY sector
                ORDER BY regency, firm) AS place, count(*) OVER (PARTITION BY sector) AS size
            FROM firms WHERE kind = 'firm' AND scale IN ('mikro', 'kecil')
        )
        SELECT o.firm, m.i FROM owned AS o
        JOIN masters AS m ON m.sector = o.sector
            AND m.place = CASE WHEN m.size >= o.size
                THEN ((o.place - 1) * m.size) // o.size + 1 ELSE o.place END
    """)


def _make_jobs(con: duckdb.DuckDBPyConnection, d: Draws) -> None:
    """Make `jobs`: seats with their wage, firm and the branch (a regency) they belong to.

    Fewer than five workers of a firm in a regency are no branch: they belong to its seat.
    """
    con.execute("""
        CREATE OR REPLACE TABLE branches AS
        SELECT firm, work_regency AS regency, count(*) AS seats
        FROM seat_firm GROUP BY ALL HAVING count(*) >= 5
    """)
    bell = d.bell("s.seat", "wage")
    con.execute(f"""
        CREATE OR REPLACE TABLE jobs AS
        SELECT s.seat, s.i, s.rank, s.sector, s.civil, s.firm, s.started_on, s.left_on,
            coalesce(b.regency, f.regency) AS regency,
            -- Log-normal about the sector's mean, dearer where the minimum wage is high; most
            -- larger firms keep to that minimum, a second job pays less.
            (greatest(0.88 * c.wage * sqrt(w.amount / 3000000.0) * exp(0.42 * {bell} - 0.088)
                * CASE s.rank WHEN 2 THEN 0.45 ELSE 1 END,
                CASE WHEN f.scale IN ('mikro', 'kecil') THEN 600000
                    WHEN {d.unit("s.firm", "floor")} < {compliance().pays_below_minimum}
                        THEN {UNDERSTATED} * w.amount
                    ELSE w.amount END)::BIGINT + 999) // 1000 * 1000 AS wage
        FROM seat_firm AS s JOIN firms AS f USING (firm)
        JOIN sector AS c ON c.code = s.sector
        LEFT JOIN branches AS b ON b.firm = s.firm AND b.regency = s.work_regency
        JOIN wage_floor AS w ON w.province = left(coalesce(b.regency, f.regency), 2)
    """)
    for table in ("seats", "seat_firm", "cuts", "bodies"):
        con.execute(f"DROP TABLE {table}")
