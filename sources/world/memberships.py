"""Who is a member of BPJS Ketenagakerjaan in the sample world, of which segment, paid until when.

Belongs here: registrations of employers (NPP) and cards (KPJ), calibrated to published totals.
Does not belong here: how a month's delivery shows them (lists).
"""

from __future__ import annotations

import datetime as dt

import duckdb
import numpy as np
import pyarrow as pa

from sources.world.compliance import compliance, wage_policy_sql
from sources.world.draws import Draws
from sources.world.materials import NATION, provinces

# Active participants by segment (Kemnaker, February 2025; PMI of June 2024 taken out of the
# construction figure, where it stands), and registered ones that are not active (December 2023).
ACTIVE = {"PU": 26_260_000, "BPU": 9_580_000, "JAKON": 4_940_000, "PMI": 592_000}
INACTIVE = {"PU": 18_530_000, "BPU": 980_000}


def month_sql(date: str) -> str:
    """SQL of the number of a date's month, counted from year 0."""
    return f"(year({date}) * 12 + month({date}) - 1)::INTEGER"


def period_sql(month: str) -> str:
    """SQL of `YYYY-MM` from a month's number."""
    return f"(({month}) // 12)::VARCHAR || '-' || lpad((({month}) % 12 + 1)::VARCHAR, 2, '0')"


def never_paid_sql(d: Draws) -> str:
    """SQL of whether nothing was ever paid for a card `c`: its employer was in arrears already."""
    return (
        f"(c.lapse_month IS NOT NULL AND ({d.unit('c.card', 'never paid')} < 0.04 "
        f"OR c.lapse_month < {month_sql('c.registered_on')}))"
    )


def make_memberships(con: duckdb.DuckDBPyConnection, d: Draws, people: int, last: dt.date) -> None:
    """Make `npps` and `cards`.

    Args:
        con: the building database, with `people`, `work`, `firms`, `branches` and `jobs`.
        d: draws of the world.
        people: persons in the register; national totals are scaled to it.
        last: last day of the newest period.
    """
    now = last.year * 12 + last.month - 1
    targets = _targets(con, people)
    con.register(
        "target_rows",
        pa.table(
            {
                "province": [province.code for province in provinces()],
                **{segment.lower(): column for segment, column in targets.items()},
            }
        ),
    )
    con.execute("CREATE OR REPLACE TABLE targets AS SELECT * FROM target_rows")
    con.unregister("target_rows")
    _make_npps(con, d, now, last)
    _centralise(con, d)
    _make_wage_cards(con, d)
    _make_other_cards(con, d, people, now, last)
    _number_cards(con, d, last)


def _make_npps(con: duckdb.DuckDBPyConnection, d: Draws, now: int, last: dt.date) -> None:
    """Registrations: one for the firm, or one for each branch with twenty workers."""
    rates = compliance()
    chance = " ".join(f"WHEN '{scale}' THEN {share}" for scale, share in rates.registered.items())
    instead, start = [], 0.0
    for programmes, share in rates.too_few_programmes.items():
        start += share
        instead.append(f"WHEN {d.unit('f.firm', 'programme gap')} < {start} THEN '{programmes}'")
    con.execute(f"""
        CREATE OR REPLACE TABLE npps AS
        WITH offered AS (
            SELECT left(f.regency, 2) AS province, sum(f.workers * CASE scale {chance} END) AS seats
            FROM firms AS f WHERE kind = 'firm' GROUP BY 1
        ),
        eager AS (
            -- Where many are members, more employers are registered.
            SELECT t.province, greatest(0.4, least(3.0, t.pu / 0.70 / greatest(o.seats, 1)))
                AS factor
            FROM targets AS t LEFT JOIN offered AS o USING (province)
        ),
        members AS (
            SELECT f.*, scale IN ('menengah', 'besar') AND {d.unit("firm", "npp many")}
                < {rates.by_branch} AS by_branch
            FROM firms AS f JOIN eager AS e ON e.province = left(f.regency, 2)
            WHERE workers > 0 AND {d.unit("firm", "npp")} < CASE kind
                WHEN 'public' THEN {rates.registered_public}
                ELSE least(0.985, e.factor * CASE scale {chance} END) END
        ),
        placed AS (
            SELECT firm, regency AS region, true AS head FROM members
            UNION ALL
            SELECT m.firm, b.regency, false FROM members AS m JOIN branches AS b USING (firm)
            WHERE m.by_branch AND b.regency <> m.regency AND b.seats >= 20
        ),
        numbered AS (
            SELECT *, row_number() OVER (ORDER BY firm, head DESC, region) AS id FROM placed
        )
        SELECT n.id AS npp_id, n.firm, n.region, n.head,
            chr((65 + n.id // 999983 % 26)::INTEGER)
                || chr((65 + {d.whole("n.id", "npp letter", 0, 25)})::INTEGER)
                || lpad(((n.id * 271828 + {d.seed % 9973}) % 999983)::VARCHAR, 6, '0') AS npp,
            f.scale, f.kind,
            CASE
                {" ".join(instead)}
                WHEN f.kind = 'public' THEN 'JKK,JKM'
                WHEN f.scale = 'mikro' THEN 'JKK,JKM' WHEN f.scale = 'kecil' THEN 'JKK,JKM,JHT'
                ELSE 'JKK,JKM,JHT,JP,JKP' END AS programmes,
            least(make_date(greatest(f.founded, 1995) + {d.whole("n.id", "npp age", 0, 4)}, 1
                + {d.whole("n.id", "npp month", 0, 11)}, 10), DATE '{last}'
                - {d.whole("n.id", "npp late", 5, 600)}) AS wished_on,
            {wage_policy_sql(d, "n.id")} AS wage_policy,
            {d.unit("n.id", "npp pays")} AS pays, {d.unit("n.id", "npp lag")} AS lag_draw,
            {now} - 4 - floor(-30 * ln(1 - {d.unit("n.id", "npp lapse")}))::INTEGER AS lapse_month
        FROM numbered AS n JOIN firms AS f USING (firm)
    """)


def _targets(con: duckdb.DuckDBPyConnection, people: int) -> dict[str, np.ndarray]:
    """Active participants by segment and province, in this world.

    Published are totals by province and by segment; the table between them starts from where
    candidates live and is raked to both.
    """
    codes = [province.code for province in provinces()]
    totals = np.array([province.active for province in provinces()])
    segments = ("PU", "BPU", "JAKON")
    counts = dict(
        con.execute("""
            SELECT province, (count(*) FILTER (NOT formal OR terms = 'employer'),
                count(*) FILTER (sector = 'F'), count(*) FILTER (formal)) FROM work GROUP BY 1
        """).fetchall()
    )
    seeds = np.array([tuple(counts.get(code, (0, 0, 0))) for code in codes], dtype=float) + 0.5
    table = np.stack([seeds[:, 2], seeds[:, 0] * 0.3, seeds[:, 1]], axis=1)
    wanted = np.array([ACTIVE[segment] for segment in segments]) * people / NATION
    rows = totals / totals.sum() * wanted.sum()
    for _ in range(80):
        table *= wanted / table.sum(axis=0)
        # Outside wage work no province can have more members than seven in ten candidates.
        table[:, 1] = np.minimum(table[:, 1], seeds[:, 0] * 0.7)
        table[:, 2] = np.minimum(table[:, 2], seeds[:, 1] * 0.8)
        table *= (rows / table.sum(axis=1))[:, None]
    return {segment: table[:, column] for column, segment in enumerate(segments)}


def _centralise(con: duckdb.DuckDBPyConnection, d: Draws) -> None:
    """Move registrations of firms to provinces that have too few candidates, Jakarta above all.

    Eight million are active through offices in Jakarta, more than work there: many firms
    register their people of the whole country at the head office.
    """
    con.execute("""
        CREATE OR REPLACE TABLE wage_jobs AS
        SELECT j.seat, j.i, j.firm, j.rank, j.sector, j.started_on, j.left_on,
            coalesce(b.npp_id, h.npp_id) AS npp_id, p.in_register, p.province, p.died_on
        FROM jobs AS j JOIN people AS p USING (i)
        JOIN npps AS h ON h.firm = j.firm AND h.head
        LEFT JOIN npps AS b ON b.firm = j.firm AND b.region = j.regency AND NOT b.head
        WHERE NOT j.civil
    """)
    con.execute(f"""
        CREATE OR REPLACE TABLE moving AS
        WITH sized AS (
            SELECT n.npp_id, n.kind, left(n.region, 2) AS province,
                count(*) FILTER (w.left_on IS NULL) AS size
            FROM npps AS n JOIN wage_jobs AS w USING (npp_id) GROUP BY ALL
        ),
        balance AS (
            SELECT t.province, t.pu, coalesce(sum(s.size), 0) AS size
            FROM targets AS t LEFT JOIN sized AS s USING (province) GROUP BY ALL
        ),
        needs AS (
            SELECT province, pu / 0.86 - size AS need,
                sum(pu / 0.86 - size) OVER (ORDER BY pu / 0.86 - size DESC, province) AS upto
            FROM balance WHERE size < pu / 0.86
        ),
        spare AS (
            SELECT s.npp_id, s.size, sum(s.size) OVER (PARTITION BY s.province
                ORDER BY {d.unit("s.npp_id", "central")}, s.npp_id) AS taken,
                b.size - b.pu / 0.84 AS surplus
            FROM sized AS s JOIN balance AS b USING (province)
            WHERE s.kind = 'firm' AND s.size BETWEEN 1 AND b.size - b.pu / 0.84
        ),
        -- The largest go where most are missing, so that no small province is flooded.
        queue AS (
            SELECT npp_id, sum(size) OVER (ORDER BY size DESC, npp_id) - size / 2.0 AS middle
            FROM spare WHERE taken <= surplus
        )
        SELECT q.npp_id, n.province FROM queue AS q
        JOIN needs AS n ON q.middle > n.upto - n.need AND q.middle <= n.upto
    """)
    con.execute(f"""
        UPDATE npps SET region = m.region FROM (
            SELECT v.npp_id, s.value AS region FROM moving AS v JOIN province_slots AS s
                ON s.grp = v.province AND s.slot = {d.group_slot("v.npp_id", "new region")}
        ) AS m WHERE m.npp_id = npps.npp_id
    """)


def _make_wage_cards(con: duckdb.DuckDBPyConnection, d: Draws) -> None:
    """PU cards of jobs: paid by their employer, in arrears with it, or ended with the job."""
    # Half of those who are missing have an employer in arrears, half were never registered.
    # Employers are drawn by size so that the arrears of a province come out near its share.
    con.execute(f"""
        CREATE OR REPLACE TABLE npp_state AS
        WITH sized AS (
            SELECT n.npp_id, left(n.region, 2) AS province, n.pays,
                count(*) FILTER (w.left_on IS NULL) AS size
            FROM npps AS n LEFT JOIN wage_jobs AS w USING (npp_id) GROUP BY ALL
        ),
        shares AS (
            -- One in twenty is too young, or starts too late, to be a member by now.
            SELECT s.province, greatest(0.0, 1 - least(1.0, any_value(t.pu) * 1.05
                / greatest(sum(s.size), 1))) AS missing
            FROM sized AS s JOIN targets AS t USING (province) GROUP BY ALL
        ),
        queued AS (
            SELECT s.*, h.missing, sum(size) OVER (PARTITION BY s.province
                ORDER BY pays, npp_id) AS through, sum(size) OVER (PARTITION BY s.province) AS whole
            FROM sized AS s JOIN shares AS h USING (province)
        ),
        late AS (
            SELECT *, through <= whole * missing * {compliance().arrears} AS in_arrears FROM queued
        ),
        needed AS (
            SELECT *, least(1.0, (1 - missing) * whole / greatest(1, whole
                - sum(CASE WHEN in_arrears THEN size ELSE 0 END) OVER (PARTITION BY province)))
                AS registered
            FROM late
        ),
        -- Who is left out works for some of the employers; the others register everybody.
        lined AS (
            SELECT *, sum(size) OVER (PARTITION BY province
                ORDER BY {d.unit("npp_id", "npp partial")}, npp_id) - size / 2.0
                <= whole * greatest({compliance().partial}, (1 - registered) / 0.8) AS is_partial
            FROM needed
        )
        SELECT npp_id, in_arrears, is_partial,
            CASE WHEN is_partial THEN greatest(0.1, 1 - (1 - registered) * whole
                / greatest(1, sum(CASE WHEN is_partial THEN size ELSE 0 END)
                    OVER (PARTITION BY province))) ELSE 1.0 END AS registered
        FROM lined
    """)
    con.execute(f"""
        CREATE OR REPLACE TABLE wage_cards AS
        SELECT w.seat * 4 AS card, w.i, 'PU' AS segment, w.npp_id, w.seat, w.sector,
            n.programmes,
            greatest(w.started_on + {d.whole("w.seat", "registered", 5, 70)}, n.wished_on)
                AS registered_on,
            CASE WHEN s.in_arrears THEN n.lapse_month END AS lapse_month,
            CASE WHEN n.lag_draw < 0.60 THEN 0 WHEN n.lag_draw < 0.92 THEN 1
                WHEN n.lag_draw < 0.97 THEN 2 ELSE 3 END AS lag, 1 AS block,
            w.left_on AS ended_on,
            CASE WHEN w.died_on = w.left_on THEN 'MENINGGAL' WHEN w.left_on IS NOT NULL THEN
                {d.pick("w.seat", "reason", ["MENGUNDURKAN DIRI", "PHK", "KONTRAK BERAKHIR"])}
            END AS end_reason
        FROM wage_jobs AS w JOIN npps AS n USING (npp_id) JOIN npp_state AS s USING (npp_id)
        WHERE {d.unit("w.seat", "in npp")} < CASE WHEN w.rank = 3 THEN 0.8 ELSE s.registered END
            OR NOT w.in_register
    """)


def _make_other_cards(
    con: duckdb.DuckDBPyConnection,
    d: Draws,
    people: int,
    now: int,
    last: dt.date,
) -> None:
    """Cards of the self-employed, of construction and of migrants, and cards of former jobs."""
    con.execute(f"""
        CREATE OR REPLACE TABLE self_cards AS
        WITH covered AS (SELECT DISTINCT i FROM wage_cards WHERE ended_on IS NULL),
        builders AS (
            SELECT w.i, w.province, count(*) OVER (PARTITION BY w.province) AS size FROM work AS w
            LEFT JOIN covered AS c USING (i) WHERE w.sector = 'F' AND c.i IS NULL AND w.in_register
        ),
        jakon AS (
            SELECT b.i, 'JAKON' AS segment FROM builders AS b JOIN targets AS t USING (province)
            WHERE {d.unit("b.i", "jakon")} < t.jakon / b.size
        ),
        own AS (
            SELECT w.i, w.province, count(*) OVER (PARTITION BY w.province) AS size
            FROM work AS w LEFT JOIN jakon AS j USING (i) LEFT JOIN covered AS c USING (i)
            WHERE j.i IS NULL AND c.i IS NULL AND (NOT w.formal OR w.terms = 'employer')
                AND w.full_years < 65
        )
        SELECT * FROM jakon
        UNION ALL
        SELECT o.i, 'BPU' FROM own AS o JOIN targets AS t USING (province)
        WHERE {d.unit("o.i", "bpu")} < t.bpu / o.size
        UNION ALL
        SELECT o.i, 'BPU lapsed' FROM own AS o JOIN targets AS t USING (province)
        WHERE {d.unit("o.i", "bpu")} BETWEEN t.bpu / o.size
            AND t.bpu / o.size * {1 + INACTIVE["BPU"] / ACTIVE["BPU"]}
    """)
    scale = people / NATION
    lapsed = _count(con, "wage_cards", "lapse_month IS NOT NULL OR ended_on IS NOT NULL")
    rest = max(0.0, INACTIVE["PU"] * scale - lapsed)
    grown = _count(con, "people", "age BETWEEN 22 AND 62 AND in_register")
    registrations = _count(con, "npps", "true")
    # A person's cards are numbered apart: 0, 4, 8 of jobs, 1 own account, 2 abroad, 5 and 6 of
    # former jobs; a number drawn twice would leave the order of cards to chance.
    abroad = ACTIVE["PMI"] * scale
    movers = _count(con, "people", _MIGRANT)
    con.execute(f"""
        CREATE OR REPLACE TABLE cards_made AS
        SELECT card, i, segment, npp_id, seat, programmes, registered_on, lapse_month, lag, block,
            ended_on, end_reason
        FROM wage_cards
        UNION ALL BY NAME
        SELECT i * 12 + 1 AS card, i, split_part(segment, ' ', 1) AS segment,
            CASE WHEN segment LIKE 'BPU%' AND {d.unit("i", "jht")} < 0.18 THEN 'JKK,JKM,JHT'
                ELSE 'JKK,JKM' END AS programmes,
            DATE '{last}' - CASE segment WHEN 'JAKON' THEN {d.whole("i", "since j", 10, 420)}
                WHEN 'BPU' THEN {d.whole("i", "since b", 20, 1500)}
                ELSE {d.whole("i", "since l", 400, 2000)} END AS registered_on,
            CASE WHEN segment = 'BPU lapsed' THEN {now} - {d.whole("i", "lapse b", 4, 12)} END
                AS lapse_month,
            CASE WHEN {d.unit("i", "lag b")} < 0.7 THEN 0 WHEN {d.unit("i", "lag b")} < 0.9 THEN 1
                ELSE 2 END AS lag,
            CASE WHEN segment = 'BPU' AND {d.unit("i", "block")} < 0.25 THEN 6
                WHEN segment = 'BPU' AND {d.unit("i", "block")} < 0.4 THEN 3 ELSE 1 END AS block
        FROM self_cards
        UNION ALL BY NAME
        SELECT i * 12 + 2 AS card, i, 'PMI' AS segment, 'JKK,JKM' AS programmes,
            DATE '{last}' - {d.whole("i", "since p", 20, 700)} AS registered_on, 0 AS lag,
            24 AS block
        FROM people WHERE {_MIGRANT} AND {d.unit("i", "migrant")} < {abroad / max(1, movers)}
        UNION ALL BY NAME
        SELECT i * 12 + k.k + 5 AS card, i, 'PU' AS segment, n.npp_id, 'JKK,JKM,JHT' AS programmes,
            DATE '{last}' - CASE k.k WHEN 0 THEN {d.whole("i", "since old 0", 1500, 4200)}
                ELSE {d.whole("i", "since old 1", 4300, 6500)} END AS registered_on,
            {now} - CASE k.k WHEN 0 THEN {d.whole("i", "lapse old 0", 5, 48)}
                ELSE {d.whole("i", "lapse old 1", 50, 120)} END AS lapse_month,
            1 AS lag, 1 AS block,
            CASE WHEN {d.unit("i", "old ended")} < 0.72 THEN DATE '{last}'
                - (CASE k.k WHEN 0 THEN {d.whole("i", "lapse old 0", 5, 48)}
                    ELSE {d.whole("i", "lapse old 1", 50, 120)} END * 30) END AS ended_on,
            CASE WHEN {d.unit("i", "old ended")} < 0.72 THEN {d.pick("i", "old reason", REASONS)}
            END AS end_reason
        FROM people CROSS JOIN (VALUES (0), (1)) AS k(k)
        JOIN npps AS n ON n.npp_id = 1 + ({d.bits("i", "old npp")}
            % {max(1, registrations)})::BIGINT
        WHERE age BETWEEN CASE k.k WHEN 0 THEN 22 ELSE 32 END AND 62 AND in_register
            AND {d.unit("i", "old card")}
            < {rest / max(1, grown)} * CASE k.k WHEN 0 THEN 0.87 ELSE 0.18 END
    """)


_MIGRANT = """age BETWEEN 20 AND 44 AND in_register AND province IN ('32', '33', '35', '52', '53')
    AND i NOT IN (SELECT i FROM work)"""

REASONS = (
    "MENGUNDURKAN DIRI",
    "MENGUNDURKAN DIRI",
    "PHK",
    "KONTRAK BERAKHIR",
    "KONTRAK BERAKHIR",
    "PENSIUN",
    "KLAIM JHT",
)


def _count(con: duckdb.DuckDBPyConnection, table: str, where: str) -> int:
    row = con.execute(f"SELECT count(*) FROM {table} WHERE {where}").fetchone()
    return int(row[0]) if row else 0


def _number_cards(con: duckdb.DuckDBPyConnection, d: Draws, last: dt.date) -> None:
    """Make `cards`: with their numbers, in the style of the year of registration."""
    con.execute(f"""
        CREATE OR REPLACE TABLE cards AS
        WITH grown AS (
            -- Nobody registers before eighteen; death ends a card.
            SELECT c.* REPLACE (
                greatest(c.registered_on, (p.birth_date + INTERVAL 18 YEAR)::DATE) AS registered_on,
                CASE WHEN p.died_on IS NULL THEN c.ended_on
                    ELSE least(c.ended_on, p.died_on) END AS ended_on,
                CASE WHEN p.died_on < coalesce(c.ended_on, DATE '9999-12-31') THEN 'MENINGGAL'
                    ELSE c.end_reason END AS end_reason)
            FROM cards_made AS c JOIN people AS p USING (i)
            WHERE p.birth_date + INTERVAL 18 YEAR < least(DATE '{last}', c.ended_on)
        ),
        ordered AS (
            SELECT *, row_number() OVER (ORDER BY i, segment, card) AS id FROM grown
            WHERE ended_on IS NULL OR ended_on >= registered_on
        )
        SELECT * EXCLUDE (id, card), id AS card,
            strftime(registered_on, '%y') || lpad(((id * 3141593 + {d.seed % 99991})
                % 999999937)::VARCHAR, 9, '0') AS kpj
        FROM ordered
    """)
    for table in ("cards_made", "self_cards", "wage_cards", "moving"):
        con.execute(f"DROP TABLE {table}")
