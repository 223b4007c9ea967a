"""The suite across tables: what must hold between stages of one period. Written by hand.

Belongs here: checks that no single contract implies, from spine to coverage tables. Does
not belong here: checks of one delivery (suites.py), or computing what is checked.

Every check is critical: where one fails a stage has lost or doubled something, and nothing
may be published. Each is one query that counts what it looked at and what broke it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import duckdb

from expectations.checks import Check, CheckResult
from expectations.judging import Figures, judge
from expectations.runner import write_results
from sources.contracts import PERSON_KINDS, Contract
from warehouse.connection import check_period
from warehouse.errors import CakupanError
from warehouse.storage import literal
from warehouse.tables import table_specs

ALL = "all"
"""Stands for the dataset in the results of checks across datasets."""

_COUNTED = ("eligible", "employed")
"""Denominators that are sums of counted workers; that of the survey has totals of its own."""

_ADDED = ("workers", "active", "inactive", "unregistered", "gap", "active_low", "active_high")


def validate_period(
    con: duckdb.DuckDBPyConnection, contracts: Mapping[str, Contract], period: str
) -> list[CheckResult]:
    """Hold the stages of a period against each other and write the results down.

    Args:
        con: the restricted warehouse, with coverage of the period computed.
        contracts: the contracts of the deployment.
        period: month of the run.

    Returns:
        A result per check. A check whose tables are not there has failed.

    Raises:
        UsageError: the period is no month.
        CakupanError: the database failed; no result was written.
    """
    checks = suite(contracts, check_period(period))
    results = judge(checks, compute(con, checks))
    write_results(con, period, ALL, results)
    return results


def compute(con: duckdb.DuckDBPyConnection, checks: Iterable[Check]) -> dict[str, Figures]:
    """Run each check's query.

    Returns:
        Figures by check name; a check whose tables are not there has none.

    Raises:
        CakupanError: a query failed.
    """
    found = {check.name: _compute(con, check) for check in checks}
    return {name: figures for name, figures in found.items() if figures is not None}


def check_names() -> tuple[str, ...]:
    """Give the names of the checks, without computing or importing anything."""
    return tuple(check.name for check in suite({}, "2000-01"))


def suite(contracts: Mapping[str, Contract], period: str) -> tuple[Check, ...]:
    """Give the checks of a period."""
    return tuple(
        Check(
            name=name,
            table=table,
            expectation="unexpected_rows_expectation",
            column=None,
            severity="critical",
            id=in_indonesian,
            en=in_english,
            subject=subject,
            kwargs={"unexpected_rows_query": query},
            query=query,
        )
        for name, table, subject, query, in_indonesian, in_english in (
            *_spine(period),
            *_links(contracts, period),
            *_coverage(period),
            *_compliance(period),
        )
    )


_Row = tuple[str, str, str, str, str, str]


def _spine(period: str) -> Iterable[_Row]:
    for table, key in (("spine.persons", "person_key"), ("spine.employers", "employer_key")):
        yield (
            f"{key}_unique", table, key,
            f"""SELECT count(*) AS evaluated,
                count(*) - count(DISTINCT {key}) AS unexpected
            FROM {table} WHERE period = {literal(period)}""",
            "Setiap kunci hanya sekali dan tidak kosong", "Every key comes once and is not empty",
        )  # fmt: skip
    yield (
        "persons_present", "spine.persons", "",
        f"""SELECT 1 AS evaluated, (count(*) = 0)::INTEGER AS unexpected
        FROM spine.persons WHERE period = {literal(period)}""",
        "Data kependudukan tidak kosong", "The spine has persons",
    )  # fmt: skip


def _links(contracts: Mapping[str, Contract], period: str) -> Iterable[_Row]:
    of_period = f"period = {literal(period)}"
    links = f"(SELECT * FROM linkage.person_links WHERE {of_period})"
    yield (
        "links_point_to_persons", "linkage.person_links", "person_key",
        f"""SELECT count(*) AS evaluated, count(*) FILTER (s.person_key IS NULL) AS unexpected
        FROM {links} AS l
        LEFT JOIN (SELECT person_key FROM spine.persons WHERE {of_period}) AS s USING (person_key)
        WHERE l.status IN ('linked', 'review') OR l.person_key IS NOT NULL""",
        "Setiap tautan menunjuk orang yang ada", "Every link points to a person that exists",
    )  # fmt: skip
    yield (
        "link_status_consistent", "linkage.person_links", "status",
        f"""SELECT count(*) AS evaluated, count(*) FILTER (NOT coalesce(
            status IN ('linked', 'review', 'unlinked')
            AND (status = 'unlinked') = (person_key IS NULL), false)) AS unexpected
        FROM {links}""",
        "Status tautan sesuai dengan isinya", "The status of a link fits what it holds",
    )  # fmt: skip
    yield (
        "one_link_per_record", "linkage.person_links", "record_id",
        f"""SELECT count(*) AS evaluated,
            count(*) - count(DISTINCT (dataset, record_id)) AS unexpected
        FROM {links}""",
        "Satu tautan untuk setiap catatan", "One link for every record",
    )  # fmt: skip
    lists = [c.key for c in contracts.values() if c.kind in PERSON_KINDS]
    yield (
        "every_record_accounted", "linkage.person_links", "dataset",
        f"""SELECT count(*) AS evaluated,
            count(*) FILTER (c.accepted IS DISTINCT FROM coalesce(l.records, 0)) AS unexpected
        FROM landing.in_force AS f
        LEFT JOIN conformed.counts AS c ON c.dataset = f.dataset
            AND c.period = f.delivery_period AND c.delivery_version = f.version
        LEFT JOIN (SELECT dataset, count(*) AS records FROM {links} GROUP BY dataset) AS l
            ON l.dataset = f.dataset
        WHERE f.{of_period} AND f.state IN ('current', 'carried')
          AND f.dataset IN ({_listed(lists)})""",
        "Untuk setiap daftar orang: diterima = bertaut + diperiksa + tidak bertaut",
        "For every list of persons: accepted = linked + review + unlinked",
    )  # fmt: skip
    single = [c.key for c in contracts.values() if c.cardinality == "one_to_one"]
    yield (
        "one_record_per_person", "linkage.person_links", "dataset, person_key",
        f"""SELECT count(*) AS evaluated,
            count(*) - count(DISTINCT (dataset, person_key)) AS unexpected
        FROM {links} WHERE status = 'linked' AND dataset IN ({_listed(single)})""",
        "Daftar yang memuat setiap orang sekali tidak menautkan seseorang dua kali",
        "A list that names each person once links nobody twice",
    )  # fmt: skip
    yield (
        "rows_balance", "conformed.counts", "delivered",
        f"""SELECT count(*) AS evaluated,
            count(*) FILTER (NOT coalesce(
                c.delivered = c.accepted + c.quarantined + c.duplicates, false)) AS unexpected
        FROM landing.in_force AS f
        LEFT JOIN conformed.counts AS c ON c.dataset = f.dataset
            AND c.period = f.delivery_period AND c.delivery_version = f.version
        WHERE f.{of_period} AND f.state IN ('current', 'carried')""",
        "Setiap kiriman: dikirim = diterima + dikarantina + kembar",
        "Every delivery: delivered = accepted + quarantined + duplicates",
    )  # fmt: skip


def _coverage(period: str) -> Iterable[_Row]:
    of_period = f"period = {literal(period)}"
    measured = [
        spec for spec in table_specs().values()
        if spec.schema == "coverage" and {"workers", "active", "inactive"} <= set(spec.columns)
    ]  # fmt: skip
    for spec in measured:
        for subject, condition, in_indonesian, in_english in (
            (
                "workers", "workers = active + inactive + unregistered",
                "Pekerja = aktif + tidak aktif + belum terdaftar",
                "Workers = active + inactive + unregistered",
            ),
            ("gap", "gap = workers - active",
             "Kesenjangan = pekerja - aktif", "Gap = workers - active"),
            (
                "active", "active_low <= active AND active <= active_high",
                "Batas bawah <= nilai <= batas atas", "Low <= point <= high",
            ),
        ):  # fmt: skip
            yield (
                f"{spec.name}_{subject}", spec.qualified, subject,
                f"""SELECT count(*) AS evaluated,
                    count(*) FILTER (NOT coalesce({condition}, false)) AS unexpected
                FROM {spec.qualified} WHERE {of_period}""",
                in_indonesian, in_english,
            )  # fmt: skip
    for part, whole, keys in (
        ("coverage_by_sector_region", "coverage_by_regency", ("province_code", "regency_code")),
        ("coverage_by_regency", "coverage_by_province", ("province_code",)),
        ("coverage_by_segment", "coverage_by_province", ("province_code",)),
        ("coverage_by_sector_region", "coverage_by_sector", ("sector_code",)),
        ("coverage_by_province", "coverage_national", ()),
        ("coverage_by_sector", "coverage_national", ()),
    ):
        yield (
            f"{whole}_from_{part.removeprefix('coverage_')}", f"coverage.{whole}",
            f"sum of {part}", _rollup(part, whole, keys, of_period),
            "Jumlah rincian sama dengan totalnya", "The parts add up to the whole",
        )  # fmt: skip


_SUMMED = (
    "known_workers", "active_participants", "missing_workers", "missing_workers_without_tax",
    "underreported_workers", "estimated_contribution", "contribution_jkk", "contribution_jkm",
    "contribution_jht", "contribution_jp", "estimated_without_tax",
)  # fmt: skip


def _compliance(period: str) -> Iterable[_Row]:
    of_period = f"period = {literal(period)}"
    employers = f"(SELECT * FROM coverage.employer_compliance WHERE {of_period})"
    flags = ", ".join(
        f"count(*) FILTER (list_contains(flags, '{flag}')) AS {flag.lower()}"
        for flag in ("PWBD", "PDS_TK", "PDS_UPAH", "PDS_PROGRAM", "ARREARS")
    )
    sums = ", ".join(f"sum({name}) AS {name}" for name in _SUMMED)
    names = ("employers", "pwbd", "pds_tk", "pds_upah", "pds_program", "arrears", *_SUMMED)
    differs = " OR ".join(f"c.{name} IS DISTINCT FROM e.{name}" for name in names)
    yield (
        "employers_once", "coverage.employer_compliance", "employer_key",
        f"""SELECT count(*) AS evaluated,
            count(*) - count(DISTINCT employer_key) AS unexpected FROM {employers}""",
        "Setiap pemberi kerja hanya sekali", "Every employer comes once",
    )  # fmt: skip
    yield (
        "employers_unnamed", "coverage.employer_compliance", "employer_name",
        f"""SELECT count(*) AS evaluated, count(*) FILTER (
            employer_name IS NOT NULL AND coalesce(natural_person, true)) AS unexpected
        FROM {employers}""",
        "Usaha perseorangan tampil tanpa nama",
        "Businesses of natural persons have no name",
    )  # fmt: skip
    yield (
        "flags_nested", "coverage.employer_compliance", "flags",
        f"""SELECT count(*) AS evaluated, count(*) FILTER (NOT coalesce(
            list_has_all(flags_upper, flags) AND list_has_all(flags, flags_certain)
            AND list_has_all(flags, flags_without_tax), false)) AS unexpected
        FROM {employers}""",
        "Indikasi pasti termasuk indikasi, dan tanpa data pajak tidak bertambah",
        "Certain flags are flags, and without tax data there are no more of them",
    )  # fmt: skip
    yield (
        "contributions_add_up", "coverage.employer_contributions", "estimated_contribution",
        f"""SELECT count(*) AS evaluated, count(*) FILTER (
            e.estimated_contribution IS DISTINCT FROM coalesce(c.contribution, 0)) AS unexpected
        FROM {employers} AS e
        FULL JOIN (
            SELECT employer_key, sum(estimated_contribution) AS contribution
            FROM coverage.employer_contributions WHERE {of_period} GROUP BY employer_key
        ) AS c USING (employer_key)""",
        "Rincian iuran sama dengan perkiraan setiap pemberi kerja",
        "The contributions of an employer add up to its estimate",
    )  # fmt: skip
    yield (
        "compliance_from_employers", "coverage.compliance_by_sector_region",
        "sum of employer_compliance",
        f"""SELECT count(*) AS evaluated, count(*) FILTER ({differs}) AS unexpected
        FROM (SELECT * FROM coverage.compliance_by_sector_region WHERE {of_period}) AS c
        FULL JOIN (
            SELECT province_code, regency_code, sector_code, count(*) AS employers, {flags}, {sums}
            FROM {employers} GROUP BY ALL
        ) AS e USING (province_code, regency_code, sector_code)""",
        "Jumlah menurut daerah dan lapangan usaha sama dengan rinciannya",
        "The totals by region and sector are those of their employers",
    )  # fmt: skip
    yield (
        "employer_records_balance", "quality.employer_records", "records",
        f"""SELECT count(*) AS evaluated, count(*) FILTER (
            records <> with_employer + unknown_employer + without_identifier) AS unexpected
        FROM quality.employer_records WHERE {of_period}""",
        "Catatan terbuka = sampai pada pemberi kerja + tidak dikenal + tanpa nomor",
        "Open records = with an employer + unknown + without a number",
    )  # fmt: skip
    yield (
        "certificates_balance", "coverage.construction_cover", "projects",
        f"""SELECT count(*) AS evaluated, count(*) FILTER (
            projects <> with_certificate + without_certificate
            OR value_without_certificate > contract_value) AS unexpected
        FROM coverage.construction_cover WHERE {of_period}""",
        "Proyek = dengan sertifikat + tanpa sertifikat",
        "Projects = with a certificate + without one",
    )  # fmt: skip


def _rollup(part: str, whole: str, keys: tuple[str, ...], of_period: str) -> str:
    """Compare a table with the sums of a finer one, cell by cell and both ways."""
    grain = ", ".join(("basis", "denominator_id", *keys))
    counted = f"{of_period} AND denominator_id IN ({_listed(_COUNTED)})"
    sums = ", ".join(f"sum({name}) AS {name}" for name in _ADDED)
    differs = " OR ".join(f"w.{name} IS DISTINCT FROM p.{name}" for name in _ADDED)
    return f"""SELECT count(*) AS evaluated, count(*) FILTER ({differs}) AS unexpected
        FROM (SELECT * FROM coverage.{whole} WHERE {counted}) AS w
        FULL JOIN (
            SELECT {grain}, {sums} FROM coverage.{part} WHERE {counted} GROUP BY {grain}
        ) AS p USING ({grain})"""


def _compute(con: duckdb.DuckDBPyConnection, check: Check) -> Figures | None:
    fault = ""
    try:
        row = con.execute(check.query).fetchone()
        evaluated, unexpected = row or (0, 0)
        return Figures(int(evaluated or 0), int(unexpected or 0), int(evaluated or 0))
    except (duckdb.CatalogException, duckdb.BinderException):
        return None
    except duckdb.Error as error:
        fault = type(error).__name__
    raise CakupanError(
        f"check {check.name} on {check.table} failed ({fault}); no result was written. Run its "
        "query in the DuckDB shell on the restricted home for the details."
    )


def _listed(values: Iterable[str]) -> str:
    return ", ".join(literal(value) for value in values) or "NULL"
