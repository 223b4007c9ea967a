"""What rosters say in one month, by what their contracts say of their sample.

Belongs here: whom a roster lists, its own columns, its employer columns. Does not belong here:
the people it draws from (pools), how person columns are spoilt (lists, damage), files.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import duckdb

from sources.contracts import Contract, ContractColumn
from sources.world import firm_damage
from sources.world.damage import Damage
from sources.world.lists import PERSON, Month, job_status_sql, person_columns
from sources.world.materials import NATION
from warehouse.errors import UsageError
from warehouse.storage import literal

LEAST = 14
"""A list so small that a small world would have nobody on it names about this many."""

TERMS = {
    "employee": "w.terms = 'employee'",
    "civil_servant": "w.terms = 'civil_servant'",
    "employer": "w.terms = 'employer'",
    "own_account": "NOT w.formal",
}
"""Kinds of work that a contract's sample may name."""

WORDS = (
    "TANI MULYA", "SUMBER REJEKI", "NGUDI MAKMUR", "SIDO MAJU", "HARAPAN JAYA", "MEKAR SARI",
    "BINA KARYA", "SRI REJEKI", "KARYA BERSAMA", "MITRA TANI", "BERKAH", "USAHA BARU",
)  # fmt: skip


def pool_sql(contract: Contract) -> str:
    """SQL of the people that a roster draws from: `k`, `i` and what the pool knows of them."""
    pool = contract.sample.get("pool")
    return f"world_{pool}" if pool else "(SELECT i AS k, *, NULL::BIGINT AS firm FROM work_now)"


def candidates_sql(contract: Contract) -> str:
    """SQL of the condition on whom of the pool `w` a roster may list."""
    sample, where = contract.sample, ["true"]
    if sample.get("sectors"):
        where.append("w.sector IN (" + ", ".join(f"'{code}'" for code in sample["sectors"]) + ")")
    if sample.get("employment"):
        where.append("(" + " OR ".join(TERMS[kind] for kind in sample["employment"]) + ")")
    return " AND ".join(where)


def shares(
    con: duckdb.DuckDBPyConnection, contracts: Mapping[str, Contract], people: int
) -> dict[str, float]:
    """Give the share of its candidates that each roster lists.

    A contract's sample tells it by `share`, or by `national`, the size of the whole list in the
    country, which is scaled to the world.

    Args:
        con: the building database, with the pools.
        contracts: datasets of the world.
        people: persons in the register.

    Returns:
        Shares by dataset, for those of kind roster.

    Raises:
        UsageError: a contract names a pool that the world does not have.
    """
    pools = {row[0] for row in con.execute("SELECT table_name FROM duckdb_tables()").fetchall()}
    found = {}
    for key, contract in contracts.items():
        if contract.kind != "roster":
            continue
        sample = contract.sample
        if sample.get("pool") and f"world_{sample['pool']}" not in pools:
            raise UsageError(f"{contract.file}: the sample world has no pool {sample['pool']!r}")
        if "national" not in sample:
            found[key] = float(sample.get("share", 0.1))
            continue
        row = con.execute(
            f"SELECT count(*) FROM {pool_sql(contract)} AS w JOIN people AS p ON p.i = w.i "
            f"WHERE p.in_register AND p.died_on IS NULL AND {candidates_sql(contract)}"
        ).fetchone()
        wanted = max(float(sample["national"]) * people / NATION, LEAST)
        found[key] = min(1.0, wanted / max(1, row[0] if row else 0))
    return found


def own_column(damage: Damage, name: str, values: Mapping[str, Any], month: Month) -> str:
    """SQL of one of a roster's own columns, as its contract's sample describes it.

    Args:
        damage: damage of the list; draws are for `k`.
        name: the column.
        values: weights by value, or one of: `pattern` (with `{number}`, `{number:8}` and
            `{word}`), `between` with `step` (a whole number, small ones likelier), `days_before`
            (a date before the end of the world), `cases` (of these, by the column `by`).
            `from` with `days` (a date after another column's) is resolved by `own_columns`.
        month: the month.
    """
    number = damage.unit("k", name)
    if "pattern" in values:
        word = damage.draws.pick("k", f"{damage.dataset}/{name}/word", WORDS)
        parts = []
        for piece in str(values["pattern"]).replace("}", "{").split("{"):
            if piece == "word":
                parts.append(word)
            elif piece.startswith("number"):
                digits = int(piece.partition(":")[2] or 6)
                parts.append(
                    f"lpad(({damage.bits('k', name)} % {10**digits})::VARCHAR, {digits}, '0')"
                )
            elif piece:
                parts.append(literal(piece))
        return " || ".join(parts)
    if "between" in values:
        low, high = values["between"]
        step = values.get("step", 1)
        return f"(({low} * pow({high / low}, {number}))::BIGINT // {step} * {step})"
    if "days_before" in values:
        low, high = values["days_before"]
        return (
            f"(DATE '{month.newest}' - {low} - "
            f"({damage.bits('k', name)} % {high - low + 1})::INTEGER)"
        )
    total, start, branches = sum(values.values()), 0.0, []
    for value, weight in values.items():
        start += weight / total
        text = literal(str(value)) if value else "NULL"
        branches.append(f"WHEN {number} < {start} THEN {text}")
    return f"CASE {' '.join(branches)} END"


def own_columns(damage: Damage, contract: Contract, month: Month) -> dict[str, str]:
    """SQL of the columns that a roster's sample describes, by name."""
    made: dict[str, str] = {}
    for name, values in contract.sample.get("values", {}).items():
        if "by" in values:
            branches = " ".join(
                f"WHEN {literal(str(value))} THEN {own_column(damage, name, case, month)}"
                for value, case in values["cases"].items()
            )
            made[name] = f"CASE {made[values['by']]} {branches} END"
        elif "from" in values:
            low, high = values["days"]
            made[name] = (
                f"({made[values['from']]} + {low} + "
                f"({damage.bits('k', name)} % {high - low + 1})::INTEGER)"
            )
        else:
            made[name] = own_column(damage, name, values, month)
    return made


def written(damage: Damage, column: ContractColumn, value: str) -> str:
    """SQL of a value of an own column as a list writes it, by the column's kind."""
    if column.kind == "npwp":
        return firm_damage.npwp(damage, "k", value)
    if column.kind == "nib":
        return firm_damage.nib(damage, "k", value)
    if column.kind == "vocabulary":
        return damage.cases("k", column.name, value, {"value_unknown": "'TIDAK DIISI'"})
    return value


def roster_sql(damage: Damage, month: Month, contract: Contract, share: float) -> str:
    """SQL of any roster.

    Args:
        damage: damage of its group.
        month: the month.
        contract: the dataset.
        share: share of its candidates that it lists.
    """
    d = damage.draws
    pooled = "pool" in contract.sample
    told = own_columns(damage, contract, month)
    standard = {
        "employer_name": firm_damage.employer_name(damage, "k", "employer_name"),
        "employer_npwp": firm_damage.npwp(damage, "k", "npwp"),
        "employer_nib": firm_damage.nib(damage, "k", "nib"),
        "kbli": "kbli",
        "employment_status": "employment_status",
        "monthly_wage": "wage",
    }
    # What neither the sample nor every roster has comes from the pool.
    person = {"record_id", "full_name", "nik", "sex", "birth_date", "birth_place", "mother_name",
              "region_code", "address"}  # fmt: skip
    from_pool = [
        column.name
        for column in contract.columns
        if pooled and column.name not in {*person, *standard, *told}
    ]
    known = told | {name: f"pool_{name}" for name in from_pool}
    values = standard | {
        column.name: written(damage, column, known[column.name])
        for column in contract.columns
        if column.name in known
    }
    names = {column.name for column in contract.columns}
    listed = ", ".join(f"{sql} AS {name}" for name, sql in values.items() if name in names)
    extra = "".join(f", w.{name} AS pool_{name}" for name in from_pool)
    letters = "".join(word[0] for word in contract.key.split("_")).upper()
    # The job must be at the pool's employer, where it names one.
    at = "AND (w.firm IS NULL OR j.firm = w.firm)" if pooled else ""
    return f"""
        SELECT k AS _k, i AS _i, '{letters}-' || lpad(((k * 1299709 + {d.seed % 9973})
                % 999999937)::VARCHAR, 9, '0') AS record_id,
            {person_columns(damage, dotted=contract.key == "farmers")}, {listed}
        FROM (
            SELECT w.k, p.i, {PERSON}, f.name AS employer_name, f.npwp, f.nib, f.kbli,
                CASE WHEN j.seat IS NOT NULL THEN {job_status_sql(d)} END AS employment_status,
                j.wage{extra}
            FROM {pool_sql(contract)} AS w JOIN persona AS p ON p.i = w.i
            LEFT JOIN jobs AS j ON j.i = w.i AND j.rank = 1
                AND j.started_on <= DATE '{month.as_of}' {at}
            LEFT JOIN firms AS f ON f.firm = coalesce(w.firm, j.firm)
            WHERE NOT coalesce(p.dead, false) AND p.in_register AND {candidates_sql(contract)}
                AND {damage.unit("w.k", "listed")} < {share}
        )"""
