"""What the registers of employers say in one month.

Belongs here: which register knows which employer, under which name and numbers. Does not belong
here: lists of persons (lists), rows that come twice (delivery), files.
"""

from __future__ import annotations

from collections.abc import Callable

import duckdb

from sources.contracts import Contract
from sources.world import firm_damage
from sources.world.damage import Damage
from sources.world.draws import Draws
from sources.world.lists import Month
from sources.world.memberships import month_sql, period_sql

OWN_BUSINESSES = 0.42
"""Share of the self-employed outside farming whose business SIDT knows: 13.4 million."""


def make_listing(con: duckdb.DuckDBPyConnection, d: Draws) -> None:
    """Make `firm_listing`: firms, with which registers know them, and `sme` (one-person ones).

    Args:
        con: the building database, with `firms`, `work`, `people` and `owners`.
        d: draws of the world.
    """
    con.execute(f"""
        CREATE OR REPLACE TABLE firm_listing AS
        SELECT *,
            {d.unit("firm", "taxed")} < CASE kind WHEN 'public' THEN 0.95 WHEN 'shell' THEN 0.8
                WHEN 'cooperative' THEN 0.3 ELSE CASE scale WHEN 'besar' THEN 0.99
                WHEN 'menengah' THEN 0.93 WHEN 'kecil' THEN 0.75 ELSE 0.45 END END AS taxed,
            kind <> 'public' AND coalesce(legal_form, '') NOT IN ('', 'UD')
                AND {d.unit("firm", "ahu")} < 0.95 AS in_ahu,
            kind = 'firm' AND sector = 'C' AND {d.unit("firm", "siinas")} < CASE scale
                WHEN 'besar' THEN 0.9 WHEN 'menengah' THEN 0.7 WHEN 'kecil' THEN 0.3
                ELSE 0.08 END AS in_siinas,
            {d.unit("firm", "closed")} < CASE kind WHEN 'shell' THEN 0.3 ELSE 0.02 END AS closed
        FROM firms
    """)
    shops = " ".join(
        f"WHEN '{sector}' THEN {d.pick('w.i', 'own shop', names)}"
        for sector, names in SHOPS.items()
    )
    con.execute(f"""
        CREATE OR REPLACE TABLE sme AS
        SELECT w.i AS k, w.i, 'W' || w.i::VARCHAR AS company_id, w.sector, w.regency,
            CASE w.sector {shops} ELSE 'UD' END || ' ' || CASE
                WHEN {d.unit("w.i", "own name")} < 0.4
                    THEN {d.pick("w.i", "own honorific", ["BU ", "PAK ", "MBAK ", ""])}
                    || split_part(p.full_name, ' ', 1)
                ELSE {d.pick("w.i", "own word", BUSINESS_WORDS)} || ' '
                    || split_part(p.full_name, ' ', -1) END AS name,
            {d.whole("w.i", "own nib", 10200, 99999)}::VARCHAR
                || lpad(((w.i * 7654321 + {d.seed % 99991}) % 99999989)::VARCHAR, 8, '0') AS nib,
            p.nik AS npwp, p.address,
            -- A household that employs is no business.
            CASE k.value WHEN '97000' THEN '96200' ELSE k.value END AS kbli, 2020 AS kbli_vintage,
            greatest(0, {d.whole("w.i", "own workers", 0, 9)} - 6) AS workers, 'mikro' AS scale
        FROM work AS w JOIN people AS p USING (i)
        JOIN kbli_slots AS k ON k.grp = w.sector AND k.slot = {d.group_slot("w.i", "own kbli")}
        WHERE w.terms = 'own_account' AND w.sector <> 'A' AND w.in_register
            AND {d.unit("w.i", "in sidt")} < {OWN_BUSINESSES}
        UNION ALL BY NAME
        SELECT -f.firm AS k, o.i, 'F' || f.firm::VARCHAR AS company_id, f.sector, f.regency,
            f.name, f.nib, CASE WHEN f.legal_form = 'UD' THEN p.nik ELSE f.npwp END AS npwp,
            f.address, f.kbli, f.kbli_vintage, f.workers, f.scale
        FROM owners AS o JOIN firms AS f USING (firm) JOIN people AS p USING (i)
        WHERE {d.unit("f.firm", "firm in sidt")} < 0.35
    """)


SHOPS = {
    "C": ("KONVEKSI", "MEUBEL", "KERUPUK", "TAHU TEMPE", "BATIK", "ROTI"),
    "F": ("BORONGAN", "TUKANG", "LAS"),
    "G": ("WARUNG", "TOKO", "KIOS", "UD", "TOKO KELONTONG", "KONTER", "BENGKEL"),
    "H": ("ANGKUTAN", "TRAVEL", "OJEK", "RENTAL"),
    "I": ("WARUNG MAKAN", "KEDAI", "DEPOT", "KATERING", "RUMAH MAKAN", "WARUNG KOPI"),
    "J": ("WARNET", "PERCETAKAN"),
    "MN": ("JASA", "RENTAL", "FOTOKOPI"),
    "P": ("BIMBINGAN BELAJAR", "LES"),
    "Q": ("PRAKTIK", "PIJAT"),
    "RSTU": ("SALON", "LAUNDRY", "PANGKAS RAMBUT", "PENJAHIT", "SERVIS"),
}
BUSINESS_WORDS = (
    "BERKAH", "BAROKAH", "SUMBER REJEKI", "MAJU JAYA", "SEDERHANA", "SINAR", "BAHAGIA", "LANCAR",
    "MITRA", "RIZKI", "ANUGERAH", "CAHAYA", "SEJAHTERA", "MURAH", "BINTANG",
)  # fmt: skip


def _common(damage: Damage, *, region: str = "regency", nib: str | None = None) -> str:
    """SQL of the columns that every employer register has."""
    return f"""CASE WHEN {damage.hits("k", "name_missing")} THEN NULL
            ELSE {firm_damage.employer_name(damage, "k", "name")} END AS employer_name,
        {nib or firm_damage.nib(damage, "k", "nib")} AS nib, address,
        {damage.region("k", region, "former", "bps")} AS region_code, kbli, kbli_vintage"""


def _status(damage: Damage) -> str:
    return damage.cases(
        "k",
        "status",
        "CASE WHEN closed THEN 'TIDAK AKTIF' ELSE 'AKTIF' END",
        {"value_unknown": "'BELUM VERIFIKASI'"},
    )


def _scale(damage: Damage) -> str:
    return damage.cases("k", "scale", "upper(scale)", {"value_unknown": "'UMKM'"})


_FIRMS = """SELECT f.*, f.firm AS k, r.former, r.bps FROM firm_listing AS f
    JOIN regency AS r ON r.code = f.regency"""


def knows(contract: Contract) -> bool:
    """Tell whether the world can fill a register: it has a query of its own, or names a pool."""
    return contract.key in _OWN_QUERIES or "pool" in contract.sample


def register_sql(
    damage: Damage, month: Month, contract: Contract, columns: frozenset[str] = frozenset()
) -> str:
    """SQL of one register's rows, with `_k` and `_company`.

    Args:
        damage: damage of the register's group.
        month: the month.
        contract: the dataset, of businesses or projects.
        columns: columns of its pool, where it names one.
    """
    if contract.key in _OWN_QUERIES:
        return _OWN_QUERIES[contract.key](damage, month)
    return _pooled(damage, month, contract, columns)


def _pooled(damage: Damage, month: Month, contract: Contract, columns: frozenset[str]) -> str:
    """SQL of a register whose pool has its columns with their true values."""
    written = {
        "employer_name": firm_damage.employer_name(damage, "k", "name"),
        "scale": _scale(damage),
        "status": _status(damage) if "closed" in columns else "NULL",
    }
    listed = []
    for column in contract.columns:
        name = column.name
        if name in written:
            value = written[name]
        elif column.is_key or name not in columns:
            value = name if name in columns else "NULL"
        elif column.kind == "name":
            value = firm_damage.employer_name(damage, "k", name)
        elif column.kind == "npwp":
            value = firm_damage.npwp(damage, "k", name)
        elif column.kind == "nib":
            value = firm_damage.nib(damage, "k", name)
        elif column.kind == "region":
            value = damage.region("k", name, "former", "bps")
        elif column.kind == "vocabulary":
            value = damage.cases("k", name, name, {"value_unknown": "'TIDAK DIISI'"})
        elif column.kind == "date":
            value = damage.cases("k", name, name, {"date_missing": "NULL::DATE"})
        else:
            value = name
        if column.is_name:
            value = f"CASE WHEN {damage.hits('k', 'name_missing')} THEN NULL ELSE {value} END"
        listed.append(f"{value} AS {name}")
    where = ["true"]
    if "nib_issued_on" in columns:
        where.append(f"nib_issued_on <= DATE '{month.as_of}'")
    if {"listed_from", "listed_until"} <= columns:
        where.append(f"listed_from <= DATE '{month.as_of}' AND listed_until > DATE '{month.as_of}'")
    return f"""
        SELECT k AS _k, company_id AS _company, {", ".join(listed)}
        FROM world_{contract.sample["pool"]} WHERE {" AND ".join(where)}"""


def _bpjs(damage: Damage, month: Month) -> str:
    lag = "CASE WHEN lag_draw < 0.60 THEN 0 WHEN lag_draw < 0.92 THEN 1 ELSE 2 END"
    paid = f"CASE WHEN in_arrears THEN lapse_month ELSE {month.number} - {lag} END"
    # A firm that opened as another's branch carries the branch's region; workers are as told.
    return f"""
        SELECT k AS _k, company_id AS _company, npp, {_common(damage, region="region")},
            legal_form, {firm_damage.npwp(damage, "k", "npwp")} AS npwp, workers,
            CASE WHEN kind <> 'public' THEN {_scale(damage)} END AS scale, programmes,
            registered_on,
            {period_sql(f"greatest({paid}, {month_sql('registered_on')})")} AS last_paid_period,
            {_status(damage)} AS status
        FROM (
            SELECT n.npp_id AS k, 'F' || f.firm::VARCHAR AS company_id, n.npp, f.name, f.nib,
                f.npwp, f.address, n.region, r.former, r.bps, f.kbli, f.kbli_vintage,
                f.legal_form, f.kind, f.scale, n.programmes, n.lag_draw, n.lapse_month,
                s.in_arrears,
                greatest(n.wished_on, DATE '1995-01-01') AS registered_on, f.closed, m.workers
            FROM npps AS n JOIN firm_listing AS f USING (firm)
            JOIN npp_state AS s USING (npp_id) JOIN regency AS r ON r.code = n.region
            LEFT JOIN (SELECT npp_id, count(*) AS workers FROM wage_jobs
                WHERE left_on IS NULL AND rank = 1 GROUP BY 1) AS m USING (npp_id)
            WHERE n.wished_on <= DATE '{month.as_of}'
        )"""


def _djp(damage: Damage, month: Month) -> str:
    # Branches of old numbers have rows of their own; the last three digits tell them apart.
    return f"""
        SELECT k AS _k, company_id AS _company, written_npwp AS npwp, {_common(damage)},
            {_status(damage)} AS status
        FROM (
            SELECT * EXCLUDE (k), firm * 100 AS k, 'F' || firm::VARCHAR AS company_id,
                npwp AS written_npwp
            FROM ({_FIRMS}) WHERE taxed
            UNION ALL BY NAME
            SELECT f.* REPLACE (b.regency AS regency), f.firm * 100 + b.branch AS k,
                'F' || f.firm::VARCHAR AS company_id, r.former, r.bps,
                left(f.npwp, 13) || lpad(b.branch::VARCHAR, 3, '0') AS written_npwp
            FROM firm_listing AS f JOIN (
                SELECT b.*, row_number() OVER (PARTITION BY b.firm ORDER BY b.regency) AS branch
                FROM branches AS b JOIN firms AS g USING (firm) WHERE b.regency <> g.regency
            ) AS b USING (firm) JOIN regency AS r ON r.code = b.regency
            WHERE f.taxed AND left(f.npwp, 1) = '0' AND b.branch < 100
        )"""


def _ahu(damage: Damage, month: Month) -> str:
    return f"""
        SELECT k AS _k, 'F' || firm::VARCHAR AS _company, ahu_number, {_common(damage)},
            legal_form, {firm_damage.npwp(damage, "k", "npwp")} AS npwp, {_status(damage)} AS status
        FROM ({_FIRMS}) WHERE in_ahu"""


def _siinas(damage: Damage, month: Month) -> str:
    d = damage.draws
    estate = f"{d.unit('k', 'estate')} < CASE scale WHEN 'besar' THEN 0.5 ELSE 0.2 END"
    return f"""
        SELECT k AS _k, 'F' || firm::VARCHAR AS _company,
            'SII-' || lpad(((k * 7368787) % 9999991)::VARCHAR, 7, '0') AS record_id,
            {_common(damage)}, {firm_damage.npwp(damage, "k", "npwp")} AS npwp,
            greatest(workers + {d.whole("k", "siinas count", -2, 2)}, 1) AS workers,
            CASE WHEN {estate} THEN 'KAWASAN INDUSTRI ' || place END AS estate_name,
            CASE WHEN {estate} THEN CASE WHEN {d.unit("k", "zone")} < 0.15 THEN 'KEK' ELSE 'KI' END
            END AS estate_kind
        FROM ({_FIRMS}) WHERE in_siinas"""


def _cooperatives(damage: Damage, month: Month) -> str:
    d = damage.draws
    return f"""
        SELECT k AS _k, 'F' || firm::VARCHAR AS _company,
            'KOP' || lpad(((k * 7368787) % 9999991)::VARCHAR, 8, '0') AS record_id,
            {_common(damage)},
            CASE WHEN {d.unit("k", "coop id")} < 0.3 THEN regency
                || lpad(({d.bits("k", "coop id")} % 1000000000)::VARCHAR, 9, '0') END
                AS nik_koperasi,
            {firm_damage.npwp(damage, "k", "npwp")} AS npwp,
            {d.whole("k", "coop workers", 0, 5)} AS workers,
            {d.whole("k", "coop members", 20, 400)} AS members, {_status(damage)} AS status
        FROM ({_FIRMS}) WHERE kind = 'cooperative'"""


def _sme(damage: Damage, month: Month) -> str:
    d = damage.draws
    owner = Damage(d, damage.rates, "owner", damage.dataset + "/owner")
    written = owner.titled("k", f"({owner.name('k', 'owner_name')})", "sex", "title", "degree")
    missing = damage.rates.rate("npwp_missing", "owner")
    nib = firm_damage.nib(owner, "k", "nib")
    return f"""
        SELECT k AS _k, i AS _i, company_id AS _company,
            'UMK' || lpad((((k + 5000000000) * 1299709) % 9999999967)::VARCHAR, 10, '0')
                AS record_id,
            {owner.nik("k", "owner_nik", "relative_nik")} AS owner_nik, {written} AS owner_name,
            {_common(damage, nib=nib)}, CASE WHEN {owner.unit("k", "npwp")} < {missing}
                THEN NULL ELSE npwp END AS npwp,
            workers, {_scale(damage)} AS scale
        FROM (
            SELECT s.*, p.nik AS owner_nik, p.relative_nik, p.full_name AS owner_name, p.sex,
                p.title, p.degree, r.former, r.bps
            FROM sme AS s JOIN persona AS p ON p.i = s.i JOIN regency AS r ON r.code = s.regency
            WHERE NOT coalesce(p.dead, false)
        )"""


_OWN_QUERIES: dict[str, Callable[[Damage, Month], str]] = {
    "bpjs_employers": _bpjs,
    "djp_employers": _djp,
    "ahu_companies": _ahu,
    "siinas_companies": _siinas,
    "cooperatives": _cooperatives,
    "sme_businesses": _sme,
}
