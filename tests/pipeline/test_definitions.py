"""The code location: what Dagster is told, and that it is told quickly."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import dagster as dg
import pytest
import yaml

from pipelines import definitions
from sources.contracts import load_contracts
from warehouse.errors import UsageError
from warehouse.home import Home
from warehouse.publication.content import MADE_INSIDE
from warehouse.tables import table_specs

ROOT = Path(__file__).parents[2]

STAGES = {
    "reference/codes": "landing",
    "landing/arrivals": "landing",
    "spine/persons": "spine",
    "spine/employers": "spine",
    "spine/workers": "spine",
    "spine/employer_keys": "spine",
    "spine/employer_key_changes": "spine",
    "linkage/person_links": "linkage",
    "linkage/employer_links": "linkage",
    "linkage/employer_identifiers": "linkage",
    "publication/cakupan": "publication",
    "publication/release": "publication",
    "publication/dashboard": "publication",
    "extracts/national": "extracts",
    "extracts/provinces": "extracts",
    "extracts/regencies": "extracts",
    "report/six_monthly": "report",
}


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> dg.Definitions:
    return definitions.build(Home(tmp_path_factory.mktemp("home")))


@pytest.fixture(scope="module")
def specs(loaded: dg.Definitions) -> dict[str, dg.AssetSpec]:
    return {spec.key.to_user_string(): spec for spec in loaded.resolve_all_asset_specs()}


def test_every_dataset_and_table_is_an_asset_in_its_group(specs: dict[str, dg.AssetSpec]) -> None:
    expected = dict(STAGES)
    for key in load_contracts():
        expected |= {f"{group}/{key}": group for group in ("deliveries", "landing", "conformed")}
    for spec in table_specs().values():
        # A publication makes some tables of its own months; they are no step of a run.
        if spec.schema != "reference" and spec.name not in MADE_INSIDE:
            expected[f"{spec.schema}/{spec.name}"] = spec.schema
    assert {key: spec.group_name for key, spec in specs.items()} == expected


def test_every_asset_says_what_it_is_and_who_answers_for_it(
    specs: dict[str, dg.AssetSpec],
) -> None:
    for key, spec in specs.items():
        assert spec.description, key
        assert spec.owners, key
        assert spec.kinds, key
        assert spec.metadata or key in ("publication/cakupan", "report/six_monthly"), key


def test_columns_are_known_before_any_run(specs: dict[str, dg.AssetSpec]) -> None:
    schema = specs["conformed/djp_withholding"].metadata["dagster/column_schema"]
    columns = {column.name: column for column in schema.columns}
    assert columns["monthly_wage"].type == "BIGINT"
    assert not columns["record_id"].constraints.nullable
    assert columns["nik"].tags["personal_data"]
    landed = specs["landing/djp_withholding"].metadata["dagster/column_schema"]
    assert {column.type for column in landed.columns if column.name in columns} >= {"VARCHAR"}
    assert next(c for c in landed.columns if c.name == "monthly_wage").type == "VARCHAR"
    national = specs["coverage/coverage_national"].metadata["dagster/column_schema"]
    assert "gap_low" in {column.name for column in national.columns}


def test_all_but_the_code_lists_are_made_by_month(loaded: dg.Definitions) -> None:
    for asset in loaded.resolve_asset_graph().asset_nodes:
        if asset.key.to_user_string() != "reference/codes":
            assert isinstance(asset.partitions_def, dg.MonthlyPartitionsDefinition), asset.key


def test_every_step_is_in_the_pool_of_writers(loaded: dg.Definitions) -> None:
    job = loaded.resolve_job_def("period")
    assert {node.definition.pool for node in job.graph.nodes} == {"warehouse"}
    assert job.executor_def.name == "in_process"


def test_a_publication_waits_for_everything(loaded: dg.Definitions) -> None:
    graph = loaded.resolve_asset_graph()
    publication = dg.AssetKey(["publication", "cakupan"])
    release = dg.AssetKey(["publication", "release"])
    # What is made of a publication comes after it.
    later = {publication, release, dg.AssetKey(["publication", "dashboard"])}
    later |= {key for key in graph.get_all_asset_keys() if key.path[0] in ("extracts", "report")}
    # Nothing makes a delivery but its provider; what it became is waited for.
    later |= {key for key in graph.get_all_asset_keys() if key.path[0] == "deliveries"}
    everything = graph.get_all_asset_keys() - later
    assert everything == graph.get(publication).parent_keys
    assert graph.get(release).parent_keys == {publication}


def test_critical_checks_block_what_follows_and_others_do_not(loaded: dg.Definitions) -> None:
    checks = {
        (node.key.asset_key.to_user_string(), node.key.name): node.blocking
        for node in loaded.resolve_asset_graph().asset_check_nodes
    }
    expected = {
        ("quality/expectation_results", "stages_agree"): True,
        ("quality/reconciliation_checks", "reconciled"): True,
        ("quality/drift", "as_before"): False,
        ("publication/release", "gives_nothing_back"): True,
        ("coverage/coverage_change", "change_adds_up"): True,
        ("landing/arrivals", "nothing_late"): False,
    }
    for group in ("national", "provinces", "regencies"):
        for name in ("complete", "as_signed", "logged", "lists_encrypted"):
            expected[f"extracts/{group}", name] = False
    for key in load_contracts():
        expected |= {
            (f"landing/{key}", "delivered"): False,
            (f"landing/{key}", "volume"): True,
            (f"conformed/{key}", "critical_expectations"): True,
            (f"conformed/{key}", "warning_expectations"): False,
        }
    assert checks == expected


def test_jobs_schedules_and_sensors(loaded: dg.Definitions) -> None:
    repository = loaded.get_repository_def()
    assert {"period", "publish", "extracts", "report"} <= set(repository.job_names)
    assert {s.name for s in repository.schedule_defs} == {
        "month_close", "monthly_extracts", "half_year_report",
    }  # fmt: skip
    assert {s.name for s in repository.sensor_defs} == {
        "inbox", "run_failure", "run_warnings", "late_deliveries", "extracts_after_publication",
    }  # fmt: skip
    assert loaded.resolve_schedule_def("month_close").execution_timezone == "Asia/Jakarta"


def test_publishing_alone_is_gated_by_the_stages_that_agree(loaded: dg.Definitions) -> None:
    steps = {node.name for node in loaded.resolve_job_def("publish").graph.nodes}
    assert steps == {
        "quality__expectation_results",
        "quality__reconciliation_checks",
        "publication__cakupan",
        "publication__release",
        "publication__dashboard",
    }


def test_a_period_makes_no_extracts_they_have_a_job_of_their_own(loaded: dg.Definitions) -> None:
    period = {node.name for node in loaded.resolve_job_def("period").graph.nodes}
    extracts = {n.name for n in loaded.resolve_job_def("extracts").graph.nodes}
    assert extracts == {"extracts_of_month"}
    assert not extracts & period


def test_the_web_server_can_load_all_of_it(loaded: dg.Definitions) -> None:
    # It looks for what single jobs do not show, such as a job and a step of the same name.
    dg.Definitions.validate_loadable(loaded)
    loaded.get_repository_def().load_all_definitions()


def test_a_delivery_has_a_deadline_in_jakarta_and_no_step(
    loaded: dg.Definitions, specs: dict[str, dg.AssetSpec]
) -> None:
    graph = loaded.resolve_asset_graph()
    steps = {node.name for node in loaded.resolve_job_def("period").graph.nodes}
    for key in load_contracts():
        policy = specs[f"deliveries/{key}"].freshness_policy
        assert policy is not None
        assert policy.timezone == "Asia/Jakarta"
        assert specs[f"landing/{key}"].freshness_policy is None
        assert not graph.get(dg.AssetKey(["deliveries", key])).is_executable
        assert graph.get(dg.AssetKey(["landing", key])).parent_keys == {
            dg.AssetKey(["deliveries", key])
        }
        assert f"deliveries__{key}" not in steps


def test_a_contract_of_the_home_is_a_dataset_without_any_python(empty_home: Home) -> None:
    empty_home.contracts.mkdir(parents=True)
    text = (ROOT / "sources/farmers/contract.yaml").read_text("utf-8")
    (empty_home.contracts / "beekeepers.yaml").write_text(text.replace("farmers", "beekeepers"))
    keys = {
        spec.key.to_user_string()
        for spec in definitions.build(empty_home).resolve_all_asset_specs()
    }
    assert {"landing/beekeepers", "conformed/beekeepers"} <= keys


def test_a_bad_contract_of_the_home_is_named(empty_home: Home) -> None:
    empty_home.contracts.mkdir(parents=True)
    (empty_home.contracts / "bad.yaml").write_text("id: bad\n")
    with pytest.raises(UsageError, match=r"bad\.yaml"):
        definitions.build(empty_home)


def test_a_month_far_away_can_be_run_when_it_is_asked_for(empty_home: Home) -> None:
    job = definitions.build(empty_home, include_period="2031-05").resolve_job_def("period")
    assert "2031-05" in job.partitions_def.get_partition_keys()


def test_loading_is_quick_and_leaves_heavy_packages_alone(tmp_path: Path) -> None:
    code = (
        "import time; started = time.process_time()\n"
        "import sys, pipelines.definitions\n"
        "print(time.process_time() - started)\n"
        "print([m for m in ('great_expectations', 'altair', 'vl_convert') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"CAKUPAN_HOME": str(tmp_path)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    seconds, heavy = done.stdout.splitlines()
    assert float(seconds) < 5
    assert heavy == "[]"
    assert list(tmp_path.iterdir()) == []


def test_both_ways_to_open_the_location_name_the_same_module() -> None:
    workspace = yaml.safe_load((ROOT / "workspace.yaml").read_text("utf-8"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    named = workspace["load_from"][0]["python_module"]["module_name"]
    assert named == "pipelines.definitions"
    assert project["tool"]["dg"]["project"]["code_location_target_module"] == named
