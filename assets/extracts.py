"""Extracts: what the addressees of the instruction may have, by group of addressees.

Belongs here: one multi-asset, an output for each group, and its checks. Does not belong here:
what is given to whom (publishing/extracts/contracts), and delivery, which an officer starts.
"""

import hashlib
from collections.abc import Iterator
from functools import partial, update_wrapper

import dagster as dg

from assets.metadata import markdown_table
from assets.publication import PUBLICATION_KEY, RELEASE_KEY
from assets.stage import POOL, Stage, guarded
from publishing.audit import AuditLog
from publishing.extracts.contracts import load_extract_contracts
from publishing.extracts.folder import MANIFEST, check_folder, read_manifest
from publishing.extracts.issuing import issue
from publishing.extracts.making import ExtractReport, the_signer
from publishing.extracts.recipients import Directory

GROUP = "extracts"
_MONTH = len("2026-10")

SCOPES = {
    "national": ("none", "Extracts of the 24 addressees of the nation."),
    "provinces": ("province", "Extracts of the 38 governors, each of the own province."),
    "regencies": ("regency", "Extracts of the 514 regents and mayors, each of the own regency."),
}
"""Groups of addressees: the region scope of their contracts, and what is made."""


CHECKS = {
    "complete": "Every recipient of the group has a folder of this publication.",
    "as_signed": "Every file is the one of its signed manifest, and there is none besides.",
    "logged": "Every extract is in the audit log, whose chain is whole and whose head is signed.",
    "lists_encrypted": "Lists of employers or persons are encrypted files, and nothing else is.",
}
"""Checks of each group, run when it is made."""

_AGE = b"age-encryption.org/v1\n"


def extract_key(group: str) -> dg.AssetKey:
    """Give the asset key of a group of addressees."""
    return dg.AssetKey([GROUP, group])


def addressees(group: str) -> list[int]:
    """Give the numbers of a group's addressees."""
    scope, _ = SCOPES[group]
    return [n for n, c in load_extract_contracts().items() if c.region_scope == scope]


def build(partitions: dg.PartitionsDefinition) -> list[dg.AssetsDefinition]:
    """Give the multi-asset of the extracts; any of its groups can be made alone.

    Args:
        partitions: the months.
    """
    specs = [
        dg.AssetSpec(
            extract_key(group),
            deps=[PUBLICATION_KEY, RELEASE_KEY],
            group_name=GROUP,
            owners=["team:data-analysis"],
            kinds={"excel", "csv", "parquet"},
            description=text,
            metadata={"addressees": ", ".join(map(str, addressees(group)))},
            partitions_def=partitions,
        )
        for group, (_, text) in SCOPES.items()
    ]

    check_specs = [
        dg.AssetCheckSpec(name, asset=extract_key(group), description=text)
        for group in SCOPES
        for name, text in CHECKS.items()
    ]

    @dg.multi_asset(
        name="extracts_of_month", specs=specs, check_specs=check_specs, pool=POOL, can_subset=True
    )
    def extracts(
        context: dg.AssetExecutionContext, warehouse: dg.ResourceParam[Stage]
    ) -> Iterator[dg.MaterializeResult]:
        for group in SCOPES:
            if extract_key(group) in context.selected_asset_keys:
                body = partial(_issue, warehouse, context.partition_key, group)
                yield guarded(update_wrapper(body, _issue))()

    return [extracts]


def _issue(stage: Stage, period: str, group: str) -> dg.MaterializeResult:
    made = issue(
        stage.home,
        stage.settings,
        period,
        addressees=addressees(group),
        con=stage.con,
        log=stage.log,
    )
    return dg.MaterializeResult(
        extract_key(group),
        check_results=_checks(stage, made, group),
        metadata={
            "path": dg.MetadataValue.path(str(made.folder)),
            "publication": made.publication,
            "made": made.made,
            "kept": made.kept,
            "files": made.files,
            "dagster/partition_row_count": made.rows,
            "lists": made.lists,
            "absent_tables": ", ".join(made.absent),
            "withheld": markdown_table(("reason", "lists"), sorted(made.withheld.items())),
        },
    )


def _checks(stage: Stage, made: ExtractReport, group: str) -> list[dg.AssetCheckResult]:
    """Look at what stands on disk, not at what was meant to be made."""
    contracts = [load_extract_contracts()[number] for number in addressees(group)]
    directory = Directory(made.publication[:_MONTH])
    wanted = [
        made.folder / contract.folder / recipient.region_code
        for contract in contracts
        for recipient in directory.recipients(contract, None)
    ]
    signer = the_signer(stage.home, stage.settings)
    audit = AuditLog(stage.home, signer)
    entries = {entry["manifest_sha256"] for entry in audit.entries("extract.made")}
    faults: dict[str, list[str]] = {name: [] for name in CHECKS}
    faults["logged"] += audit.verify()
    for folder in wanted:
        manifest = read_manifest(folder)
        if manifest is None:
            faults["complete"].append(f"{folder} is missing")
            continue
        faults["as_signed"] += check_folder(folder, signer.public_pem)
        told = hashlib.sha256((folder / MANIFEST).read_bytes()).hexdigest()
        if told not in entries:
            faults["logged"].append(f"{folder} is not in the audit log")
        for entry in manifest["files"]:
            with (folder / entry["name"]).open("rb") as file:
                encrypted = file.read(len(_AGE)) == _AGE
            if encrypted != (entry["level"] != "aggregate"):
                faults["lists_encrypted"].append(f"{folder / entry['name']}: {entry['level']}")
    return [
        dg.AssetCheckResult(
            asset_key=extract_key(group),
            check_name=name,
            passed=not found,
            metadata={"extracts": len(wanted), "faults": len(found), "first": "; ".join(found[:5])},
        )
        for name, found in faults.items()
    ]
