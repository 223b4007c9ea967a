"""Explaining: of which records an employer was made, and which likely ones were kept apart.

Belongs here: gathering what the resolution left of one employer. Does not belong here: text for
people (pipelines/cli_explain_employer.py), or resolving itself (employers.py).

Nothing is written but temporary tables. What is told includes identifiers and the names of
businesses that are natural persons: it is for those who may know them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import duckdb

from matching.companies import parse_names, standard_sql
from matching.employer_levels import FIELDS
from matching.employer_likeness import SUBSET, compare_cores
from warehouse.errors import UsageError
from warehouse.storage import literal

# The column of a record that made it belong, by the reason stored with its link.
IDENTIFIERS = ("npwp", "nib", "npp", "ahu_number", "nik_koperasi")
_COLUMN_OF = {"npwp_root": "npwp"} | {name: name for name in IDENTIFIERS}
# Like-named employers looked at and told, at most.
LOOKED_AT, TOLD = 500, 10


@dataclass(frozen=True)
class FieldBits:
    """What one field adds: its level, and log2 of the likelihood ratio."""

    field: str
    level: str
    bits: float


@dataclass(frozen=True)
class Member:
    """A record of the employer, and why it belongs.

    Attributes:
        dataset: whose record.
        record_id: its key.
        name: as delivered.
        region_code: as conformed.
        identifiers: those it bears, by column.
        tier: `identifier`, `model` or `single`.
        reason: as stored with the link.
        probability: as stored.
        identifier: the column of the identifier that made it belong, where one did.
        compared_with: dataset and key of the record whose likeness made it belong, where the
            model did.
        fields: what each field of that comparison added.
        total_bits: log2 odds of the two, the prior included; rivals are not in it.
    """

    dataset: str
    record_id: str
    name: str | None
    region_code: str | None
    identifiers: dict[str, str]
    tier: str
    reason: str
    probability: float
    identifier: str | None = None
    compared_with: tuple[str, str] | None = None
    fields: list[FieldBits] = field(default_factory=list)
    total_bits: float | None = None


@dataclass(frozen=True)
class Apart:
    """A likely employer that is another one all the same.

    Attributes:
        employer_key: its key.
        name: its name in the spine.
        region_code: its region.
        why: `two_taxpayers`, or, of units that were compared, `legal_form`, `two_numbers`,
            `barred`, `below_threshold`, `better_claim`; `not_compared` of others alike in name.
        fields: what each field of the comparison added, where there was one.
        total_bits: log2 odds of the two; None where they were not compared.
    """

    employer_key: int
    name: str
    region_code: str
    why: str
    fields: list[FieldBits] = field(default_factory=list)
    total_bits: float | None = None


@dataclass(frozen=True)
class EmployerExplanation:
    """One employer of a month.

    Attributes:
        period: the month.
        employer_key: its key.
        employer: its row of `spine.employers`.
        members: its records.
        apart: likely employers kept apart, the likeliest first.
        parent: key and name of the parent, where it is known.
        subsidiaries: keys and names of the employers whose parent it is.
        npps: the NPPs that lead to it, with the region of each.
        changes: merges and splits that its key took part in, of all months.
        prior_bits: log2 odds of a pair before any field is looked at.
        compliance: its row of `coverage.employer_compliance`; None where the table has none.
        flag_evidence: what each flag rests on, rows of `coverage.employer_evidence`.
        contributions: the estimate by flag and programme, rows of
            `coverage.employer_contributions`.
    """

    period: str
    employer_key: int
    employer: dict[str, Any]
    members: list[Member]
    apart: list[Apart]
    parent: dict[str, Any] | None
    subsidiaries: list[dict[str, Any]]
    npps: list[dict[str, Any]]
    changes: list[dict[str, Any]]
    prior_bits: float | None
    compliance: dict[str, Any] | None
    flag_evidence: list[dict[str, Any]]
    contributions: list[dict[str, Any]]


def explain_employer(
    con: duckdb.DuckDBPyConnection, period: str, key_or_identifier: str
) -> EmployerExplanation:
    """Explain one employer of `spine.employers`.

    Args:
        con: the restricted warehouse with the TEMP view `in_employers`; read-only will do.
        period: the month of the spine.
        key_or_identifier: an employer key, or an NPP, NIB, NPWP or decree number that leads to
            the employer.

    Returns:
        The explanation.

    Raises:
        UsageError: nothing in the month's spine has that key or identifier.
    """
    key = _find(con, period, key_or_identifier)
    bits = _weights(con, period)
    employer = _rows(
        con, "FROM spine.employers WHERE period = ? AND employer_key = ?", [period, key]
    )[0]
    named = "SELECT employer_key, employer_name FROM spine.employers WHERE period = ? AND "
    parent = employer["parent_key"]
    return EmployerExplanation(
        period=period,
        employer_key=key,
        employer={name: value for name, value in employer.items() if name != "period"},
        members=_members(con, period, key, bits),
        apart=_apart(con, period, key, bits),
        parent=next(iter(_rows(con, f"{named} employer_key = ?", [period, parent])), None)
        if parent is not None
        else None,
        subsidiaries=_rows(con, f"{named} parent_key = ? ORDER BY ALL", [period, key]),
        npps=_rows(
            con,
            "SELECT identifier AS npp, region_code FROM linkage.employer_identifiers "
            "WHERE period = ? AND kind = 'npp' AND employer_key = ? ORDER BY ALL",
            [period, key],
        ),
        changes=_rows(
            con,
            "FROM spine.employer_key_changes WHERE old_key = ? OR new_key = ? ORDER BY ALL",
            [key, key],
        ),
        prior_bits=bits.get(("prior", "prior")),
        compliance=next(iter(_published(con, "employer_compliance", period, key)), None),
        flag_evidence=_published(con, "employer_evidence", period, key),
        contributions=_published(con, "employer_contributions", period, key),
    )


def _rows(con: duckdb.DuckDBPyConnection, sql: str, parameters: object) -> list[dict[str, Any]]:
    found = con.execute(sql, parameters)
    names = [column[0] for column in found.description or []]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def _exists(con: duckdb.DuckDBPyConnection, schema: str, table: str) -> bool:
    return bool(
        con.execute(
            "FROM duckdb_tables() WHERE schema_name = ? AND table_name = ?", [schema, table]
        ).fetchone()
    )


def _published(
    con: duckdb.DuckDBPyConnection, table: str, period: str, key: int
) -> list[dict[str, Any]]:
    """Give an employer's rows of a table of coverage; none where the table is not there yet."""
    if not (_exists(con, "coverage", table) and _exists(con, "spine", "employer_keys")):
        return []
    # Tables that are published hold a key of their own, which only the restricted side knows.
    return _rows(
        con,
        f"SELECT * EXCLUDE (period, employer_key) FROM coverage.{table} "
        "WHERE period = $period AND employer_key = (SELECT published_key "
        "FROM spine.employer_keys WHERE period = $period AND employer_key = $key) ORDER BY ALL",
        {"period": period, "key": key},
    )


def _find(con: duckdb.DuckDBPyConnection, period: str, text: str) -> int:
    """Give the key that a text means: the spine's, the published one, or an identifier."""
    if _exists(con, "spine", "employers") and _exists(con, "linkage", "employer_evidence"):
        published = (
            "SELECT employer_key FROM spine.employer_keys WHERE period = $period"
            " AND published_key = $text UNION ALL"
            if _exists(con, "spine", "employer_keys")
            else ""
        )
        found = con.execute(
            f"""
            {published}
            SELECT employer_key FROM spine.employers
            WHERE period = $period AND employer_key::VARCHAR = $text
            UNION ALL
            SELECT DISTINCT employer_key FROM linkage.employer_identifiers
            WHERE period = $period AND identifier = upper($text)
            """,
            {"period": period, "text": text.strip()},
        ).fetchall()
        keys = {int(row[0]) for row in found}
        if len(keys) == 1:
            return keys.pop()
        if keys:
            raise UsageError(
                f"several employers of {period} bear that identifier: name the employer by its key"
            )
        heirs = con.execute(
            "SELECT period, new_key FROM spine.employer_key_changes "
            "WHERE kind = 'merged' AND old_key::VARCHAR = ? ORDER BY ALL",
            [text.strip()],
        ).fetchall()
        if heirs:
            month, heir = heirs[-1]
            raise UsageError(f"that employer became part of {heir} in {month}: explain that one")
    raise UsageError(
        f"no employer of {period} has that key or identifier: take a key from "
        "employer_compliance or spine.employers, or an NPP, NIB or NPWP as delivered, and check "
        "that the month was run"
    )


def _weights(con: duckdb.DuckDBPyConnection, period: str) -> dict[tuple[str, str], float]:
    rows = con.execute(
        "SELECT field, level, bits FROM linkage.employer_model WHERE period = ?", [period]
    ).fetchall()
    return {(name, level): bits for name, level, bits in rows}


def _fields(row: dict[str, Any], bits: dict[tuple[str, str], float]) -> list[FieldBits]:
    return [FieldBits(name, row[name], bits.get((name, row[name]), 0.0)) for name in FIELDS]


def _members(
    con: duckdb.DuckDBPyConnection, period: str, key: int, bits: dict[tuple[str, str], float]
) -> list[Member]:
    joined = _rows(
        con,
        "FROM linkage.employer_evidence WHERE period = ? AND employer_key = ? "
        "AND decision = 'joined' ORDER BY ALL",
        [period, key],
    )
    by_record = {(row["dataset"], row["record_id"]): row for row in joined}
    records = _rows(
        con,
        f"""
        SELECT l.dataset, l.record_id, l.tier, l.reason, l.probability_ppm, e.employer_name,
            e.region_code, {", ".join(f"e.{name}" for name in IDENTIFIERS)}
        FROM linkage.employer_links AS l LEFT JOIN in_employers AS e USING (dataset, record_id)
        WHERE l.period = ? AND l.employer_key = ? ORDER BY l.dataset, l.record_id
        """,
        [period, key],
    )
    borne = {
        (row["dataset"], row["record_id"]): {n: row[n] for n in IDENTIFIERS if row[n]}
        for row in records
    }
    members = []
    for row in records:
        own = (row["dataset"], row["record_id"])
        evidence = by_record.get(own)
        if evidence is None and row["reason"] == "name_and_place":
            # It came along with a record that bears a number of its own.
            evidence = next(
                (by_record[o] for o in by_record if set(borne[own].items()) & set(
                    borne.get(o, {}).items())), None
            )  # fmt: skip
        column = _COLUMN_OF.get(row["reason"])
        by_identifier = row["tier"] == "identifier"
        members.append(
            Member(
                *own,
                row["employer_name"],
                row["region_code"],
                borne[own],
                row["tier"],
                row["reason"],
                row["probability_ppm"] / 1e6,
                identifier=column if by_identifier and column in borne[own] else None,
                compared_with=(evidence["other_dataset"], evidence["other_record_id"])
                if evidence and not by_identifier
                else None,
                fields=_fields(evidence, bits) if evidence and not by_identifier else [],
                total_bits=evidence["bits"] if evidence and not by_identifier else None,
            )
        )
    return members


def _apart(
    con: duckdb.DuckDBPyConnection, period: str, key: int, bits: dict[tuple[str, str], float]
) -> list[Apart]:
    rows = _rows(
        con,
        f"""
        WITH met AS (
            SELECT CASE WHEN employer_key = $key THEN other_key ELSE employer_key END AS other,
                decision, bits, {", ".join(FIELDS)}
            FROM linkage.employer_evidence
            WHERE period = $period AND decision <> 'joined' AND $key IN (employer_key, other_key)
        )
        SELECT m.* EXCLUDE (decision), s.employer_name, s.region_code,
            -- Whatever their records' likeness, what keeps them apart.
            CASE WHEN s.npwp_root <> t.npwp_root THEN 'two_taxpayers' ELSE decision END AS decision
        FROM met AS m JOIN spine.employers AS s ON s.period = $period AND s.employer_key = m.other
        JOIN spine.employers AS t ON t.period = $period AND t.employer_key = $key
        WHERE other <> $key
        QUALIFY row_number() OVER (PARTITION BY other ORDER BY bits DESC, m.decision) = 1
        ORDER BY bits DESC, other LIMIT {TOLD}
        """,
        {"period": period, "key": key},
    )
    compared = [
        Apart(
            row["other"],
            row["employer_name"],
            row["region_code"],
            row["decision"],
            _fields(row, bits),
            row["bits"],
        )
        for row in rows
    ]
    told = {other.employer_key for other in compared}
    return compared + [o for o in _namesakes(con, period, key) if o.employer_key not in told]


def _namesakes(con: duckdb.DuckDBPyConnection, period: str, key: int) -> list[Apart]:
    """Give employers of names alike: those of two taxpayers were never compared."""
    this = f"period = {literal(period)}"
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE emp_asked AS
        SELECT employer_key, employer_name, legal_form, region_code, npwp_root
        FROM spine.employers WHERE {this} AND employer_key = {int(key)}
        """
    )
    parse_names(con, "emp_asked")
    words = [
        word
        for (core,) in con.execute("SELECT core FROM co_names").fetchall()
        for word in core.split()
        if len(word) > 3
    ]
    counts = sorted(
        (
            con.execute(
                f"SELECT count(*) FROM spine.employers WHERE {this} "
                f"AND contains({standard_sql('employer_name')}, ?)",
                [word],
            ).fetchall()[0][0],
            word,
        )
        for word in dict.fromkeys(words)
    )
    if not counts or counts[0][0] > LOOKED_AT:
        return []
    con.execute(
        f"""
        INSERT INTO emp_asked
        SELECT employer_key, employer_name, legal_form, region_code, npwp_root
        FROM spine.employers WHERE {this} AND employer_key <> {int(key)}
            AND contains({standard_sql("employer_name")}, {literal(counts[0][1])})
        """
    )
    parse_names(con, "emp_asked")
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE emp_alike AS
        SELECT o.*, m.core_id AS a, n.core_id AS b, t.npwp_root AS root
        FROM emp_asked AS t JOIN co_names AS m ON m.employer_name = t.employer_name
        JOIN emp_asked AS o ON o.employer_key <> t.employer_key
        JOIN co_names AS n ON n.employer_name = o.employer_name
        WHERE t.employer_key = {int(key)}
        """
    )
    compare_cores(con, "emp_alike")
    rows = con.execute(
        f"""
        SELECT e.employer_key, e.employer_name, e.region_code,
            CASE WHEN e.root <> e.npwp_root THEN 'two_taxpayers' ELSE 'not_compared' END
        FROM emp_alike AS e
        LEFT JOIN co_compared AS l ON l.a = least(e.a, e.b) AND l.b = greatest(e.a, e.b)
        WHERE e.a = e.b OR l.level >= {SUBSET}
        ORDER BY e.a = e.b DESC, l.level DESC, e.employer_key LIMIT {TOLD}
        """
    ).fetchall()
    return [Apart(*row) for row in rows]
