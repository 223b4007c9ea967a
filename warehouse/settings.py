"""A deployment's settings: one YAML file, checked when it is read.

Belongs here: what an operator may choose (engine limits, parameters of the definitions,
databases to read). Does not belong here: facts about datasets (their contracts) or about
the world (reference tables), and no secret: those come from the environment.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from warehouse.errors import UsageError
from warehouse.home import Home


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class EngineSettings(_Section):
    """Limits of the embedded engine."""

    memory_limit: str = Field("4GB", description="DuckDB memory ceiling; beyond it spills to disk")
    threads: int | None = Field(None, ge=1, description="DuckDB threads; None takes every core")


class CoverageSettings(_Section):
    """Parameters of the coverage definitions (docs/definitions.md)."""

    arrears_months: int = Field(3, ge=0, le=24, description="months in arrears still active")
    pppk_is_civil_servant: bool = Field(True, description="PPPK are left out of the eligible")
    certain_ppm: int = Field(
        990_000,
        ge=500_000,
        le=1_000_000,
        description="link probability, in millionths, that counts as certain",
    )
    sakernas_min_register: float = Field(
        0.9,
        ge=0,
        le=10,
        description="living people of 15 to 64 in the register, as a share of the survey's "
        "employed, below which the register is partial and gets no survey denominator",
    )
    denominators: Path | None = Field(
        None,
        description="CSV (survey_period, province_code, regency_code, sector_code, employed) read "
        "instead of the survey table, such as denominators scaled to a sample world",
    )


class ComplianceSettings(_Section):
    """Parameters of employer compliance (docs/definitions.md, reference.compliance_rules)."""

    tolerance_workers: int = Field(
        2, ge=0, description="workers that may be missing among participants without a flag"
    )
    tolerance_share: float = Field(
        0.05, ge=0, le=1, description="the same as a share of the known workers"
    )
    wage_tolerance: float = Field(
        0.95, ge=0, le=1, description="share of a known wage that must at least be reported"
    )


class LinkageSettings(_Section):
    """How persons are linked (docs/linkage.md)."""

    retrain: bool = Field(
        True,
        description="train the model of persons anew in every run; else the newest one of the "
        "home is used, and comparisons are carried over from month to month",
    )


class ArrivalSettings(_Section):
    """When a file drop counts as complete."""

    settle_seconds: int = Field(60, ge=0, description="a file unchanged this long is complete")


class VolumeLimits(_Section):
    """Sizes of a delivery, against the last accepted one, that are held for approval."""

    smaller: float = Field(0.7, ge=0, le=1, description="held at this share of the last or less")
    larger: float = Field(3.0, gt=1, description="held at this multiple of the last or more")
    least_change: int = Field(
        10, ge=0, description="a difference of fewer rows is never held: tiny lists vary by chance"
    )


class GateSettings(VolumeLimits):
    """What holds a delivery, and what is told of one whose content has moved.

    The limits of volume hold for every dataset; `datasets` names others for some.
    """

    datasets: dict[str, VolumeLimits] = Field(default_factory=dict)
    held_blocks: bool = Field(
        False, description="publish nothing while a delivery of the month is held"
    )
    drift_missing: float = Field(
        0.10, ge=0, le=1, description="change of the share of missing values that is told"
    )
    drift_psi: float = Field(
        0.25, ge=0, description="population stability index from which a shift is told"
    )
    drift_rows: int = Field(
        500, ge=1, description="deliveries with fewer rows are not compared: chance moves them"
    )

    def of(self, dataset: str) -> VolumeLimits:
        """Give the limits of volume of a dataset."""
        return self.datasets.get(dataset, self)


class DatabaseSource(_Section):
    """One dataset read from a database instead of a file drop.

    Exactly one of `table` and `query`, and of `url` and `url_env`; a URL in the settings
    must hold no password.
    """

    url: str | None = None
    url_env: str | None = Field(None, description="environment variable that holds the URL")
    table: str | None = Field(None, description="table or view, optionally schema.table")
    query: str | None = Field(
        None, description="SELECT that gives the contract's columns; :period is bound"
    )
    batch_rows: int = Field(50_000, ge=100, le=1_000_000)
    attempts: int = Field(3, ge=1, le=20)
    backoff_seconds: float = Field(2.0, ge=0)
    connect_timeout_seconds: int = Field(15, ge=1)
    lock_timeout_seconds: int = Field(
        60, ge=1, description="how long a table locked by another is waited for"
    )

    @model_validator(mode="after")
    def _one_of_each(self) -> Self:
        if (self.url is None) == (self.url_env is None):
            raise ValueError("give either url or url_env")
        if (self.table is None) == (self.query is None):
            raise ValueError("give either table or query")
        return self


class PublicationSettings(_Section):
    """How publications are written."""

    storage_version: str = Field("v1.2.0", description="oldest DuckDB that must open the file")
    keep: int = Field(24, ge=1, description="publications kept, the newest first")
    program_seconds: float = Field(
        900.0,
        ge=0,
        description="longest time for the linear programs that attack a release; where they do "
        "not reach every count in it, nothing is released; 0 leaves them out, and the release "
        "rests on the proof by networks alone",
    )


class DeliveryTarget(_Section):
    """Where the extracts of some recipients are put."""

    url: str = Field(description="folder or fsspec URL without a password; {key} is the recipient")
    recipients: tuple[str, ...] = Field(
        description='recipient keys such as "13" or "24/31"; "24/*" and "*" stand for many'
    )
    options: dict[str, str | int | bool] = Field(
        default_factory=dict, description="options of the fsspec file system, such as username"
    )
    secrets: dict[str, str] = Field(
        default_factory=dict, description="options read from environment variables, by their names"
    )


class ExtractSettings(_Section):
    """How extracts are made and handed over (docs/extracts.md)."""

    signing_key: Path | None = Field(
        None, description="Ed25519 private key (PEM); unset: one is made in HOME/keys"
    )
    pseudonym_secret: Path | None = Field(
        None,
        description="file with at least 32 bytes of secret; unset: the environment's "
        "CAKUPAN_PSEUDONYM_SECRET (hex or text)",
    )
    recipient_keys: dict[str, tuple[str, ...]] = Field(
        default_factory=dict, description='age public keys by recipient key, "13" or "24/31"'
    )
    processes: int | None = Field(None, ge=1, description="processes; None takes every core")
    targets: tuple[DeliveryTarget, ...] = ()


class EncryptionSettings(_Section):
    """Keys for what lies on disk (docs/security.md); without them the disk must be encrypted."""

    database_key: Path | None = Field(
        None,
        description="file with the key of the restricted database; unset: the environment's "
        "CAKUPAN_DATABASE_KEY; neither: it is not encrypted",
    )
    deliveries_key: Path | None = Field(
        None,
        description="file with the age identity that kept deliveries are encrypted to; unset: the "
        "environment's CAKUPAN_DELIVERIES_KEY; neither: they are not encrypted",
    )


class DashboardSettings(_Section):
    """What the dashboard holds (docs/guides/dashboard.md)."""

    months: int = Field(25, ge=1, le=120, description="months that it holds, the newest first")
    detail_months: int = Field(
        3, ge=1, description="newest months that it holds by regency and sector as well"
    )
    boundaries: Path | None = Field(
        None, description="GeoJSON of provinces or regencies for the map; else a grid of tiles"
    )
    boundaries_property: str = Field(
        "province_code", description="property of its features with the Kemendagri code"
    )


class MailSettings(_Section):
    """Mail of alerts. The password is never in the settings."""

    host: str
    port: int = Field(587, ge=1, le=65535)
    security: Literal["starttls", "tls", "none"] = "starttls"
    sender: str = Field(description="address that mail comes from")
    recipients: tuple[str, ...] = Field(min_length=1)
    username: str | None = None
    password_env: str = Field(
        "CAKUPAN_SMTP_PASSWORD", description="environment variable that holds the password"
    )
    password_file: Path | None = Field(None, description="file with the password, read instead")
    ca_file: Path | None = Field(None, description="PEM of the authority that the server is of")
    timeout_seconds: float = Field(15.0, gt=0, le=120)

    @model_validator(mode="after")
    def _no_password_in_clear(self) -> Self:
        if self.username and self.security == "none":
            raise ValueError("a password is sent over TLS alone: set security")
        return self


class WebhookSettings(_Section):
    """An address that alerts are posted to as JSON."""

    url: str | None = None
    url_env: str | None = Field(None, description="environment variable that holds the URL")
    secret_env: str | None = Field(
        None, description="environment variable with the secret that signs what is posted"
    )
    secret_file: Path | None = Field(None, description="file with that secret, read instead")
    timeout_seconds: float = Field(10.0, gt=0, le=60)
    attempts: int = Field(3, ge=1, le=5)
    backoff_seconds: float = Field(2.0, ge=0, le=30)

    @model_validator(mode="after")
    def _one_address(self) -> Self:
        if (self.url is None) == (self.url_env is None):
            raise ValueError("give either url or url_env")
        return self


class AlertSettings(_Section):
    """Who is told of failed runs and warnings (docs/guides/operations.md)."""

    warnings: bool = Field(True, description="send warnings as well as failed runs")
    runbook: str = Field(
        "docs/guides/runbook.md", description="file or address of the runbook, without #entry"
    )
    ui_url: str | None = Field(None, description="address of the Dagster UI, for links to runs")
    mail: MailSettings | None = None
    webhooks: tuple[WebhookSettings, ...] = ()

    def runbook_entry(self, kind: str) -> str:
        """Give the runbook's entry of a kind of alert."""
        return f"{self.runbook}#{kind}"

    def run_url(self, run_id: str) -> str | None:
        """Give the page of a run, None where the UI has no address or there is no run."""
        return f"{self.ui_url.rstrip('/')}/runs/{run_id}" if self.ui_url and run_id else None


class Settings(_Section):
    """Everything an operator may set; every value has a default."""

    engine: EngineSettings = EngineSettings()
    coverage: CoverageSettings = CoverageSettings()
    compliance: ComplianceSettings = ComplianceSettings()
    linkage: LinkageSettings = LinkageSettings()
    arrival: ArrivalSettings = ArrivalSettings()
    gates: GateSettings = GateSettings()
    publication: PublicationSettings = PublicationSettings()
    extracts: ExtractSettings = ExtractSettings()
    dashboard: DashboardSettings = DashboardSettings()
    encryption: EncryptionSettings = EncryptionSettings()
    alerts: AlertSettings = AlertSettings()
    databases: dict[str, DatabaseSource] = Field(default_factory=dict)


def load_settings(home: Home, file: str | Path | None = None) -> Settings:
    """Read the settings.

    Args:
        home: the home whose `settings.yaml` is read where no file is named.
        file: another settings file; it must exist.

    Returns:
        The settings, defaults filled in.

    Raises:
        UsageError: the file is missing, is no YAML mapping, or has a bad key or value.
    """
    path = Path(file) if file else home.settings_file
    if not path.exists():
        if file:
            raise UsageError(f"settings file {path} does not exist")
        return Settings()
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except yaml.YAMLError as error:
        raise UsageError(f"settings file {path} is not valid YAML: {error}") from None
    if not isinstance(raw, dict):
        raise UsageError(f"settings file {path} must be a mapping of sections")
    try:
        return Settings.model_validate(raw)
    except ValidationError as error:
        # Only place and rule are told: a value may be a URL with a password in it.
        faults = "; ".join(
            f"{'.'.join(str(part) for part in fault['loc'])}: {fault['msg']}"
            for fault in error.errors()
        )
        raise UsageError(f"settings file {path}: {faults}") from None
