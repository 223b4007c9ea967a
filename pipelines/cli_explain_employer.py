"""The command `explain employer`: of what an employer was made, told to whoever may know.

Belongs here: the access log and the telling in words. Does not belong here: the evidence itself
(matching/explaining_employers.py), or records of persons (cli_explain.py).
"""

from __future__ import annotations

from dataclasses import asdict

from rich import box
from rich.console import Console
from rich.table import Table

from matching.employer_levels import group_of
from matching.explaining_employers import Apart, EmployerExplanation, FieldBits, explain_employer
from pipelines.cli import print_json
from pipelines.cli_explain import bits_text, open_restricted, percent
from pipelines.gap import number
from warehouse.access import log_access
from warehouse.connection import check_period, set_parameters
from warehouse.errors import UsageError
from warehouse.home import Home
from warehouse.inputs import create_inputs
from warehouse.settings import Settings

_IDENTIFIERS = {
    "npwp": "NPWP", "nib": "NIB", "npp": "NPP", "ahu_number": "SK AHU",
    "nik_koperasi": "NIK koperasi",
}  # fmt: skip
_REASONS = {
    "npwp_root": "NPWP sama, dan namanya sesuai",
    "nib": "NIB sama, dan namanya sesuai",
    "ahu_number": "nomor SK AHU sama, dan namanya sesuai",
    "nik_koperasi": "NIK koperasi sama, dan namanya sesuai",
    "npp": "NPP sama, dan namanya sesuai",
    "two_identifiers": "dua nomor sama sekaligus, walau namanya lain",
    "misspelt_npwp": "NIB sama, dan NPWP-nya salah ketik satu digit",
    "owner_npwp": "NIB sama, dan NPWP-nya NIK pemiliknya",
    "name_and_place": "nama dan keterangan lainnya cukup sama menurut model",
    "joined_by_others": "rekaman lain digabungkan kepadanya",
    "no_candidate": "tidak ada rekaman lain yang mirip",
    "best_candidate_below_threshold": "calon terbaik tidak cukup kuat",
    "lost_to_better_claim": "calonnya sudah punya rekaman yang lebih kuat, atau nomornya lain",
    "none": "tanpa nomor",
}
_WHY = {
    "legal_form": "bentuk badan hukumnya lain",
    "two_numbers": "NIB atau NIK koperasinya lain",
    "two_taxpayers": "NPWP-nya lain",
    "barred": "induk dan anak perusahaan, atau koperasi desa yang tempatnya tidak pasti sama",
    "below_threshold": "buktinya tidak cukup",
    "better_claim": "ada calon yang lebih kuat, atau daftarnya memuat setiap usaha sekali saja",
    "not_compared": "tidak dibandingkan: tidak ada kunci bersama, atau namanya terlalu umum",
}
_FIELDS = {
    "name": "nama", "form": "bentuk badan", "region": "wilayah", "industry": "KBLI",
    "address": "alamat", "owner": "pemilik", "number": "nomor",
}  # fmt: skip
_LEVELS = {
    "exact_pt_few": "nama PT sama, jarang", "exact_few": "sama, jarang",
    "exact_here": "sama, satu-satunya di wilayahnya",
    "exact_here_some": "sama, beberapa di wilayahnya",
    "exact_pt_some": "nama PT sama, agak umum", "exact_pt_many": "nama PT sama, umum",
    "exact_some": "sama, agak umum", "exact_many": "sama, umum", "exact_most": "sama, sangat umum",
    "village_here": "koperasi desa, satu-satunya di wilayahnya",
    "exact_village": "koperasi desa, namanya sama",
    "near_rare": "salah ketik atau disingkat, katanya jarang",
    "near_common": "salah ketik atau disingkat, katanya umum",
    "one_letter": "satu huruf beda", "subset_rare": "sebagian sama, katanya jarang",
    "subset_common": "sebagian sama, katanya umum", "overlap": "separuhnya sama",
    "different": "beda", "same": "sama", "missing": "tidak ada", "akin": "berdekatan",
    "kind": "jenis koperasi beda", "conflict": "bertentangan", "within": "termasuk dalam nama",
    "province": "provinsi sama", "other": "beda", "class_rare": "kelas sama, jarang",
    "class": "kelas sama", "class_common": "kelas sama, umum", "division": "golongan pokok sama",
    "sector": "sektor sama", "same_rare": "sama, sedikit usaha di sana", "alike": "mirip",
    "slip": "satu angka salah atau tertukar",
}  # fmt: skip


def employer(home: Home, key: str, period: str, as_json: bool) -> int:
    """Explain one employer; see `cakupan explain employer --help`.

    Raises:
        UsageError: there is no warehouse, or no such employer in the period's spine.
        CakupanError: a run holds the warehouse, or the access log cannot be written.
    """
    check_period(period)
    if not home.restricted_db.exists():
        raise UsageError(
            f"{home.path} holds no restricted warehouse: an employer can be explained in the "
            "home where it was resolved, and nowhere else"
        )
    # Before anything is looked at, so that no look goes unseen.
    log_access(home, "explain employer", period=period, dataset="employers", record_id=key)
    con = open_restricted(home)
    try:
        set_parameters(con, Settings(), period)
        create_inputs(con, period)
        told = explain_employer(con, period, key)
    finally:
        con.close()
    if as_json:
        print_json(_plain(told))
        return 0
    _show(told, Console())
    return 0


def _plain(told: EmployerExplanation) -> dict[str, object]:
    """Give the explanation for JSON: keys as text, for they have more digits than its numbers."""

    def text(value: object, name: str = "") -> object:
        if isinstance(value, dict):
            return {key: text(inner, str(key)) for key, inner in value.items()}
        if isinstance(value, (list, tuple)):
            return [text(inner, name) for inner in value]
        if name.endswith("_key") and value is not None:
            return str(value)
        return value if isinstance(value, (str, int, float, bool, type(None))) else str(value)

    plain = text(asdict(told))
    return plain if isinstance(plain, dict) else {}


def _show(told: EmployerExplanation, console: Console) -> None:
    def line(text: str = "") -> None:
        console.print(text, markup=False, highlight=False, soft_wrap=True)

    of = told.employer
    line(f"{of['employer_name']} ({told.employer_key}), {told.period}")
    line(
        f"Wilayah {of['region_code']}, KBLI {of['kbli'] or '–'}, "
        f"sektor {of['sector_code'] or '–'}, "
        f"{number(len(told.members))} rekaman dari {', '.join(of['sources'])}"
    )
    if told.parent:
        line(f"Induk: {told.parent['employer_name']} ({told.parent['employer_key']})")
    for child in told.subsidiaries:
        line(f"Anak perusahaan: {child['employer_name']} ({child['employer_key']})")
    for npp in told.npps:
        line(f"NPP {npp['npp']}, wilayah {npp['region_code'] or '–'}")
    for change in told.changes:
        kind = "digabung menjadi" if change["kind"] == "merged" else "dipisah menjadi"
        line(f"{change['period']}: {change['old_key']} {kind} {change['new_key']}")
    _show_members(told, console)
    for member in told.members:
        if member.fields and member.compared_with:
            line(
                f"{member.dataset} {member.record_id}, dibandingkan dengan "
                f"{' '.join(member.compared_with)}:"
            )
            console.print(_evidence(member.fields, told.prior_bits, member.total_bits))
    if told.apart:
        line("Yang mirip, tetapi bukan perusahaan ini:")
        for other in told.apart:
            _show_apart(other, told, console)
    _show_flags(told, console)


def _show_members(told: EmployerExplanation, console: Console) -> None:
    # Lines and not a table: numbers must not be cut short in a narrow window.
    for member in told.members:
        numbers = ", ".join(
            f"{_IDENTIFIERS[name]} {value}{' *' if name == member.identifier else ''}"
            for name, value in member.identifiers.items()
        )
        for text in (
            f"- {member.dataset} {member.record_id}: {member.name or '–'}, "
            f"wilayah {member.region_code or '–'}",
            f"  {numbers or 'tanpa nomor'}",
            f"  karena {_REASONS.get(member.reason, member.reason)} "
            f"({percent(member.probability)})",
        ):
            console.print(text, markup=False, highlight=False, soft_wrap=True)


def _evidence(fields: list[FieldBits], prior: float | None, total: float | None) -> Table:
    table = Table("Isian", "Tingkat", box=box.SIMPLE_HEAD)
    table.add_column("Bit", justify="right")
    if prior is not None:
        table.add_row("peluang awal", "", bits_text(prior))
    for evidence in fields:
        level = _LEVELS[evidence.level.removeprefix(group_of(evidence.level))]
        table.add_row(_FIELDS[evidence.field], level, bits_text(evidence.bits))
    if total is not None:
        table.add_row("jumlah", "", bits_text(total), style="bold")
    return table


def _show_apart(other: Apart, told: EmployerExplanation, console: Console) -> None:
    console.print(
        f"- {other.name} ({other.employer_key}), wilayah {other.region_code}: {_WHY[other.why]}",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )
    if other.fields:
        console.print(_evidence(other.fields, told.prior_bits, other.total_bits))


def _show_flags(told: EmployerExplanation, console: Console) -> None:
    def line(text: str) -> None:
        console.print(text, markup=False, highlight=False, soft_wrap=True)

    if told.compliance is None:
        line("Tidak ada baris kepatuhan untuk pemberi kerja ini pada periode ini.")
        return
    flags = told.compliance.get("flags") or []
    line(f"Indikasi (perlu verifikasi): {', '.join(flags) if flags else 'tidak ada'}")
    if told.flag_evidence:
        columns = list(told.flag_evidence[0])
        table = Table(*columns, box=box.SIMPLE_HEAD)
        for row in told.flag_evidence:
            table.add_row(*("" if row[name] is None else str(row[name]) for name in columns))
        console.print(table)
    if any(row.get("rests_on_tax") for row in told.flag_evidence):
        line("Bukti dari data pajak hanya untuk DJP dan BPJS Ketenagakerjaan.")
