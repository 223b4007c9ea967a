"""The queries of conforming: from landed text to judged rows, and what becomes of each row.

Belongs here: the layered query over one delivery, the reasons for which a row is set aside,
and the choice among rows that carry the same key. Does not belong here: how one cell is
read (kinds.py), or writing the outcome (the package itself).

The temporary tables, one row per landed row unless said otherwise:

    conforming_work    pos (row id in the landing table), file, row_number, the conformed
                       columns, and `codes`: why the row cannot be used, else NULL
    conforming_aside   pos, codes, duplicate: only the rows that are not accepted
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from sources.conforming.cells import Cell, clean_sql, cleaned_name, trim_sql
from sources.conforming.kinds import cell
from sources.contracts import PERSON_KINDS, Contract, ContractColumn
from sources.identifiers import NIK_REASONS
from warehouse.storage import literal, quote, text_key

WORK = "temp.conforming_work"
ASIDE = "temp.conforming_aside"

SAME_NAME = 0.95
"""Jaro-Winkler similarity, letters only, from which two spellings name one person, given
that NIK and birth date agree. Twins (HASAN and HUSEN) stay below it."""


_UNREADABLE_KEYS = {"npwp": "NPWP_INVALID", "nib": "NIB_INVALID"}
"""What is told of a key that is given and cannot be read; a NIK tells its own reason."""


@dataclass(frozen=True)
class Output:
    """One column of a conformed table, with its value over the judged layer.

    Attributes:
        name: its name.
        sql_type: its DuckDB type.
        comment: its comment in both languages.
        content: whether it enters `row_hash`.
    """

    name: str
    sql_type: str
    comment: str
    content: bool = False


def outputs(contract: Contract) -> tuple[Output, ...]:
    """Give the columns of a conformed table in their order."""
    found = [
        Output("period", "VARCHAR", "ID: Bulan kiriman | EN: Month of the delivery"),
        Output("delivery_version", "INTEGER", "ID: Versi kiriman | EN: Version of the delivery"),
        Output("record_id", "VARCHAR", "ID: Kunci catatan | EN: Key of the record"),
    ]
    cells = _cells(contract, dt.date(2000, 1, 1))
    for column in contract.columns:
        if column.name != "record_id":
            found.append(Output(column.name, column.sql_type, column.comment, content=True))
        found += [
            Output(extra.name, extra.sql_type, extra.comment, extra.content)
            for extra in cells[column.name].extras
        ]
    found += [
        Output(
            "flags",
            "VARCHAR[]",
            "ID: Kode alasan sel yang dikosongkan atau diragukan"
            " | EN: Reason codes of cells kept as missing or doubtful",
        ),
        Output("row_hash", "UBIGINT", "ID: Sidik isi catatan | EN: Hash of the canonical content"),
        Output("file", "VARCHAR", "ID: Nama berkas asal | EN: File it came from"),
        Output("row_number", "BIGINT", "ID: Nomor baris dalam berkas | EN: Data row in the file"),
    ]
    return tuple(found)


def quarantine_reasons(contract: Contract) -> tuple[str, ...]:
    """Give the reason codes for which rows of a contract may be set aside here, sorted."""
    kind = contract.key_column.kind
    codes = {"MISSING_KEY", "MISSING_NAME", "SUPERSEDED"}
    codes.update(NIK_REASONS if kind == "nik" else ())
    codes.update({_UNREADABLE_KEYS[kind]} if kind in _UNREADABLE_KEYS else ())
    codes.update({"NIK_NOT_UNIQUE"} if contract.kind == "population" else ())
    codes.update({"NOTHING_TO_LINK_BY"} if contract.kind in PERSON_KINDS else ())
    return tuple(sorted(codes))


def flag_reasons(contract: Contract) -> tuple[str, ...]:
    """Give the reason codes that rows of a contract may carry in `flags`, sorted."""
    cells = _cells(contract, dt.date(2000, 1, 1))
    return tuple(sorted({code for code, _ in _flag_conditions(contract, cells)}))


def work_sql(
    contract: Contract, period: str, version: int, as_of: dt.date, landed: str = ""
) -> str:
    """Give the query that reads and judges every landed row of one delivery.

    Args:
        contract: the dataset's.
        period: the delivery's month.
        version: the delivery's version.
        as_of: last day of the month.
        landed: what is read in place of the landing table, such as its rows with a steward's
            corrections laid over them.
    """
    cells = _cells(contract, as_of)
    trimmed = [f"{trim_sql(c)} AS {quote(c.name)}" for c in contract.columns]
    cleaned = [f"{clean_sql(c)} AS {cleaned_name(c.name)}" for c in contract.columns]
    cleaned += [f"{sql} AS {name}" for part in cells.values() for name, sql in part.keys]
    parsed = [f"{sql} AS {name}" for part in cells.values() for name, sql in part.parsed]
    judged = [f"{part.value} AS {quote(name)}" for name, part in cells.items()]
    judged += [
        f"{extra.value} AS {quote(extra.name)}" for part in cells.values() for extra in part.extras
    ]
    joins = " ".join(join for part in cells.values() for join in part.joins)
    kept = [
        quote(column.name)
        for column in outputs(contract)[3:]
        if column.name not in ("flags", "row_hash", "file", "row_number")
    ]
    return f"""
        SELECT
            pos, file, row_number, {quote(contract.key_column.name)} AS record_id,
            {", ".join(kept)},
            {_flags_sql(contract, cells)} AS flags,
            {_row_hash_sql(contract)} AS row_hash,
            {_codes_sql(contract)} AS codes
        FROM (
            SELECT p.*, {", ".join(judged)}
            FROM (
                SELECT *{"".join(", " + expression for expression in parsed)}
                FROM (
                    SELECT pos, file, row_number, {", ".join(cleaned)}
                    FROM (
                        SELECT rowid AS pos, file, row_number, {", ".join(trimmed)}
                        FROM {landed or f"landing.{quote(contract.key)}"}
                        WHERE period = {literal(period)} AND delivery_version = {int(version)}
                    )
                )
            ) AS p {joins}
        )"""


def aside_sql(contract: Contract) -> str:
    """Give the query of the rows that are not accepted, from `WORK`.

    Rows that cannot be used on their own come first. Among the others of one key, an exact
    repetition is a duplicate (its last occurrence stays); of what then differs, one is used.
    """
    reasons = "".join(f", {quote(c.name + '_reason')}" for c in contract.columns_of_kind("nik"))
    later = "file DESC, row_number DESC, pos DESC"
    return f"""
        WITH twice AS (
            SELECT w.*
            FROM {WORK} AS w
            SEMI JOIN (
                SELECT record_id FROM {WORK} WHERE codes IS NULL
                GROUP BY record_id HAVING count(*) > 1
            ) AS k ON k.record_id = w.record_id
            WHERE w.codes IS NULL
        ),
        repeated AS (
            SELECT *, row_number() OVER (
                PARTITION BY record_id, row_hash, flags{reasons} ORDER BY {later}
            ) > 1 AS duplicate
            FROM twice
        ),
        different AS (SELECT * FROM repeated WHERE NOT duplicate),
        ranked AS ({_ranked_sql(contract, later)})
        SELECT pos, codes, false AS duplicate FROM {WORK} WHERE codes IS NOT NULL
        UNION ALL
        SELECT pos, NULL, true FROM repeated WHERE duplicate
        UNION ALL
        SELECT pos, [code], false FROM ranked WHERE code IS NOT NULL"""


def raw_sql(contract: Contract, row: str) -> str:
    """Give the JSON text of a landed row, as it was delivered."""
    fields = ", ".join(f"{literal(c.name)}: {row}.{quote(c.name)}" for c in contract.columns)
    return f"to_json({{{fields}}})::VARCHAR"


def _cells(contract: Contract, as_of: dt.date) -> dict[str, Cell]:
    return {column.name: cell(contract, column, as_of) for column in contract.columns}


def _ranked_sql(contract: Contract, later: str) -> str:
    """Rank rows of one key that differ; `code` says why a row is not the one that is used."""
    if contract.kind != "population":
        first = ""
        if contract.kind == "membership" and contract.column("last_paid_period"):
            first = "last_paid_period DESC NULLS LAST, "
        return f"""
            SELECT pos, CASE WHEN row_number() OVER (
                PARTITION BY record_id ORDER BY {first}{later}
            ) > 1 THEN 'SUPERSEDED' END AS code
            FROM different"""
    # One NIK twice: the fuller row of one person, or two persons and then neither.
    filled = " + ".join(
        f"({quote(c.name)} IS NOT NULL{_known(c)})::INTEGER" for c in contract.columns
    )
    name = quote(contract.name_column.name)
    letters = f"regexp_replace(upper(strip_accents({name})), '[^A-Z]', '', 'g')"
    agree = [f"jaro_winkler_similarity(letters, first_value(letters) OVER key) >= {SAME_NAME}"]
    agree += [
        f"coalesce({quote(name)} = first_value({quote(name)} IGNORE NULLS) OVER key, true)"
        for name in ("birth_date", "sex")
        if contract.column(name)
    ]
    return f"""
        SELECT pos, CASE
            WHEN NOT bool_and(agrees) OVER (PARTITION BY record_id) THEN 'NIK_NOT_UNIQUE'
            WHEN place > 1 THEN 'SUPERSEDED'
        END AS code
        FROM (
            SELECT pos, record_id, row_number() OVER key AS place,
                {" AND ".join(agree)} AS agrees
            FROM (SELECT *, {filled} AS filled, {letters} AS letters FROM different)
            WINDOW key AS (
                PARTITION BY record_id ORDER BY filled DESC, {later}
                ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
            )
        )"""


def _known(column: ContractColumn) -> str:
    return f" AND {quote(column.name)} <> '0000'" if column.kind == "region" else ""


def _flag_conditions(contract: Contract, cells: dict[str, Cell]) -> list[tuple[str, str]]:
    """Give code and condition of every flag that a row of the contract may carry."""
    flags = [flag for part in cells.values() for flag in part.flags]
    if all(contract.column(name) for name in ("nik", "birth_date")):
        # The digits of a woman's day are raised by 40 (fault 19, 20).
        flags.append(
            (
                "NIK_BIRTH_DATE_DIFFERS",
                "nik IS NOT NULL AND birth_date IS NOT NULL AND NOT ("
                "substr(nik, 7, 2)::TINYINT % 40 = day(birth_date)"
                " AND substr(nik, 9, 2)::TINYINT = month(birth_date)"
                " AND substr(nik, 11, 2)::TINYINT = year(birth_date) % 100)",
            )
        )
    if all(contract.column(name) for name in ("nik", "sex")):
        flags.append(
            (
                "NIK_SEX_DIFFERS",
                "nik IS NOT NULL AND sex IS NOT NULL AND (substr(nik, 7, 1) >= '4') <> (sex = 'P')",
            )
        )
    return flags


def _flags_sql(contract: Contract, cells: dict[str, Cell]) -> str:
    flags = _flag_conditions(contract, cells)
    if not flags:
        return "[]::VARCHAR[]"
    # Few rows have any, so the list is only built where one condition holds.
    some = " OR ".join(f"({condition})" for _, condition in flags)
    entries = ", ".join(
        f"CASE WHEN {condition} THEN {literal(code)} END" for code, condition in flags
    )
    return f"CASE WHEN {some} THEN list_sort(list_distinct([{entries}])) ELSE [] END"


def _row_hash_sql(contract: Contract) -> str:
    """Hash the canonical content; MD5, because DuckDB's own hash may change between versions."""
    values = ", ".join(
        f"coalesce({quote(column.name)}::VARCHAR, chr(30))"
        for column in outputs(contract)
        if column.content
    )
    return text_key(f"concat_ws(chr(31), {quote(contract.key_column.name)}, {values})")


def _codes_sql(contract: Contract) -> str:
    """Give why a row cannot be used whatever the others are, NULL where it can."""
    key, name = contract.key_column, contract.name_column
    why = "'MISSING_KEY'"
    if key.kind == "nik":
        unreadable = quote(f"{key.name}_reason")
    else:
        unreadable = literal(_UNREADABLE_KEYS.get(key.kind, "MISSING_KEY"))
    given = f"CASE WHEN {cleaned_name(key.name)} IS NOT NULL THEN {unreadable} END"
    reasons = [
        (f"{quote(key.name)} IS NULL", f"coalesce({given}, {why})"),
        (f"{quote(name.name)} IS NULL", "'MISSING_NAME'"),
    ]
    if contract.kind in PERSON_KINDS:
        reasons.append((_nothing_sql(contract), "'NOTHING_TO_LINK_BY'"))
    some = " OR ".join(f"({condition})" for condition, _ in reasons)
    codes = ", ".join(f"CASE WHEN {condition} THEN {code} END" for condition, code in reasons)
    return f"CASE WHEN {some} THEN list_filter([{codes}], lambda code: code IS NOT NULL) END"


def _nothing_sql(contract: Contract) -> str:
    """A record with no usable NIK, a name without a single letter, and no other evidence."""
    name = quote(contract.name_column.name)
    others = ("nik", "birth_date", "birth_place", "mother_name", "address")
    absent = [f"{quote(c)} IS NULL" for c in others if contract.column(c)]
    return " AND ".join([f"NOT regexp_matches({name}, '\\pL')", *absent])
