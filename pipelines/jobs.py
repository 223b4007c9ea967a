"""Jobs: what is run together.

Belongs here: selections of assets under a name. Does not belong here: when they run
(schedules.py, sensors.py).
"""

from typing import TYPE_CHECKING

import dagster as dg

from assets.dashboard import DASHBOARD_KEY
from assets.extracts import GROUP as EXTRACTS
from assets.publication import PUBLICATION_KEY, RELEASE_KEY
from assets.quality import RECONCILIATION_KEY, RESULTS_KEY
from assets.report import GROUP as REPORT

if TYPE_CHECKING:
    # Dagster gives the type of a public function's result no public name.
    from dagster._core.definitions.unresolved_asset_job_definition import (
        UnresolvedAssetJobDefinition,
    )

PERIOD_JOB = "period"
PUBLISH_JOB = "publish"
EXTRACTS_JOB = "extracts"
REPORT_JOB = "report"


def build() -> "list[UnresolvedAssetJobDefinition]":
    """Give the jobs: a whole period, publishing alone, and the extracts of what is published."""
    return [
        dg.define_asset_job(
            PERIOD_JOB,
            selection=dg.AssetSelection.all() - dg.AssetSelection.groups(EXTRACTS, REPORT),
            executor_def=dg.in_process_executor,
            description="Everything of one period, from its deliveries to its publication.",
        ),
        dg.define_asset_job(
            PUBLISH_JOB,
            selection=dg.AssetSelection.assets(
                RESULTS_KEY, RECONCILIATION_KEY, PUBLICATION_KEY, RELEASE_KEY, DASHBOARD_KEY
            ),
            executor_def=dg.in_process_executor,
            description=(
                "Publish a period again from what the restricted warehouse holds, if its stages "
                "agree."
            ),
        ),
        dg.define_asset_job(
            EXTRACTS_JOB,
            selection=dg.AssetSelection.groups(EXTRACTS),
            executor_def=dg.in_process_executor,
            description="The extracts of a period's latest publication, for all addressees.",
        ),
        dg.define_asset_job(
            REPORT_JOB,
            selection=dg.AssetSelection.groups(REPORT),
            executor_def=dg.in_process_executor,
            description="The six-monthly report that closes with a period.",
        ),
    ]
