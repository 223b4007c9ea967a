"""What a run did: gathered from Dagster's events, while they happen or from the history.

Belongs here: failures, failed checks, the exit code that follows, and what an alert tells of them.
Does not belong here: running anything (runner.py), or showing it (progress.py, cli_run.py).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import dagster as dg
from dagster._utils.error import SerializableErrorInfo

from assets.publication import PUBLICATION_KEY, RELEASE_KEY
from pipelines.alerts import RUN_FAILED, RUN_STOPPED, Item

INTERRUPTED = 130
"""Exit code of a run that was told to stop, as shells have it."""

_PRECEDENCE = (INTERRUPTED, 3, 5, 4, 2, 1)
"""Of several failures the exit code tells the first of these: refused data comes before
what may only follow from it."""

GATE = 4

_STOPPED = dg.DagsterExecutionInterruptedError.__name__
_STOPPED_HERE = "the run was told to stop here; nothing was published, and it can be run again"


@dataclass(frozen=True)
class StepFailure:
    """One failed step.

    Attributes:
        step: key of the step, `stage__name`.
        message: what was wrong and what to do; without any value.
        error: kind of the error.
        exit_code: what it makes the command end with.
        reason_code: of refused data.
    """

    step: str
    message: str
    error: str
    exit_code: int
    reason_code: str | None = None


@dataclass(frozen=True)
class FailedCheck:
    """One check that did not pass, blocking or not."""

    asset: str
    name: str
    blocking: bool
    message: str


@dataclass
class Outcome:
    """What a run did.

    Attributes:
        run_id: the Dagster run.
        success: every step ended well.
        failures: of steps, in order.
        failed_checks: of assets, in order; those that only warn are among them.
        made: metadata of each asset that was made, plain values only, by asset key.
    """

    run_id: str
    success: bool = False
    failures: list[StepFailure] = field(default_factory=list)
    failed_checks: list[FailedCheck] = field(default_factory=list)
    made: dict[str, dict[str, object]] = field(default_factory=dict)

    @property
    def exit_code(self) -> int:
        """0 where all went well, else the code of the failure that comes first."""
        if self.success:
            return 0
        codes = {failure.exit_code for failure in self.failures}
        return next((code for code in _PRECEDENCE if code in codes), 1)

    @property
    def publication(self) -> dict[str, object]:
        """What was published, empty where nothing was."""
        return self.made.get(PUBLICATION_KEY.to_user_string(), {})

    @property
    def release(self) -> dict[str, object]:
        """What was released of it after disclosure control."""
        return self.made.get(RELEASE_KEY.to_user_string(), {})


def items_of(outcome: Outcome) -> list[Item]:
    """Give what an alert tells of a run: failed steps first, then failed checks."""
    return [
        *(
            Item(
                RUN_STOPPED if failure.exit_code == INTERRUPTED else RUN_FAILED,
                failure.step,
                failure.message,
                blocking=True,
            )
            for failure in outcome.failures
        ),
        *(
            Item(check.name, check.asset, check.message, check.blocking)
            for check in outcome.failed_checks
        ),
    ]


def outcome_of(instance: dg.DagsterInstance, run: dg.DagsterRun) -> Outcome:
    """Gather what a run did from the history, such as one that the UI or the daemon started."""
    outcome = Outcome(run.run_id, success=run.status == dg.DagsterRunStatus.SUCCESS)
    told = {
        dg.DagsterEventType.STEP_FAILURE,
        dg.DagsterEventType.ASSET_CHECK_EVALUATION,
    }
    for event in instance.all_logs(run.run_id, of_type=told):
        if event.dagster_event is not None:
            gather(outcome, event.dagster_event)
    return outcome


def gather(outcome: Outcome, event: dg.DagsterEvent) -> None:
    """Add to an outcome what one event tells."""
    kind = event.event_type
    if kind == dg.DagsterEventType.STEP_FAILURE:
        outcome.failures.append(_failure(event))
    elif kind == dg.DagsterEventType.PIPELINE_FAILURE and not outcome.failures:
        outcome.failures.append(_whole(event.job_failure_data.error))
    elif kind == dg.DagsterEventType.ASSET_MATERIALIZATION:
        made = event.materialization
        if made.asset_key is not None:
            outcome.made[made.asset_key.to_user_string()] = {
                name: value.value
                for name, value in made.metadata.items()
                if isinstance(value.value, str | int | float | bool)
                and not isinstance(value, dg.MarkdownMetadataValue)
            }
    elif kind == dg.DagsterEventType.ASSET_CHECK_EVALUATION:
        check = event.asset_check_evaluation_data
        if not check.passed:
            outcome.failed_checks.append(
                FailedCheck(
                    asset=check.asset_key.to_user_string(),
                    name=check.check_name,
                    blocking=bool(check.blocking) and check.severity == dg.AssetCheckSeverity.ERROR,
                    message=check.description or "",
                )
            )


def _failure(event: dg.DagsterEvent) -> StepFailure:
    data = event.step_failure_data
    step = str(event.step_key)
    told = data.user_failure_data
    if told is not None and told.metadata:
        facts = {name: value.value for name, value in told.metadata.items()}
        code = facts.get("reason_code")
        return StepFailure(
            step=step,
            message=told.description or "failed",
            error=str(facts.get("error", "")),
            exit_code=int(str(facts.get("exit_code", 1))),
            reason_code=str(code) if code else None,
        )
    kind = data.error.cls_name if data.error is not None else ""
    if kind == "DagsterAssetCheckFailedError":
        message = "a blocking check failed; what was published before stays"
        return StepFailure(step, message, str(kind), GATE)
    if kind == _STOPPED:
        return StepFailure(step, _STOPPED_HERE, kind, INTERRUPTED)
    return StepFailure(step, _told(data.error), str(kind), 1)


def _whole(error: SerializableErrorInfo | None) -> StepFailure:
    """Tell a failure that no step was in, such as of a run that was stopped before its first."""
    told = _told(error)
    if told.rpartition(".")[2] == _STOPPED:
        return StepFailure("run", _STOPPED_HERE, _STOPPED, INTERRUPTED)
    return StepFailure("run", told, "run", 1)


def _told(error: object) -> str:
    """Tell an error of Dagster's own by the text of its first cause.

    All errors of assets and of the resource have been through the guard, so that what is
    left is Dagster's own, such as an interruption.
    """
    while getattr(error, "cause", None) is not None:
        error = error.cause  # type: ignore[attr-defined]
    message = str(getattr(error, "message", "")).strip()
    return message.splitlines()[0] if message else "the run failed; see it in the UI"
