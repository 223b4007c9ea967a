"""The dashboard in a real browser: figures, filters, address, keyboard, print, phone."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

import duckdb
import pytest
from axe_playwright_python.sync_playwright import Axe

if TYPE_CHECKING:
    from conftest import Opened

WCAG = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}


def indonesian(count: int) -> str:
    return f"{count:,}".replace(",", ".")


def percent(rate: float) -> str:
    return f"{rate * 100:.1f}".replace(".", ",") + "%"


def row(release: duckdb.DuckDBPyConnection, table: str, where: str) -> tuple[int, int, float]:
    return release.execute(
        f"SELECT workers, gap, coverage_rate FROM release.{table} WHERE {where}"
    ).fetchall()[0]


def test_the_first_figure_comes_within_two_seconds_without_any_request(
    desk: Opened, release: duckdb.DuckDBPyConnection
) -> None:
    begun = time.perf_counter()
    desk.page.goto(desk.url, wait_until="commit")
    desk.page.wait_for_selector("#angka-workers .big", timeout=10_000)
    seconds = time.perf_counter() - begun
    assert seconds < 2, seconds
    desk.drawn()
    national = row(release, "coverage_national", "period = '2026-10' AND basis = 'domicile'")
    assert desk.key("workers") == indonesian(national[0])
    assert desk.key("gap") == indonesian(national[1])
    assert desk.key("coverage_rate") == percent(national[2])
    # Each chart asks for nothing either, nor do choices.
    for choice in ("#/?provinsi=32", "#/?segmen=BPU&bahasa=en", "#/?lihat=jembatan"):
        desk.page.evaluate(f"location.hash = {choice!r}")
        desk.page.wait_for_timeout(300)
    assert [url for url in desk.requests if not url.startswith(("file:", "data:", "about:"))] == []
    assert len([url for url in desk.requests if url.startswith("file:")]) == 1
    assert desk.messages == []


def test_filters_change_every_figure_to_what_the_release_says(
    desk: Opened, release: duckdb.DuckDBPyConnection
) -> None:
    page = desk.go()
    page.select_option("#saring-provinsi", "32")
    desk.until("document.title.includes('Jawa Barat')")
    own = row(
        release,
        "coverage_by_province",
        "period = '2026-10' AND basis = 'domicile' AND province_code = '32'",
    )
    assert desk.key("workers") == indonesian(own[0])
    assert page.locator("#judul-ringkasan").inner_text().startswith("Jawa Barat")
    assert page.locator("#tabel-liga tbody tr").count() > 20
    page.select_option("#saring-sektor", "G")
    page.select_option("#saring-dasar", "tempat-kerja")
    page.select_option("#saring-bulan", "2026-09")
    desk.until("location.hash.includes('bulan=2026-09')")
    own = row(
        release,
        "coverage_by_province_sector",
        "period = '2026-09' AND basis = 'workplace' AND province_code = '32' AND sector_code = 'G'",
    )
    assert desk.key("workers") == indonesian(own[0])
    assert desk.key("gap") == indonesian(own[1])
    assert desk.key("coverage_rate") == percent(own[2])
    page.select_option("#saring-kabupaten", "3204")
    desk.until("location.hash.includes('kabupaten=3204')")
    found = release.execute(
        "SELECT workers FROM release.coverage_by_sector_region WHERE period = '2026-09' "
        "AND basis = 'workplace' AND regency_code = '3204' AND sector_code = 'G'"
    ).fetchall()[0][0]
    assert desk.key("workers") == (indonesian(found) if found is not None else "•\nditahan")
    assert desk.messages == []


def test_the_league_shows_every_province_as_the_release_has_it(
    desk: Opened, release: duckdb.DuckDBPyConnection
) -> None:
    page = desk.go()
    shown = page.locator("#tabel-liga tbody tr").all_inner_texts()
    gaps = release.execute(
        "SELECT gap FROM release.coverage_by_province WHERE period = '2026-10' "
        "AND basis = 'domicile' ORDER BY gap DESC NULLS LAST"
    ).fetchall()
    found = [line.split("\t")[3].strip() for line in shown]
    assert [one.replace("\n", "") for one in found] == [
        "•ditahan" if gap is None else indonesian(gap) for (gap,) in gaps
    ]
    page.click("#urut-rate")
    # The address changes before the table is drawn anew.
    desk.until(
        "document.querySelector('#urut-rate').closest('th').getAttribute('aria-sort') "
        "=== 'descending'"
    )
    assert "urut" in page.url
    rates = [line.split("\t")[5] for line in page.locator("#tabel-liga tbody tr").all_inner_texts()]
    told = [float(r.replace(",", ".").rstrip("%")) for r in rates if "%" in r]
    assert told == sorted(told, reverse=True)
    assert page.evaluate("document.activeElement.id") == "urut-rate"


def test_an_address_restores_what_was_sent_and_back_goes_back(desk: Opened) -> None:
    page = desk.go("#/?provinsi=51&sektor=C&dasar=tempat-kerja&bahasa=en&bulan=2026-08")
    assert page.locator("#judul-ringkasan").inner_text().startswith("Bali, manufacturing")
    assert page.input_value("#saring-provinsi") == "51"
    assert page.input_value("#saring-sektor") == "C"
    assert page.input_value("#saring-dasar") == "tempat-kerja"
    assert page.input_value("#saring-bulan") == "2026-08"
    first = desk.key("workers")
    page.select_option("#saring-provinsi", "32")
    desk.until("document.title.includes('Jawa Barat')")
    assert desk.key("workers") != first
    page.go_back()
    desk.until("document.title.includes('Bali')")
    assert desk.key("workers") == first


def test_the_language_changes_every_text_and_number(desk: Opened) -> None:
    page = desk.go()
    assert page.get_attribute("html", "lang") == "id"
    before = desk.key("workers")
    page.click("#bahasa-en")
    desk.until("document.documentElement.lang === 'en'")
    desk.drawn()
    assert desk.key("workers") == before.replace(".", ",")
    words = page.evaluate("JSON.parse(document.getElementById('data').textContent).words")
    text = page.locator("main").inner_text()
    for key, own in words["id"].items():
        english = words["en"][key]
        if key.endswith(".lead") and own != english:
            assert own not in text, key
    assert "Largest gaps by province" in text
    assert desk.messages == []


def test_every_figure_leads_to_its_definition(desk: Opened) -> None:
    page = desk.go("#/?provinsi=32")
    page.click("#angka-gap .def")
    desk.until("document.activeElement.id === 'definisi-gap'")
    assert "definisi=gap" in page.url
    assert "provinsi=32" in page.url
    assert page.locator("#definisi-gap dd").inner_text()
    linked = page.eval_on_selector_all("a.def", "all => [...new Set(all.map(a => a.dataset.def))]")
    assert len(linked) > 20
    for column in linked:
        assert page.locator(f"[id='definisi-{column}']").count() == 1, column
    heads = page.eval_on_selector_all(
        "main section > div > .scroll > table thead th.num",
        "all => all.filter(th => th.textContent && !th.querySelector('a.def'))"
        ".map(th => th.textContent)",
    )
    # Worked out on the page from columns beside them.
    assert set(heads) <= {
        "Selang", "Bertaut (%)", "Sejak September 2026 (poin)", "Sep 26", "Okt 26", "Perubahan",
    }, heads  # fmt: skip


def test_what_is_withheld_is_marked_and_never_zero(
    desk: Opened, release: duckdb.DuckDBPyConnection
) -> None:
    # Which cells are withheld depends on the world: a regency is looked for that has both kinds.
    found = release.execute(
        "SELECT province_code FROM release.coverage_by_sector_region "
        "WHERE period = '2026-10' AND basis = 'domicile' "
        "GROUP BY province_code, regency_code "
        "HAVING count(coverage_rate) BETWEEN 1 AND count(*) - 1 "
        "ORDER BY count(coverage_rate) DESC, province_code LIMIT 1"
    ).fetchall()
    page = desk.go(f"#/?provinsi={found[0][0]}&sektor=B")
    assert page.locator("main .withheld").count() > 0
    marked = page.locator("main .withheld").first
    assert marked.get_attribute("title").startswith("Ditahan")
    cells = page.locator("#tabel-liga tbody td").all_inner_texts()
    assert "0" not in [cell.strip() for cell in cells]
    page.locator("#tabel-sektor summary").click()
    page.wait_for_selector("#tabel-sektor td")  # made when it is opened
    heat = page.locator("#tabel-sektor td").all_inner_texts()
    assert any("•" in cell for cell in heat)
    assert "0,0%" not in heat


def test_what_moved_since_the_month_before_is_told_and_explained(
    desk: Opened, release: duckdb.DuckDBPyConnection
) -> None:
    page = desk.go()
    before, now = (
        row(release, "coverage_national", f"period = '{month}' AND basis = 'domicile'")
        for month in ("2026-09", "2026-10")
    )
    moved = now[1] - before[1]
    line = page.locator("#tabel-perubahan tbody tr", has_text="Kesenjangan").inner_text()
    sign = "+" if moved > 0 else "\u2212"
    told = [part.strip() for part in line.split("\t")]
    assert told[1:] == [indonesian(before[1]), indonesian(now[1]), sign + indonesian(abs(moved))]
    causes = page.locator("#penyebab ol li").all_inner_texts()
    assert [one.split("\n")[-1].strip() for one in causes][1:] == ["+320", "\u221220"]
    assert page.locator("#berubah-wilayah li").count() == 5
    page.locator("#berubah-sektor a").first.click()
    desk.until("location.hash.includes('sektor=')")
    # September's causes would tell of three people; August has no month before.
    page = desk.go("#/?bulan=2026-09&bahasa=en")
    assert "Withheld" in page.locator("#penyebab").inner_text()
    page = desk.go("#/?bulan=2026-08")
    assert "Bulan pertama" in page.locator("#isi-perubahan").inner_text()
    assert desk.messages == []


def test_charts_are_drawn_and_lead_on(desk: Opened) -> None:
    page = desk.go()
    for name in ("peta", "tren", "lapangan", "sektor", "segmen", "jembatan", "kepekaan"):
        chart = page.locator(f"#bagan-{name}")
        assert chart.locator("svg path, svg text").count() > 3, name
        assert chart.get_attribute("role") == "img"
        assert chart.get_attribute("aria-label")
        assert page.locator(f"#tabel-{name}").count() == 1, name
    page.locator("#bagan-peta svg text", has_text="JABAR").click()
    desk.until("document.title.includes('Jawa Barat')")
    assert "provinsi=32" in page.url
    steps = page.locator("#bagan-jembatan svg").text_content()
    assert "88.000" in steps


@pytest.mark.parametrize(
    "fragment", ["", "#/?provinsi=32&bahasa=en", "#/?segmen=BPU&ukuran=kesenjangan"]
)
def test_there_is_no_breach_of_the_accessibility_rules(desk: Opened, fragment: str) -> None:
    page = desk.go(fragment)
    for one in page.locator("details.behind summary").all():
        one.click()
    page.wait_for_timeout(200)
    found = Axe().run(page, options=WCAG).response["violations"]
    assert [(one["id"], one["nodes"][0]["html"][:200]) for one in found] == []


def test_everything_can_be_done_by_keyboard(desk: Opened) -> None:
    page = desk.go()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    desk.until("document.activeElement.id === 'judul-ringkasan'")
    page.focus("#saring-provinsi")
    # No word is typed: it would be another choice after each pause between two of its keys.
    page.keyboard.press("ArrowDown")
    desk.until("document.title.includes('Aceh')")
    assert page.evaluate("document.activeElement.id") == "saring-provinsi"
    page.focus("#ukuran-kesenjangan")
    page.keyboard.press("Space")
    desk.until("location.hash.includes('ukuran=kesenjangan')")
    assert page.evaluate("document.activeElement.id") == "ukuran-kesenjangan"
    reached = set()
    page.evaluate("document.activeElement.blur()")
    for _ in range(400):
        page.keyboard.press("Tab")
        name = page.evaluate("document.activeElement.id || document.activeElement.textContent")
        if name in reached and name == "skip":
            break
        reached.add(name)
    for name in ("saring-kabupaten", "saring-bulan", "bahasa-en", "ulang", "urut-gap", "cetak"):
        assert name in reached, name
    style = page.evaluate("(document.getElementById('urut-gap').focus(), 'ok')")
    assert style == "ok"


def test_a_phone_shows_it_all_without_moving_sideways(phone: Opened) -> None:
    for fragment in ("", "#/?provinsi=32&bahasa=en", "#/?segmen=PU"):
        page = phone.go(fragment)
        assert page.evaluate("document.documentElement.scrollWidth") == 375
        for name in ("peta", "lapangan", "segmen"):
            width = page.locator(f"#bagan-{name} svg").bounding_box()["width"]
            assert width <= 375, name
    small = page.eval_on_selector_all(
        "button, select, summary",
        "all => all.filter(e => e.offsetParent && e.getBoundingClientRect().height < 24)"
        ".map(e => e.id || e.textContent)",
    )
    assert small == []
    assert phone.messages == []


def test_a_phone_cuts_no_name_and_shows_what_counts(phone: Opened) -> None:
    page = phone.go()
    for name in ("kepekaan", "jembatan", "lapangan", "segmen"):
        assert "\u2026" not in page.locator(f"#bagan-{name} svg").text_content(), name
    # Names are broken into lines; percentages of the trend keep their format.
    assert "%" in page.locator("#bagan-tren svg").text_content()
    for table, columns in (("#isi-diktum", 3), ("#isi-mutu", 3)):
        row = page.locator(f"{table} tbody tr").first
        shown = [cell for cell in row.locator("th, td").all() if cell.is_visible()]
        assert len(shown) == columns, table
        edge = page.locator(table).bounding_box()
        last = shown[-1].bounding_box()
        assert last["x"] + last["width"] <= edge["x"] + edge["width"] + 1, table


def test_it_prints_figures_without_controls(desk: Opened) -> None:
    page = desk.go("#/?provinsi=32")
    page.emulate_media(media="print")
    for hidden in (".filters", ".tools", ".contents", ".choice"):
        assert not page.locator(hidden).first.is_visible(), hidden
    for shown in ("#angka-coverage_rate", "#tabel-liga", "#bagan-peta svg"):
        assert page.locator(shown).is_visible(), shown
    printed = page.pdf(format="A4")
    assert printed.startswith(b"%PDF")
    assert 4 < len(re.findall(rb"/Type\s*/Page\b", printed)) < 25
