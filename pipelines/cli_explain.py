"""The command `explain`: why a record is linked as it is, told to whoever may know.

Belongs here: opening the restricted warehouse, the access log, and the telling in words.
Does not belong here: the evidence itself (matching/explaining.py), or the chart (waterfall).
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import duckdb
from rich import box
from rich.console import Console
from rich.table import Table

from matching.explaining import Explanation, explain_person, register_stands
from matching.persons import prepare_as_linked
from pipelines.cli import errors, print_json
from pipelines.gap import number
from pipelines.locks import home_lock
from pipelines.waterfall import check_target, draw
from warehouse.access import log_access
from warehouse.connection import check_period, connect, set_parameters
from warehouse.errors import CakupanError, UsageError
from warehouse.home import Home
from warehouse.inputs import create_inputs
from warehouse.settings import Settings

_FIELDS = {
    "name": "nama", "birth": "tanggal lahir", "nik": "NIK", "sex": "jenis kelamin",
    "region": "wilayah", "place": "tempat lahir", "mother": "nama ibu",
    "work": "wilayah pemberi kerja", "origin": "wilayah asal NIK",
}  # fmt: skip
# Longest first: a level's words are put one by one.
_WORDS = {
    "day and month swapped": "hari dan bulan tertukar",
    "same region and date": "wilayah dan tanggal sama",
    "birth date differs": "tanggal lahir beda",
    "near birth date": "tanggal lahir dekat",
    "same birth date": "tanggal lahir sama",
    "home differs": "domisili beda",
    "home unknown": "domisili tidak diketahui",
    "same province": "provinsi sama",
    "sounds alike": "bunyinya sama",
    "same district": "kecamatan sama",
    "same regency": "kabupaten/kota sama",
    "same region": "wilayah sama",
    "two digits": "dua digit beda",
    "year only": "hanya tahun sama",
    "same home": "domisili sama",
    "different": "beda",
    "one slip": "satu digit salah atau tertukar",
    "similar": "mirip",
    "missing": "tidak ada",
    "by NIK": "sama menurut NIK",
    "typo": "salah ketik",
    "near": "dekat",
    "part": "sebagian sama",
    "weak": "sedikit mirip",
    "same": "sama",
}
_KINDS = {
    "no NIK": "tanpa NIK",
    "NIK nobody has": "NIK tidak ada di register",
    "NIK nobody has, of another date": "NIK tidak ada di register dan memuat tanggal lain",
    "NIK of another": "NIK milik orang lain",
}
_STATUS = {"linked": "tertaut", "review": "menunggu pemeriksaan", "unlinked": "tidak tertaut"}
_REASONS = {
    "nik_exact": "NIK sama, dan nama atau tanggal lahirnya sesuai: diputuskan oleh aturan, bukan "
    "oleh model. Bit di bawah ini hanya keterangan",
    "model": "bukti seluruh isian cukup kuat menurut model",
    "decided_same": "pemeriksa memutuskan bahwa ini orang yang sama. Bit di bawah ini hanya "
    "keterangan",
    "near_tie": "ada pilihan lain yang hampir sama kuat; tidak diserahkan kepada kebetulan",
    "uncertain": "peluangnya di bawah batas tautan",
    "nik_conflict": "NIK-nya milik orang yang nama dan tanggal lahirnya berbeda",
    "invalid_identifier": "NIK-nya tidak dapat dipakai, dan tidak ada kunci lain yang bertemu",
    "never_compared": "tidak ada penduduk register yang dibandingkan dengannya",
    "best_candidate_below_threshold": "calon terbaik tidak cukup kuat",
    "lost_to_better_claim": "orangnya sudah ditautkan dengan rekaman lain yang lebih kuat",
    "rejected_in_review": "pemeriksa memutuskan bahwa ini orang lain",
}
_STATES = {
    "no_key": "isian kosong", "nobody": "tidak ada di register", "capped": "terlalu umum",
    "enough": "sudah cukup",
    "unlike": "tidak mirip", "compared": "dibandingkan", "spared": "tidak perlu",
}  # fmt: skip
_COLUMNS = {
    "nik": "NIK", "full_name": "nama", "sex": "jenis kelamin", "birth_date": "tanggal lahir",
    "birth_place": "tempat lahir", "region_code": "wilayah",
}  # fmt: skip
_KEYS = {
    "born": "tanggal lahir", "t_first": "kata pertama nama",
    "t_last": "kata terakhir nama", "t_rare": "kata nama yang dikenal register", "canon": "nama",
    "h_pflat": "nama", "h_psorted": "nama", "mother_h": "nama ibu", "region": "wilayah",
    "place_h": "tempat lahir", "start": "awal nama",
    "sex": "jenis kelamin", "nik": "NIK",
}  # fmt: skip


def person(
    home: Home, dataset: str, record_id: str, period: str, chart: Path | None, as_json: bool
) -> int:
    """Explain one record of a person; see `cakupan explain person --help`.

    Raises:
        UsageError: there is no warehouse, or no such record in the period's links.
        CakupanError: a run holds the warehouse, or the access log cannot be written.
    """
    check_period(period)
    target = check_target(chart) if chart else None
    if not home.restricted_db.exists():
        raise UsageError(
            f"{home.path} holds no restricted warehouse: identities can be explained in the "
            "home where they were linked, and nowhere else"
        )
    # Before anything is looked at, so that no look goes unseen.
    log_access(home, "explain person", period=period, dataset=dataset, record_id=record_id)
    told = explained(home, dataset, record_id, period)
    if target and told.fields:
        title = f"{told.dataset} {told.period}: {_STATUS[told.status]}"
        draw(_steps(told), _sum(told), title, target)
    if as_json:
        print_json({**asdict(told), "chart": str(target) if target and told.fields else None})
        return 0
    show(told, Console())
    if target:
        done = f"Grafik: {target}" if told.fields else "Tidak ada calon, jadi tidak ada grafik."
        Console().print(done, markup=False, highlight=False, soft_wrap=True)
    return 0


def explained(home: Home, dataset: str, record_id: str, period: str) -> Explanation:
    """Explain a record; the caller has written the access log before."""
    con = open_restricted(home)
    try:
        set_parameters(con, Settings(), period)
        if register_stands(con, period):
            create_inputs(con, period)
            return explain_person(con, period, dataset, record_id)
    finally:
        con.close()
    # The register's keys are of the month that was linked last: they are made anew.
    with home_lock(
        home, f"explain {period}", log=lambda message: errors().print(message, markup=False)
    ):
        con = connect(home)
        try:
            set_parameters(con, Settings(), period)
            create_inputs(con, period)
            prepare_as_linked(con, period)
            return explain_person(con, period, dataset, record_id)
        finally:
            con.close()


def open_restricted(home: Home) -> duckdb.DuckDBPyConnection:
    """Open the restricted warehouse to read.

    Raises:
        CakupanError: a run holds it.
    """
    try:
        return connect(home, read_only=True)
    except duckdb.IOException:
        pass  # told below, without DuckDB's text
    raise CakupanError(
        f"the restricted warehouse of {home.path} is held by a run: explain when it has ended"
    )


def _steps(told: Explanation) -> list[tuple[str, float]]:
    steps = [
        (f"{_FIELDS[f.field]}: {level_text(f.level)}", f.bits)
        for f in told.fields
        if f.level != "missing"
    ]
    if told.prior_bits is not None:
        steps.insert(0, ("peluang awal", told.prior_bits))
    if told.rivals_bits is not None:
        steps.append(("calon lain", told.rivals_bits))
    return steps


def _sum(told: Explanation) -> tuple[str, float]:
    if told.total_bits is not None:
        return "jumlah", told.total_bits
    return "jumlah", sum(f.bits for f in told.fields)


def level_text(level: str) -> str:
    """Give a level's name in Indonesian."""
    if level in _WORDS:
        return _WORDS[level]
    for separator in ("; ", ", "):
        if separator in level:
            return separator.join(level_text(part) for part in level.split(separator))
    return level


def percent(share: float | None) -> str:
    """Give a share from 0 to 1 as a percentage in Indonesian spelling."""
    return "–" if share is None else f"{number(share * 100, 4)}%"


def show(told: Explanation, console: Console) -> None:
    """Tell an explanation on a console."""

    def line(text: str) -> None:
        console.print(text, markup=False, highlight=False, soft_wrap=True)

    line(f"{told.dataset}, {told.period}: {_STATUS[told.status]} ({told.reason})")
    line(f"{_REASONS.get(told.reason, told.reason)}.")
    if told.nik_reason:
        line(f"NIK disisihkan atau diperbaiki: {told.nik_reason}")
    table = Table("", "Rekaman", "Register", box=box.SIMPLE_HEAD)
    for name, title in _COLUMNS.items():
        mine, other = told.record[name], (told.person or {}).get(name)
        table.add_row(title, *("" if v is None else str(v) for v in (mine, other)))
    console.print(table)
    if told.fields:
        _show_fields(told, console)
    if told.status == "linked":
        line(f"Peluang: {percent(told.probability)}; batas tautan {percent(told.accept)}")
    elif told.best_probability is not None:
        line(
            f"Peluang calon terbaik: {percent(told.best_probability)}; "
            f"batas tautan {percent(told.accept)}"
        )
    if told.runner_up is not None:
        line(f"Calon kedua: {percent(told.runner_up)}")
    line(f"Penduduk register yang dibandingkan: {number(told.candidates)}")
    if told.winner:
        line(
            f"Orangnya diberikan kepada rekaman {told.winner['record_id']} "
            f"({_STATUS[told.winner['status']]}, {percent(told.winner['probability'])})"
        )
    if told.rules:
        _show_rules(told, console)
    if not told.agrees:
        line(
            "PERHATIAN: peluang yang tersimpan berbeda dari hitungan ini. Register atau kiriman "
            "berubah sejak periode ini ditautkan; jalankan periode ini lagi."
        )


def _show_fields(told: Explanation, console: Console) -> None:
    table = Table("Isian", "Tingkat", box=box.SIMPLE_HEAD)
    table.add_column("Bit", justify="right")
    if told.prior_bits is not None:
        kind = _KINDS.get(told.kind or "", told.kind or "")
        table.add_row("peluang awal", kind, bits_text(told.prior_bits))
    for evidence in told.fields:
        level = level_text(evidence.level)
        table.add_row(_FIELDS[evidence.field], level, bits_text(evidence.bits))
    if told.rivals_bits is not None:
        table.add_row("calon lain", "", bits_text(told.rivals_bits))
    table.add_row("jumlah", "", bits_text(_sum(told)[1]), style="bold")
    console.print(table)


def _show_rules(told: Explanation, console: Console) -> None:
    table = Table("Kunci pembanding", "Hasil", "Yang kosong", box=box.SIMPLE_HEAD)
    table.add_column("Penduduk", justify="right")
    for rule in told.rules:
        empty = ", ".join(dict.fromkeys(_KEYS.get(name, name) for name in rule.missing))
        table.add_row(rule.rule, _STATES[rule.state], empty, number(rule.people))
    console.print(table)


def bits_text(value: float) -> str:
    """Give bits with their sign in Indonesian spelling."""
    return f"{value:+.2f}".replace(".", ",")
