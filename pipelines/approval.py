"""The job `approve_delivery`: deciding on a held delivery from the Launchpad.

Belongs here: the job, its configuration, and what its page shows. Does not belong here: the
decision itself and its log (sources/volume.py), which `cakupan approve` uses as well.
"""

import dagster as dg
from pydantic import Field

from assets.stage import POOL, Stage, guarded
from sources.volume import decide
from warehouse.connection import check_period
from warehouse.errors import UsageError

APPROVE_JOB = "approve_delivery"


class ApprovalConfig(dg.Config):
    """What is decided, by whom and why."""

    dataset: str = Field(description="key of the dataset")
    period: str = Field(description="the delivery's month, YYYY-MM")
    reason: str = Field(description="why; kept with the decision")
    by: str = Field(description="who decides")
    version: int | None = Field(
        default=None, description="the delivery's version; the latest held one if unset"
    )
    reject: bool = Field(default=False, description="leave the delivery out for good")


@dg.op(
    name="decide_on_delivery",
    pool=POOL,
    description="Take a held delivery into force, or leave it out; the month is run again after.",
)
def decide_on_delivery(
    context: dg.OpExecutionContext,
    config: ApprovalConfig,
    warehouse: dg.ResourceParam[Stage],
) -> int:
    """Decide, and give the delivery's version."""

    @guarded
    def body() -> int:
        if config.dataset not in warehouse.contracts:
            raise UsageError(f"there is no dataset {config.dataset!r}")
        if not config.by.strip():
            raise UsageError("say who decides (by); it is kept with the decision")
        decision = decide(
            warehouse.con,
            warehouse.home,
            config.dataset,
            check_period(config.period),
            approve=not config.reject,
            reason=config.reason,
            by=config.by,
            version=config.version,
        )
        context.add_output_metadata(
            {
                "decision": decision.word,
                "dataset": decision.dataset,
                "period": decision.period,
                "version": decision.version,
                "rows": decision.rows,
                "by": decision.by,
                "reason": decision.reason,
            }
        )
        return decision.version

    return body()


def build() -> dg.JobDefinition:
    """Give the job."""

    @dg.job(
        name=APPROVE_JOB,
        executor_def=dg.in_process_executor,
        description=(
            "Approve (or reject) a delivery that is held because it is far smaller or larger "
            "than the last. Who, when and why are added to the home's approvals.jsonl."
        ),
    )
    def approve_delivery() -> None:
        decide_on_delivery()

    return approve_delivery
