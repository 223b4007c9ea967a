"""Schedules: the month's deadline, its extracts, and the report of the half year.

Belongs here: what runs at a time of day. Does not belong here: what runs because something
arrived (sensors.py).
"""

from zoneinfo import ZoneInfo

import dagster as dg

from pipelines.jobs import EXTRACTS_JOB, PERIOD_JOB, REPORT_JOB
from pipelines.partitions import TIMEZONE, previous

_ZONE = ZoneInfo(TIMEZONE)


def build() -> list[dg.ScheduleDefinition]:
    """Give the schedules."""

    @dg.schedule(
        name="month_close",
        job_name=PERIOD_JOB,
        cron_schedule="0 7 10 * *",
        execution_timezone=TIMEZONE,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=(
            "On the 10th at 07:00 WIB the month before is run with what has arrived; datasets "
            "that have not are carried over or counted as missing."
        ),
    )
    def month_close(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        # Dagster gives the time of the tick in UTC; the month is the one in Jakarta.
        now = context.scheduled_execution_time.astimezone(_ZONE)
        period = previous(f"{now:%Y-%m}")
        return dg.RunRequest(run_key=f"month-close-{period}", partition_key=period)

    @dg.schedule(
        name="monthly_extracts",
        job_name=EXTRACTS_JOB,
        cron_schedule="0 7 15 * *",
        execution_timezone=TIMEZONE,
        # What leaves the house is begun by somebody: an officer turns this on, or makes them.
        default_status=dg.DefaultScheduleStatus.STOPPED,
        description=(
            "On the 15th at 07:00 WIB the extracts of the month before are made; an officer "
            "looks at them and delivers them."
        ),
    )
    def monthly_extracts(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        now = context.scheduled_execution_time.astimezone(_ZONE)
        period = previous(f"{now:%Y-%m}")
        return dg.RunRequest(run_key=f"extracts-{period}", partition_key=period)

    @dg.schedule(
        name="half_year_report",
        job_name=REPORT_JOB,
        cron_schedule="0 7 20 1,7 *",
        execution_timezone=TIMEZONE,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=(
            "On 20 January and 20 July at 07:00 WIB the report of the half year before is made "
            "(clause 2.1.b)."
        ),
    )
    def half_year_report(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        now = context.scheduled_execution_time.astimezone(_ZONE)
        period = previous(f"{now:%Y-%m}")
        return dg.RunRequest(run_key=f"report-{period}", partition_key=period)

    return [month_close, monthly_extracts, half_year_report]
