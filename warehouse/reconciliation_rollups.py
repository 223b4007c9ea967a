"""The published tables' sums: every roll-up against the parts it is made of.

Belongs here: which table is the sum of which, over what, and the query that compares them all.
Does not belong here: running it (reconciliation.py), or how tables are computed (sql/coverage).

A roll-up is compared cell by cell: the hash of a cell's keys and figures stands in the sum.
"""

from __future__ import annotations

from dataclasses import dataclass

from warehouse.storage import literal

_STATES = ("workers", "active", "inactive", "unregistered", "gap", "active_low", "gap_high")
_BOUNDS = (*_STATES, "active_high", "gap_low")
_PERSONS = tuple("persons" if name == "workers" else name for name in _BOUNDS)
_LISTED = ("listed", "linked", "review", "unlinked")
_MONEY = (
    "estimated_contribution", "contribution_jkk", "contribution_jkm", "contribution_jht",
    "contribution_jp", "estimated_without_tax",
)  # fmt: skip
_EMPLOYERS = (
    "known_workers", "active_participants", "missing_workers", "missing_workers_without_tax",
    "underreported_workers", *_MONEY,
)  # fmt: skip
_LINKS = ("records", "linked", "review", "unlinked")
_COUNTED = "denominator_id IN ('eligible', 'employed')"
"""Denominators that are sums of counted workers; the survey's has totals of its own."""


@dataclass(frozen=True)
class Rollup:
    """One table that is the sum of another.

    Attributes:
        step: name of the comparison.
        whole: query of the table, or its name.
        part: query or name of the finer table.
        keys: what both are grouped by.
        figures: what is added up; the first is the count that is told.
        where: condition on both sides.
        table: the table it is told under.
    """

    step: str
    whole: str
    part: str
    keys: tuple[str, ...]
    figures: tuple[str, ...]
    where: str = "true"
    table: str = ""

    def sql(self, period: str) -> str:
        """Give the rows of both sides, in the shape of all reconciliation views."""
        keys = ", ".join(self.keys)
        sums = ", ".join(f"coalesce(sum({name}), 0)::DECIMAL(38, 6) AS {name}"
                         for name in self.figures)  # fmt: skip
        hashed = ", ".join((literal(self.step), *self.keys, *self.figures))
        group = f"GROUP BY {keys}" if keys else ""
        sides = []
        for side, relation in (("left", self.whole), ("right", self.part)):
            of_period = f"period = {literal(period)} AND ({self.where})"
            cells = (
                f"SELECT {keys}{', ' if keys else ''}{sums} FROM {relation} AS t "
                f"WHERE {of_period} {group}"
            )
            sides.append(
                f"SELECT {literal(self.step)} AS step, {literal(self.table or self.whole)} AS "
                f"table_name, 'all' AS dataset, '{side}' AS side, {self.figures[0]}::BIGINT AS n, "
                f"hash({hashed})::HUGEINT AS h FROM ({cells})"
            )
        return " UNION ALL ".join(sides)


def _of_level(whole: str, part: str, *keys: str) -> Rollup:
    return Rollup(
        f"from_{part.removeprefix('coverage_by_')}",
        f"coverage.{whole}",
        f"coverage.{part}",
        ("basis", "denominator_id", *keys),
        _BOUNDS,
        _COUNTED,
    )


def _with(expression: str, name: str, table: str) -> str:
    return f"(SELECT *, {expression} AS {name} FROM {table})"


def rollups() -> tuple[Rollup, ...]:
    """Give every comparison."""
    national, cells = "coverage.coverage_national", "coverage.coverage_by_sector_region"
    flags = ("pwbd", "pds_tk", "pds_upah", "pds_program", "arrears")
    flagged = ", ".join(f"list_contains(flags, '{f.upper()}')::INTEGER AS {f}" for f in flags)
    places = ("province_code", "regency_code", "sector_code")
    by_basis = "(SELECT * REPLACE ({} AS basis) FROM coverage.coverage_national WHERE basis = {})"
    levels = (
        _of_level("coverage_by_regency", "coverage_by_sector_region", "regency_code"),
        _of_level("coverage_by_province", "coverage_by_regency", "province_code"),
        _of_level("coverage_by_province", "coverage_by_segment", "province_code"),
        _of_level("coverage_by_sector", "coverage_by_sector_region", "sector_code"),
        _of_level("coverage_national", "coverage_by_province"),
        _of_level("coverage_national", "coverage_by_sector"),
    )
    states = tuple(
        Rollup(
            "states",
            _with(first, "whole", f"coverage.{name}"),
            _with("active + inactive + unregistered", "whole", f"coverage.{name}"),
            keys,
            ("whole",),
            table=f"coverage.{name}",
        )
        for name, first, keys in (
            ("coverage_by_sector_region", "workers", ("basis", "denominator_id", *places)),
            ("coverage_by_segment", "workers",
             ("basis", "denominator_id", "province_code", "segment", "sex", "age_band")),
            ("gap_by_instruction", "persons", ("clause", "dataset", "province_code")),
            ("gap_by_group", "persons", ("clause", "dataset", "group_code", "province_code")),
        )
    )  # fmt: skip
    return (
        *levels,
        *states,
        # The same people, counted where they live and where they work.
        Rollup("bases_agree", by_basis.format("'both'", "'domicile'"),
               by_basis.format("'both'", "'workplace'"), ("denominator_id",), _STATES,
               _COUNTED, table=national),
        Rollup("states_listed", _with("listed", "whole", "coverage.gap_by_instruction"),
               _with("linked + review + unlinked", "whole", "coverage.gap_by_instruction"),
               ("clause", "dataset", "province_code"), ("whole",),
               table="coverage.gap_by_instruction"),
        Rollup("states_listed", _with("listed", "whole", "coverage.gap_by_group"),
               _with("linked + review + unlinked", "whole", "coverage.gap_by_group"),
               ("clause", "dataset", "group_code", "province_code"), ("whole",),
               table="coverage.gap_by_group"),
        # The month's own rule is one of the scenarios.
        Rollup("from_coverage",
               "(SELECT * FROM coverage.sensitivity WHERE scenario = CASE WHEN "
               "getvariable('pppk_is_civil_servant') THEN 'pppk_civil_servant' "
               "ELSE 'pppk_eligible' END)",
               "(SELECT * FROM coverage.coverage_by_province WHERE basis = 'domicile' "
               "AND denominator_id = 'eligible')",
               ("province_code",), ("workers", "active"), table="coverage.sensitivity"),
        Rollup("bridge_provinces", "(SELECT * FROM quality.bridge WHERE area = 'national')",
               "(SELECT * FROM quality.bridge WHERE area = 'province')",
               ("step", "segment"), ("participants",), table="quality.bridge"),
        Rollup("bridge_ends", "(SELECT * FROM quality.bridge WHERE area = 'national' "
               "AND step = 'active_here' AND segment = 'ALL')",
               "(SELECT *, active AS participants FROM coverage.coverage_national "
               "WHERE basis = 'domicile' AND denominator_id = 'eligible')",
               (), ("participants",), table="quality.bridge"),
        Rollup("dimensions_agree",
               "(SELECT * EXCLUDE (dimension), d.dimension FROM quality.linkage_quality AS q "
               "JOIN (SELECT DISTINCT period AS p, dataset AS s, dimension "
               "FROM quality.linkage_quality) AS d ON d.p = q.period AND d.s = q.dataset "
               "WHERE q.dimension = 'all')",
               "quality.linkage_quality", ("dataset", "dimension"), _LINKS,
               table="quality.linkage_quality"),
        Rollup("from_links", "(SELECT * FROM quality.linkage_quality "
               "WHERE dimension = 'all' AND dataset <> 'ALL')",
               "(SELECT period, dataset, 1 AS records, (status = 'linked')::INTEGER AS linked, "
               "(status = 'review')::INTEGER AS review, (status = 'unlinked')::INTEGER AS unlinked "
               "FROM linkage.person_links)", ("dataset",), _LINKS,
               table="quality.linkage_quality"),
        Rollup("employers", "coverage.compliance_by_sector_region",
               f"(SELECT *, 1 AS employers, {flagged} FROM coverage.employer_compliance)",
               places, ("employers", *flags, *_EMPLOYERS)),
        Rollup("contributions", "coverage.employer_compliance",
               "coverage.employer_contributions", ("employer_key",),
               ("estimated_contribution",), "estimated_contribution <> 0"),
        Rollup("evidence", "(SELECT DISTINCT period, employer_key, unnest(flags) AS flag, "
               "1 AS one FROM coverage.employer_compliance)",
               "(SELECT DISTINCT period, employer_key, flag, 1 AS one "
               "FROM coverage.employer_evidence WHERE certainty <> 'upper')",
               ("employer_key", "flag"), ("one",), table="coverage.employer_evidence"),
        Rollup("employer_records", _with("records", "whole", "quality.employer_records"),
               _with("with_employer + unknown_employer + without_identifier", "whole",
                     "quality.employer_records"),
               ("dataset",), ("whole",), table="quality.employer_records"),
        Rollup("certificates", _with("projects", "whole", "coverage.construction_cover"),
               _with("with_certificate + without_certificate", "whole",
                     "coverage.construction_cover"),
               ("province_code", "funding"), ("whole",), table="coverage.construction_cover"),
        Rollup("areas", "(SELECT * FROM coverage.wage_gap WHERE area = 'national')",
               "(SELECT * FROM coverage.wage_gap WHERE area = 'regency')",
               ("sector_code",), ("wage_persons", "under_persons", "reported_wages", "taxed_wages"),
               table="coverage.wage_gap"),
        Rollup("states_gap", _with("workers - active", "whole", cells),
               _with("gap", "whole", cells), ("basis", "denominator_id", *places), ("whole",),
               table=cells),
    )  # fmt: skip


def sql(period: str) -> str:
    """Give the query of all comparisons of a period."""
    return " UNION ALL ".join(rollup.sql(period) for rollup in rollups())
