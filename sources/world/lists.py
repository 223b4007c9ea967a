"""What the large lists of persons say in one month: clean rows, then the damage of each list.

Belongs here: the register, the cards and the payrolls, and their columns. Does not belong here:
rosters (rosters), employer registers (registers), rows that come twice (delivery), files.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from sources.contracts import Contract
from sources.world import firm_damage
from sources.world.compliance import reported_wage_sql
from sources.world.damage import Damage
from sources.world.draws import Draws
from sources.world.memberships import month_sql, never_paid_sql, period_sql

PERSON = (
    "p.nik, p.relative_nik, p.full_name, p.sex, p.birth_date, p.birth_place, p.mother_name, "
    "p.region_code, p.former, p.bps, p.address, p.title, p.degree"
)


@dataclass(frozen=True)
class Month:
    """One month of the world.

    Attributes:
        period: `YYYY-MM`.
        as_of: its last day.
        newest: last day of the world's newest month.
    """

    period: str
    as_of: dt.date
    newest: dt.date

    @property
    def number(self) -> int:
        """Months since year 0."""
        return self.as_of.year * 12 + self.as_of.month - 1


def persona_sql(month: Month) -> str:
    """SQL of the view `persona`: persons as they are at the end of a month."""
    return f"""
        CREATE OR REPLACE TEMP VIEW persona AS
        SELECT q.*, r.former, r.bps FROM (
            SELECT *, CASE WHEN regency_before IS NOT NULL AND moved_on > DATE '{month.as_of}'
                THEN regency_before ELSE regency END AS region_code,
                died_on <= DATE '{month.as_of}' AS dead
            FROM people WHERE birth_date <= DATE '{month.as_of}'
        ) AS q JOIN regency AS r ON r.code = q.region_code
    """


def person_columns(damage: Damage, *, dotted: bool = False) -> str:
    """SQL of the person columns as a list writes them, from a source with `PERSON` and `k`."""
    region = damage.region("k", "region_code", "former", "bps")
    if dotted:
        region = f"left({region}, 2) || '.' || substr({region}, 3)"
    name = damage.titled("k", f"({damage.name('k', 'full_name')})", "sex", "title", "degree")
    return f"""{damage.nik("k", "nik", "relative_nik")} AS nik,
        CASE WHEN {damage.hits("k", "name_missing")} THEN NULL ELSE {name} END AS full_name,
        {damage.sex("k", "sex")} AS sex,
        {damage.birth_date("k", "birth_date")} AS birth_date, birth_place,
        {damage.mother("k", "mother_name")} AS mother_name, {region} AS region_code, address"""


OCCUPATION = """CASE
    WHEN w.i IS NULL OR {stale} < CASE p.sex WHEN 'P' THEN 0.28 ELSE 0.12 END THEN CASE
        WHEN p.age < 6 THEN 'BELUM/TIDAK BEKERJA' WHEN p.age < 23 THEN 'PELAJAR/MAHASISWA'
        WHEN w.i IS NULL AND p.age > 60 AND {stale} < 0.25 THEN 'PENSIUNAN'
        WHEN w.i IS NULL AND {stale} > 0.93 THEN 'WIRASWASTA'
        WHEN p.sex = 'P' THEN 'MENGURUS RUMAH TANGGA' ELSE 'BELUM/TIDAK BEKERJA' END
    WHEN w.terms = 'civil_servant' THEN CASE
        WHEN w.sector = 'P' THEN CASE WHEN {which} < 0.35 THEN 'GURU'
            ELSE 'PEGAWAI NEGERI SIPIL' END
        WHEN w.sector = 'Q' THEN CASE WHEN {which} < 0.2 THEN 'PERAWAT'
            ELSE 'PEGAWAI NEGERI SIPIL' END
        WHEN {which} < 0.16 THEN 'TENTARA NASIONAL INDONESIA'
        WHEN {which} < 0.33 THEN 'KEPOLISIAN RI' ELSE 'PEGAWAI NEGERI SIPIL' END
    WHEN w.formal AND {which} < 0.72 THEN
        CASE w.terms WHEN 'employer' THEN 'WIRASWASTA' ELSE 'KARYAWAN SWASTA' END
    WHEN w.sector = 'A' THEN CASE WHEN {which} < 0.06 THEN 'NELAYAN/PERIKANAN'
        WHEN w.terms = 'casual' THEN 'BURUH TANI/PERKEBUNAN' ELSE 'PETANI/PEKEBUN' END
    WHEN {which} < 0.4 THEN 'WIRASWASTA'
    WHEN w.terms = 'casual' AND {which} < 0.7 THEN 'BURUH HARIAN LEPAS'
    ELSE CASE w.sector WHEN 'C' THEN 'INDUSTRI' WHEN 'F' THEN 'KONSTRUKSI' WHEN 'G' THEN 'PEDAGANG'
        WHEN 'H' THEN 'SOPIR' WHEN 'P' THEN 'GURU' WHEN 'Q' THEN 'PERAWAT'
        WHEN 'O' THEN 'KARYAWAN HONORER' WHEN 'RSTU' THEN 'PEMBANTU RUMAH TANGGA'
        ELSE 'KARYAWAN SWASTA' END
    END"""


def population_sql(damage: Damage, month: Month) -> str:
    """SQL of the population register's rows; those of strangers come out with `i` alone."""
    d = damage.draws
    occupation = OCCUPATION.replace("{stale}", d.unit("p.i", "stale occupation")).replace(
        "{which}", d.unit("p.i", "occupation")
    )
    return f"""
        SELECT k AS _k, k AS _i, nik,
            CASE WHEN {damage.hits("k", "name_missing")} THEN NULL
                ELSE coalesce(title || ' ', '') || full_name || coalesce(', ' || degree, '') END
                AS full_name,
            {damage.sex("k", "sex")} AS sex, {damage.birth_date("k", "birth_date")} AS birth_date,
            {damage.region("k", "region_code", "former", "bps")} AS region_code, birth_place,
            {damage.mother("k", "mother_name")} AS mother_name, address, occupation,
            CASE WHEN dead AND {d.unit("k", "death told")} < 0.85 THEN 'MENINGGAL' ELSE 'HIDUP' END
                AS life_status
        FROM (
            SELECT p.i AS k, {PERSON}, p.dead, {occupation} AS occupation
            FROM persona AS p LEFT JOIN work_now AS w ON w.i = p.i WHERE p.in_register
        )"""


def membership_sql(damage: Damage, month: Month) -> str:
    """SQL of the cards of BPJS Ketenagakerjaan, as of a month."""
    d = damage.draws
    paid_to = f"""least({month.number} - lag, lapse_month, {month_sql("ended_on")})"""
    # Some pay for half a year ahead: the end of the block that the month falls in.
    ahead = f"(({month.number} + k) // block + 1) * block - 1 - k"
    return f"""
        SELECT k AS _k, i AS _i, kpj, {person_columns(damage)},
            segment, npp, programmes, reported_wage, registered_on,
            CASE WHEN never THEN NULL ELSE {period_sql("paid")} END AS last_paid_period,
            ended_on, end_reason
        FROM (
            SELECT *, CASE WHEN block > 1 AND lapse_month IS NULL AND ended_on IS NULL THEN {ahead}
                ELSE greatest({paid_to}, {month_sql("registered_on")} - 1) END AS paid
            FROM (
                SELECT c.card AS k, c.i, c.kpj, c.segment, n.npp, c.programmes,
                    c.registered_on, c.lapse_month, c.lag, c.block,
                    CASE WHEN c.ended_on <= DATE '{month.as_of}' THEN c.ended_on END AS ended_on,
                    CASE WHEN c.ended_on <= DATE '{month.as_of}' THEN c.end_reason END
                        AS end_reason,
                    {never_paid_sql(d)} AS never,
                    CASE c.segment WHEN 'PU' THEN
                        {reported_wage_sql("n.wage_policy", "j.wage", "f.amount")}
                    WHEN 'BPU' THEN 1000000 END::BIGINT AS reported_wage, {PERSON}
                FROM cards AS c JOIN persona AS p ON p.i = c.i
                LEFT JOIN npps AS n ON n.npp_id = c.npp_id LEFT JOIN jobs AS j ON j.seat = c.seat
                JOIN wage_floor AS f ON f.province = left(coalesce(j.regency, p.region_code), 2)
                WHERE c.registered_on <= DATE '{month.as_of}'
            )
        )"""


STATUS = """CASE WHEN j.civil THEN CASE
        WHEN j.sector = 'O' AND {which} < 0.16 THEN 'TNI'
        WHEN j.sector = 'O' AND {which} < 0.33 THEN 'POLRI'
        WHEN {late} < 0.3 THEN 'PPPK' ELSE 'PNS' END
    WHEN {late} < 0.7 THEN 'PEGAWAI TETAP' WHEN {late} < 0.9 THEN 'PEGAWAI TIDAK TETAP'
    ELSE 'TENAGA LEPAS' END"""


def job_status_sql(d: Draws) -> str:
    """SQL of the employment status of a job `j`, as its employer writes it."""
    return STATUS.replace("{which}", d.unit("j.i", "occupation")).replace(
        "{late}", d.unit("j.seat", "status")
    )


def employment_sql(damage: Damage, month: Month, contract: Contract) -> str:
    """SQL of a payroll or workforce list.

    The tax office lists those of taxed employers who left within a year too; any other list
    of this kind holds the present workers of the employers in SIINas.
    """
    d, key = damage.draws, contract.key
    taxed = key == "djp_withholding"
    names = {column.name for column in contract.columns}
    sectors = ", ".join(f"'{code}'" for code in contract.sample.get("sectors", ()))
    where = f"j.started_on <= DATE '{month.as_of}' AND "
    if taxed:
        where += f"""f.taxed AND (j.left_on IS NULL OR j.left_on > DATE '{month.as_of}' - 365)
            AND {damage.unit("j.seat", "listed")} < 0.95"""
    else:
        where += f"""f.in_siinas AND j.rank <> 2
            AND (j.left_on IS NULL OR j.left_on > DATE '{month.as_of}')
            AND {damage.unit("j.seat", "listed")} < 0.93"""
        where += f" AND j.sector IN ({sectors})" if sectors else ""
    extra = {
        "employer_npwp": firm_damage.npwp(damage, "k", "npwp"),
        "employer_nib": firm_damage.nib(damage, "k", "nib"),
        "monthly_wage": "wage",
        "employment_status": "employment_status",
        "started_on": "started_on",
        "ended_on": f"CASE WHEN left_on <= DATE '{month.as_of}' THEN left_on END",
    }
    columns = ", ".join(f"{sql} AS {name}" for name, sql in extra.items() if name in names)
    prefix = "BP" if taxed else "TK"
    return f"""
        SELECT k AS _k, i AS _i, '{prefix}' || lpad(((k * 1299709 + {d.seed % 9973})
                % 9999999967)::VARCHAR, 10, '0') AS record_id,
            {person_columns(damage)}, {columns}
        FROM (
            SELECT j.seat AS k, j.i, f.npwp, f.nib, j.wage, j.started_on, j.left_on,
                {job_status_sql(d)} AS employment_status, {PERSON}
            FROM jobs AS j JOIN firm_listing AS f USING (firm) JOIN persona AS p ON p.i = j.i
            WHERE {where}
        )"""
