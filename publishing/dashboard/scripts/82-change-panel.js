// The panel of what moved since the month before, and what explains it.
Cakupan.moved = (function () {
  const CAUSES = ["people", "deliveries", "links"];
  const FLOWS = ["entered_work", "left_work", "newly_covered", "newly_lapsed"];
  function create(data, figures, changes, words, panels, getState, tableOf) {
    const { el, fill } = Cakupan.elements;
    const { t, show, defined } = words;
    const { scope, tableOf: grid } = panels.tools;
    const palette = data.palette;
    const link = (change) => Cakupan.page.link(change);

    const signed = (value) => (value === null ? words.withheld() : words.signed(value));
    function change(row, partial) {
      if (partial && row.kind === "count") return "–";
      if (row.change === null) return words.withheld();
      return row.kind === "percent" ? words.points(row.change) + "\u00a0" + t("points") : words.signed(row.change);
    }
    // A bar from the middle: to the right where the gap grew, to the left where it shrank.
    function aside(value, most) {
      const share = most ? (Math.abs(value) / most) * 50 : 0;
      return el("span", { class: "aside", "aria-hidden": "true" }, el("span", { style: {
        width: share + "%", left: value < 0 ? 50 - share + "%" : "50%",
        background: value < 0 ? palette.active : palette.unregistered } }));
    }
    function ranked(id, title, { told, rows }, label, target) {
      const most = rows.length ? Math.abs(rows[0].change) : 0;
      return el("div", { class: "most", id }, el("h3", {}, title), rows.length
        ? el("ol", {}, rows.map((row) => el("li", {}, target ? el("a", { href: link(target(row)) }, label(row)) : el("span", {}, label(row)),
          el("span", { class: "num" }, signed(row.change)), aside(row.change, most))))
        : el("p", { class: "note" }, t(told ? "change.nothing" : "withheld.all")));
    }
    function sentence(rows) {
      const gap = rows.find((row) => row.name === "gap").change;
      const rate = rows.find((row) => row.name === "coverage_rate").change;
      if (gap === null || rate === null) return null;
      const how = gap > 0 ? "up" : gap < 0 ? "down" : "same";
      return el("p", { class: "told" }, t("change." + how, { n: words.integer(Math.abs(gap)), points: words.points(rate) }));
    }
    function why(s, period) {
      const own = data.changes[s.bulan];
      if (!own || own.previous !== period) return el("p", { class: "note" }, t("change.none"));
      const causes = CAUSES.map((cause) => ({ code: cause, change: own.causes[cause] }));
      const told = causes.every((row) => row.change !== null);
      const most = Math.max(...causes.map((row) => Math.abs(row.change || 0)));
      return el("div", { class: "most", id: "penyebab" }, el("h3", {}, defined("cause", t("change.why"))),
        told ? el("ol", {}, causes.map((row) => el("li", {}, el("span", {}, t("cause." + row.code)),
          el("span", { class: "num" }, signed(row.change)), aside(row.change, most))))
          : el("p", { class: "note" }, t("change.withheld")),
        el("dl", { class: "flows" }, FLOWS.map((name) => el("div", {}, el("dt", {}, defined(name)),
          el("dd", { class: "num" }, show(own.flows[name], "count"))))));
    }
    function came(s, period) {
      const rows = changes.deliveries(tableOf, s, period);
      return el("p", { class: "note", id: "kiriman-berubah" }, rows.length
        ? t("change.deliveries", { lists: rows.map((row) => (words.name(data.datasets[row.dataset]) || row.dataset)
          + " (" + t("state." + row.before) + " → " + t("state." + row.now) + ")").join("; ") })
        : t("change.deliveries.none"));
    }
    function panel() {
      const s = getState();
      const period = changes.before(s);
      scope("perubahan", { segment: true });
      if (!period) { fill("isi-perubahan", el("p", { class: "note" }, t("change.first"))); return; }
      const year = changes.yearBefore(s);
      const own = changes.compare(s, period);
      const past = year ? changes.compare(s, year).rows : [];
      fill("isi-perubahan", sentence(own.rows),
        grid(t("change"), [{ of: "", text: true }, { of: words.shortMonth(period) }, { of: words.shortMonth(s.bulan) }, { of: t("change.month") },
          ...(year ? [{ of: t("change.year", { month: words.shortMonth(year) }) }] : [])],
        own.rows.map((row, at) => ({ cells: [defined(row.name), show(row.before, row.kind, own.partial), show(row.now, row.kind, own.partial),
          change(row, own.partial), ...(year ? [change(past[at], own.partial)] : [])] })), { id: "tabel-perubahan", class: year ? "changes year" : "changes" }),
        own.partial ? el("p", { class: "note" }, t("change.partial")) : null,
        el("div", { class: "where" },
          s.kabupaten || s.segmen ? null : ranked("berubah-wilayah", t(s.provinsi ? "change.regencies" : "change.provinces"),
            changes.most((state) => figures.regions(state), s, period, 5),
            (row) => words.region(row), (row) => (s.provinsi ? { kabupaten: row.code } : { provinsi: row.code })),
          s.segmen ? null : ranked("berubah-sektor", t("change.sectors"), changes.most((state) => figures.sectors(state), s, period, 5),
            (row) => words.shortSector(row.code), (row) => ({ sektor: row.code })),
          why(s, period)),
        came(s, period));
    }
    return { panel };
  }
  return { create };
})();
