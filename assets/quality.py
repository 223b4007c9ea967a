"""Quality: what is expected of each dataset and of the period as a whole, as asset checks.

Belongs here: turning expectations into Dagster's asset checks. Does not belong here: the
expectations and how they are judged (expectations/).
"""

from collections.abc import Mapping

import dagster as dg

from sources.contracts import Contract


def build(
    contracts: Mapping[str, Contract], partitions: dg.PartitionsDefinition
) -> list[dg.AssetChecksDefinition]:
    """Give the checks."""
    return []
