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
    return [
        _of_month_before(
            "month_close",
            "month-close",
            PERIOD_JOB,
            "0 7 10 * *",
            "On the 10th at 07:00 WIB the month before is run with what has arrived; datasets "
            "that have not are carried over or counted as missing.",
        ),
        # What leaves the house is begun by somebody: an officer turns this on, or makes them.
        _of_month_before(
            "monthly_extracts",
            "extracts",
            EXTRACTS_JOB,
            "0 7 15 * *",
            "On the 15th at 07:00 WIB the extracts of the month before are made; an officer "
            "looks at them and delivers them.",
            status=dg.DefaultScheduleStatus.STOPPED,
        ),
        _of_month_before(
            "half_year_report",
            "report",
            REPORT_JOB,
            "0 7 20 1,7 *",
            "On 20 January and 20 July at 07:00 WIB the report of the half year before is made "
            "(clause 2.1.b).",
        ),
    ]


def _of_month_before(
    name: str,
    key: str,
    job: str,
    cron: str,
    description: str,
    status: dg.DefaultScheduleStatus = dg.DefaultScheduleStatus.RUNNING,
) -> dg.ScheduleDefinition:
    @dg.schedule(
        name=name,
        job_name=job,
        cron_schedule=cron,
        execution_timezone=TIMEZONE,
        default_status=status,
        description=description,
    )
    def due(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        # Dagster gives the time of the tick in UTC; the month is the one in Jakarta.
        now = context.scheduled_execution_time.astimezone(_ZONE)
        period = previous(f"{now:%Y-%m}")
        return dg.RunRequest(run_key=f"{key}-{period}", partition_key=period)

    return due
