"""How employers of the sample world keep the rules, as data/compliance.yaml declares it.

Belongs here: reading that table, and SQL of choices that more than one module makes. Does not
belong here: the firms, cards and projects that follow the choices.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import yaml

from sources.world.draws import Draws

UNDERSTATED = 0.75
"""What is left of a wage that an employer reports as less, or of a minimum it does not keep."""


@dataclass(frozen=True)
class Compliance:
    """Rates of every failure, fractions from 0 to 1.

    Attributes:
        registered: employers with an NPP, by scale.
        registered_public: public bodies with one.
        by_branch: larger employers with one NPP a branch.
        partial: registrations, by size, that leave workers out.
        arrears: part of the missing members whose employer does not pay.
        too_few_programmes: programmes taken instead of the obliged ones, with their share.
        reports_minimum_wage: registrations that report the minimum wage at most.
        reports_less: registrations that report less than the wage.
        pays_below_minimum: larger employers that pay less than the minimum wage.
        certificate: construction projects with a certificate, by funding.
    """

    registered: Mapping[str, float]
    registered_public: float
    by_branch: float
    partial: float
    arrears: float
    too_few_programmes: Mapping[str, float]
    reports_minimum_wage: float
    reports_less: float
    pays_below_minimum: float
    certificate: Mapping[str, float]


@cache
def compliance() -> Compliance:
    """Read the declared rates."""
    text = files("sources.world").joinpath("data", "compliance.yaml").read_text(encoding="utf-8")
    return Compliance(**{name: entry["rates"] for name, entry in yaml.safe_load(text).items()})


def wage_policy_sql(d: Draws, registration: str) -> str:
    """SQL of what a registration reports of wages: `full`, `minimum` or `less`."""
    rates, draw = compliance(), d.unit(registration, "npp reports")
    return (
        f"CASE WHEN {draw} < {rates.reports_minimum_wage} THEN 'minimum' "
        f"WHEN {draw} < {rates.reports_minimum_wage + rates.reports_less} THEN 'less' "
        "ELSE 'full' END"
    )


def reported_wage_sql(policy: str, wage: str, minimum: str) -> str:
    """SQL of the wage that is reported of a worker, in rupiah a month.

    Args:
        policy: SQL of the registration's policy.
        wage: SQL of the true wage, NULL where no job stands behind the card.
        minimum: SQL of the minimum wage where the work is done.
    """
    paid = f"coalesce({wage}, {minimum})"
    return (
        f"CASE {policy} WHEN 'minimum' THEN least({paid}, {minimum}) "
        f"WHEN 'less' THEN ({UNDERSTATED} * {paid})::BIGINT // 1000 * 1000 ELSE {paid} END::BIGINT"
    )
