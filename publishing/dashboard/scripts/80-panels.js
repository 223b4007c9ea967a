// The panels: each takes the state's figures and fills its place on the page.
Cakupan.panels = (function () {
  function create(data, figures, words, charts, getState) {
    const { el, fill } = Cakupan.elements;
    const { t, show, plain, defined } = words;
    const palette = data.palette;
    const state = getState;
    const link = (change) => Cakupan.page.link(change);

    // What the panel stands on, and which filters it cannot follow.
    function scope(id, options) {
      const s = state();
      const parts = [options.place === undefined ? words.place(s) : options.place, words.month(s.bulan)];
      if (options.basis !== false) parts.push(t(s.segmen || options.basis === "domicile" ? "basis.domisili" : "basis." + s.dasar));
      if (options.sector !== false && s.sektor && !s.segmen) parts.push(words.shortSector(s.sektor));
      if (options.segment && s.segmen) parts.push(t("segment." + s.segmen));
      const missed = [];
      if (options.regions === false && s.provinsi) missed.push(t("filter.region"));
      if ((options.sector === false || s.segmen) && s.sektor) missed.push(t("filter.sector"));
      if (!options.segment && s.segmen) missed.push(t("filter.segment"));
      if (options.regency === false && s.kabupaten) missed.push(t("filter.regency"));
      fill("scope-" + id, parts.join(" · "), missed.length
        ? el("span", { class: "missed" }, t("notby", { what: missed.join(", ") })) : null);
    }
    function tableOf(caption, heads, rows, options) {
      const o = options || {};
      return el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": caption },
        el("table", { id: o.id, class: o.class },
          el("caption", { class: o.caption ? "" : "sr" }, caption),
          el("thead", {}, el("tr", {}, heads.map((head) => el("th",
            { scope: "col", class: head.text ? "" : "num", "aria-sort": head.sort }, head.of)))),
          el("tbody", {}, rows.map((row) => el("tr", { class: row.chosen ? "chosen" : null },
            row.cells.map((cell, at) => (at === 0
              ? el("th", { scope: "row" }, cell)
              : el("td", { class: heads[at].text ? "" : "num" }, cell))))))));
    }
    // The chart's rows as a table, made when it is opened.
    function behind(id, caption, heads, rows) {
      const body = el("div", {});
      const own = el("details", { class: "behind", id: "tabel-" + id,
        on: { toggle: () => { if (own.open && !body.firstChild) body.append(tableOf(caption, heads, rows())); } } },
      el("summary", {}, t("astable")), body);
      return own;
    }
    function holder(id, text, height, width) {
      const box = el("div", { class: "chart", id: "bagan-" + id, role: "img", "aria-label": text,
        style: { minHeight: height + "px" } });
      return width ? el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": text }, box) : box;
    }
    const locale = () => (words.lang() === "id"
      ? { decimal: ",", thousands: ".", grouping: [3], currency: ["Rp", ""] }
      : { decimal: ".", thousands: ",", grouping: [3], currency: ["Rp", ""] });
    function draw(id, name, rows, options) {
      const box = document.getElementById("bagan-" + id);
      if (box) charts.draw(box, name, rows, Object.assign({ locale: locale() }, options));
    }
    const bar = (share, color) => el("span", { class: "bar", "aria-hidden": "true" },
      el("span", { style: { width: Math.max(0, Math.min(1, share)) * 100 + "%", background: color } }));

    // --- key figures -----------------------------------------------------------------------
    function summary() {
      const s = state();
      const f = figures.figure(s);
      const before = figures.trend(s);
      const drawable = before.filter((one) => one.figure.coverage_rate !== null);
      const key = (column, kind, low, high, extra) => el("div", { class: "key", id: "angka-" + column },
        el("dt", {}, defined(column)),
        el("dd", {}, el("span", { class: "big" }, show(f[column], kind, f.partial)),
          low !== null && low !== undefined && high !== null
            ? el("span", { class: "between" }, words.write(low, kind) === words.write(high, kind) ? t("between.alike")
              : t("between", { low: words.write(low, kind), high: words.write(high, kind) }))
            : null, extra));
      const past = before[before.findIndex((one) => one.period === s.bulan) - 1];
      const moved = past && past.figure.coverage_rate !== null && f.coverage_rate !== null
        ? el("span", { class: "moved" }, t("moved", { points: words.points(f.coverage_rate - past.figure.coverage_rate),
          month: words.month(past.period) })) : null;
      fill("utama",
        el("h2", { id: "judul-ringkasan", tabindex: "-1" }, headline(s, f)),
        el("p", { class: "scope", id: "scope-ringkasan" }),
        f.coverage_rate === null ? el("p", { class: "note" }, figures.there(s) ? t("withheld.long") : t("nodetail")) : gauge(f),
        el("dl", { class: "keys" },
          key("workers", "count"),
          key("coverage_rate", "percent", f.coverage_low, f.coverage_high, moved),
          key("gap", "count", f.gap_low, f.gap_high),
          key("inactive", "count"), key("unregistered", "count")),
        f.partial ? el("p", { class: "note" }, t("partial")) : null,
        el("div", { class: "where" },
          s.kabupaten ? null : most("peringkat-wilayah", t(s.provinsi && !s.segmen ? "most.regencies" : "most.provinces"), Cakupan.figures.largest(figures.regions(s), "gap", 5),
            (row) => words.region(row), (row) => (s.provinsi && !s.segmen ? { kabupaten: row.code } : { provinsi: row.code })),
          s.segmen ? null : most("peringkat-sektor", t("most.sectors"), Cakupan.figures.largest(figures.sectors(s), "gap", 5),
            (row) => words.shortSector(row.code), (row) => ({ sektor: row.code })),
          el("div", { class: "most" }, el("h3", {}, t("trend")),
            drawable.length > 1 ? holder("tren", t("trend.alt", { place: words.place(s), n: drawable.length }), 150)
              : el("p", { class: "note" }, t(before.length > 1 ? "trend.few" : "trend.one")),
            before.length > 1 ? behind("tren", t("trend"), [{ of: t("col.period"), text: true }, { of: defined("coverage_rate") }, { of: defined("gap") }],
              () => before.map((one) => ({ cells: [words.month(one.period), show(one.figure.coverage_rate, "percent"), show(one.figure.gap, "count", one.figure.partial)] }))) : null)));
      scope("ringkasan", { segment: true, regency: s.segmen ? false : true });
      if (drawable.length > 1) {
        const rows = drawable.map((one) => ({
          month: Cakupan.numbers.shortMonth(one.period, words.lang()), at: one.figure.coverage_rate,
          low: one.figure.coverage_low === null ? one.figure.coverage_rate : one.figure.coverage_low,
          high: one.figure.coverage_high === null ? one.figure.coverage_rate : one.figure.coverage_high,
          tip: words.month(one.period) + "\n" + t("col.coverage_rate") + ": " + words.percent(one.figure.coverage_rate) }));
        draw("tren", "trend", rows, { height: 150 });
      }
    }
    function headline(s, f) {
      const what = s.sektor && !s.segmen ? ", " + words.shortSector(s.sektor).toLowerCase()
        : s.segmen ? ", " + t("segment." + s.segmen) : "";
      const who = words.place(s) + what;
      if (f.coverage_rate === null) return t("headline.withheld", { who });
      return t(f.partial ? "headline.partial" : "headline", { who, rate: words.percent(f.coverage_rate), gap: words.integer(f.gap) });
    }
    // Of all workers: with cover, lapsed, never registered.
    function gauge(f) {
      const parts = ["active", "inactive", "unregistered"];
      const told = !f.partial && parts.every((name) => f[name] !== null);
      const own = f.partial ? f.paired : f;
      const shares = told ? parts.map((name) => [name, f[name]]) : [["active", own.active], ["gap", own.gap]];
      const all = shares.reduce((sum, [, count]) => sum + count, 0);
      return el("div", { class: "gauge" },
        el("div", { class: "gauge-bar", "aria-hidden": "true" }, shares.map(([name, count]) =>
          el("span", { style: { width: (count / all) * 100 + "%", background: palette[name === "gap" ? "unregistered" : name] } }))),
        el("ul", { class: "legend" }, shares.map(([name, count]) => el("li", {},
          el("i", { "aria-hidden": "true", style: { background: palette[name === "gap" ? "unregistered" : name] } }),
          t("col." + name) + " " + words.percent(count / all)))));
    }
    function most(id, title, rows, label, change) {
      const top = rows.length ? rows[0].figure.gap : 1;
      return el("div", { class: "most", id }, el("h3", {}, title),
        rows.length ? el("ol", {}, rows.map((row) => el("li", {},
          el("a", { href: link(change(row)) }, label(row)), el("span", { class: "num" }, show(row.figure.gap, "count", row.figure.partial)),
          bar(row.figure.gap / top, palette.unregistered)))) : el("p", { class: "note" }, t("withheld.all")));
    }

    // --- map ---------------------------------------------------------------------------------
    function map() {
      const s = state();
      scope("peta", { place: t("country"), segment: true });
      const rows = figures.provinces(Object.assign({}, s, { provinsi: "", kabupaten: "" }));
      const gaps = rows.map((row) => row.figure.gap).filter((gap) => gap !== null);
      const span = s.ukuran === "kesenjangan" ? [0, Math.max(1, ...gaps)]
        : Cakupan.charts.range(rows.map((row) => row.figure.coverage_rate));
      const kind = s.ukuran === "kesenjangan" ? "count" : "percent";
      const value = (f) => (s.ukuran === "kesenjangan" ? f.gap : f.coverage_rate);
      const text = t("map.alt", { measure: t("measure." + s.ukuran), n: rows.filter((row) => value(row.figure) !== null).length });
      const real = Boolean(data.shapes);
      fill("isi-peta",
        el("div", { class: "choice", role: "group", "aria-label": t("measure") }, ["cakupan", "kesenjangan"].map((one) =>
          el("button", { type: "button", id: "ukuran-" + one, "aria-pressed": String(s.ukuran === one),
            on: { click: () => Cakupan.page.go({ ukuran: one }) } }, t("measure." + one)))),
        holder("peta", text, 200),
        legend(span, kind, s.ukuran),
        behind("peta", text, [{ of: t("col.province"), text: true }, { of: defined("coverage_rate") }, { of: defined("gap") }],
          () => rows.map((row) => ({ cells: [el("a", { href: link({ provinsi: row.code, kabupaten: "" }) }, row.label),
            show(row.figure.coverage_rate, "percent"), show(row.figure.gap, "count", row.figure.partial)] }))));
      const width = document.getElementById("bagan-peta").clientWidth;
      const small = width < 620;
      const painted = rows.map((row) => {
        const own = data.provinces.find((p) => p.code === row.code);
        const paint = Cakupan.charts.paint(row.figure, s.ukuran, span, palette);
        const short = value(row.figure) === null ? "•" : s.ukuran === "kesenjangan"
          ? compact(row.figure.gap) : Cakupan.numbers.fixed(row.figure.coverage_rate * 100, 0, words.lang());
        return { code: row.code, x: own.x, y: own.y, label: small ? "" : own.short, value: small ? "" : short,
          size: 10, size2: 12, color: paint.color, ink: paint.ink, edge: s.provinsi === row.code ? "#000000" : "#ffffff",
          tip: row.label + "\n" + t("col.coverage_rate") + ": " + plain(row.figure.coverage_rate, "percent")
            + "\n" + t("col.gap") + ": " + plain(row.figure.gap, "count", row.figure.partial) };
      });
      const onclick = (datum) => datum.code && Cakupan.page.go({ provinsi: datum.code, kabupaten: "" });
      if (real) {
        const byCode = Object.fromEntries(painted.map((row) => [row.code, row]));
        const features = data.shapes.map((shape) => ({ type: "Feature", geometry: shape.geometry,
          properties: Object.assign({}, byCode[shape.properties.code], { edge: s.provinsi === shape.properties.code ? "#000000" : "#ffffff" }) }));
        draw("peta", "shapes", features, { height: Math.round(width * 0.42), onclick });
      } else draw("peta", "tiles", painted, { height: Math.round(Math.min(width / 16, 66) * 8), onclick });
    }
    function compact(count) {
      const units = words.lang() === "id" ? [[1e6, "jt"], [1e3, "rb"]] : [[1e6, "M"], [1e3, "k"]];
      const unit = units.find(([size]) => count >= size);
      return unit ? Cakupan.numbers.fixed(count / unit[0], count / unit[0] < 10 ? 1 : 0, words.lang()) + "\u00a0" + unit[1] : words.integer(count);
    }
    function legend(span, kind, measure) {
      const edge = (value) => (kind === "percent" ? Cakupan.numbers.percent(value, words.lang(), 0) : words.integer(value));
      const colors = measure === "kesenjangan" ? [...palette.scale].reverse() : palette.scale;
      return el("div", { class: "scale" },
        el("span", {}, edge(span[0])),
        el("span", { class: "ramp", "aria-hidden": "true" }, colors.map((color) => el("i", { style: { background: color } }))),
        el("span", {}, edge(span[1])),
        el("span", { class: "scale-withheld" }, el("i", { "aria-hidden": "true", style: { background: palette.withheld } }, "•"), " ", t("withheld.legend")));
    }

    // --- league table ------------------------------------------------------------------------
    const VALUE = { workers: (f) => f.workers, active: (f) => f.active, gap: (f) => f.gap, rate: (f) => f.coverage_rate };
    function league() {
      const s = state();
      const own = s.provinsi && !s.segmen;
      scope("wilayah", { segment: true, place: own ? words.place(Object.assign({}, s, { kabupaten: "" })) : t("country") });
      const rows = figures.regions(Object.assign({}, s, own ? { kabupaten: "" } : { provinsi: "", kabupaten: "" }));
      const order = s.urut || "-gap";
      const name = order.replace("-", "");
      const down = order.startsWith("-");
      rows.sort((one, other) => {
        if (name === "label") return (down ? -1 : 1) * words.region(one).localeCompare(words.region(other));
        const a = VALUE[name](one.figure);
        const b = VALUE[name](other.figure);
        if (a === null || b === null) return (a === null) - (b === null) || words.region(one).localeCompare(words.region(other));
        return down ? b - a : a - b;
      });
      const head = (key, column) => ({ text: key === "label", sort: name === key ? (down ? "descending" : "ascending") : "none",
        of: el("span", { class: "head" }, column ? defined(column) : t(own ? "col.regency" : "col.province"),
          el("button", { type: "button", class: "sort", id: "urut-" + key, "aria-label": t("sortby", { what: column ? t("col." + column) : t("col.province") }),
            on: { click: () => Cakupan.page.go({ urut: name === key && down ? key : "-" + key }) } }, name === key ? (down ? "▼" : "▲") : "↕")) });
      const top = Math.max(1, ...rows.map((row) => row.figure.gap || 0));
      const told = rows.filter((row) => row.figure.workers !== null);
      const hidden = rows.length - told.length;
      fill("isi-wilayah", told.length ? tableOf(t("league"), [head("label"), head("workers", "workers"), head("active", "active"),
        head("gap", "gap"), { of: "", text: true }, head("rate", "coverage_rate"), { of: t("interval") }],
      told.map((row) => ({ chosen: row.code === s.provinsi || row.code === s.kabupaten, cells: [
        el("a", { href: link(own ? { kabupaten: row.code } : { provinsi: row.code, kabupaten: "" }) }, words.region(row)),
        show(row.figure.workers, "count", row.figure.partial), show(row.figure.active, "count", row.figure.partial),
        show(row.figure.gap, "count", row.figure.partial),
        row.figure.gap === null ? "" : bar(row.figure.gap / top, palette.unregistered),
        show(row.figure.coverage_rate, "percent"),
        row.figure.coverage_low === null ? words.withheld() : words.interval(row.figure.coverage_low, row.figure.coverage_high)] })),
      { id: "tabel-liga", class: "league" }) : el("p", { class: "note" }, t("withheld.all")),
      hidden && told.length ? el("p", { class: "note" }, t("hidden.regions", { n: hidden, all: rows.length })) : null);
    }

    // --- sectors -----------------------------------------------------------------------------
    function sectorParts() {
      const s = state();
      scope("lapangan", { sector: false });
      const rows = figures.sectors(s);
      stacked("lapangan", t("sectors.alt", { place: words.place(s) }), rows.map((row) => ({ label: words.shortSector(row.code), full: words.sector(row.code), code: row.code, figure: row.figure })),
        t("col.sector"), (datum) => Cakupan.page.go({ sektor: datum.code }));
    }
    function stacked(id, text, rows, head, onclick) {
      const told = rows.filter((row) => row.figure.workers !== null);
      let apart = 0;
      const parts = told.flatMap((row, position) => {
        const f = row.figure;
        const parts = f.partial ? f.paired : f;
        const own = !f.partial && f.inactive !== null && f.unregistered !== null ? ["active", "inactive", "unregistered"]
          : parts.active !== null ? ["active", "gap"] : ["workers"];
        // An empty line between groups of rows that are not parts of one whole.
        const line = position && row.group !== told[position - 1].group
          ? [{ label: " ".repeat(apart += 1), n: 0, part: 0, color: "transparent", tip: "" }] : [];
        return line.concat(own.map((part, at) => ({ label: row.label, code: row.code, n: (part === "workers" ? f : parts)[part] || 0, part: at,
          color: { gap: palette.unregistered, workers: "#b9bfc6" }[part] || palette[part],
          tip: (row.full || row.label) + "\n" + t("col." + part) + ": " + plain(f[part], "count", f.partial)
            + "\n" + t("col.coverage_rate") + ": " + plain(f.coverage_rate, "percent") })));
      });
      const height = (told.length + apart) * 26 + 30;
      fill("isi-" + id, told.length ? [holder(id, text, height),
        el("ul", { class: "legend" }, (told.some((row) => !row.figure.partial) ? ["active", "inactive", "unregistered"] : ["active", "gap"]).map((part) => el("li", {},
          el("i", { "aria-hidden": "true", style: { background: palette[part] || palette.unregistered } }), t("col." + part))),
        told.some((row) => row.figure.active === null) ? el("li", {}, el("i", { "aria-hidden": "true", style: { background: "#b9bfc6" } }), t("parts.withheld")) : null)]
        : el("p", { class: "note" }, t("withheld.all")),
      told.length && told.length < rows.length ? el("p", { class: "note" }, t("hidden.rows", { n: rows.length - told.length, all: rows.length })) : null,
      behind(id, text, [{ of: head, text: true }, { of: defined("workers") }, { of: defined("active") }, { of: defined("inactive") },
        { of: defined("unregistered") }, { of: defined("gap") }, { of: defined("coverage_rate") }],
      () => rows.map((row) => ({ cells: [row.full || row.label, ...["workers", "active", "inactive", "unregistered", "gap"]
        .map((name) => show(row.figure[name], "count", row.figure.partial)), show(row.figure.coverage_rate, "percent")] }))));
      if (told.length) draw(id, "parts", parts, { height, onclick });
    }
    function heat() {
      const s = state();
      const own = s.provinsi;
      scope("sektor", { sector: false, place: own ? words.place(Object.assign({}, s, { kabupaten: "" })) : t("country") });
      const there = !own || figures.there({ kabupaten: "0000", sektor: "A", bulan: s.bulan });
      const regions = own ? data.regencies.filter((r) => r.province === own) : data.provinces;
      const cells = !there ? [] : regions.flatMap((region) => data.sectors.map((sector) => ({ region, sector,
        figure: figures.figure(Object.assign({}, s, { segmen: "", sektor: sector.code },
          own ? { kabupaten: region.code } : { provinsi: region.code, kabupaten: "" })) })));
      const tolds = new Set(cells.filter((c) => c.figure.coverage_rate !== null).map((c) => c.region.code));
      const rows = regions.filter((region) => tolds.has(region.code));
      const span = Cakupan.charts.range(cells.map((cell) => cell.figure.coverage_rate));
      const text = t("heat.alt", { place: own ? words.place(Object.assign({}, s, { kabupaten: "" })) : t("country") });
      const height = rows.length * 21 + 40;
      fill("isi-sektor", rows.length ? [holder("sektor", text, height, true), legend(span, "percent", "cakupan"),
        el("p", { class: "note codes" }, data.sectors.map((one) => el("span", {}, el("b", {}, one.code), " " + words.shortSector(one.code) + " ")))]
        : el("p", { class: "note" }, there ? t("withheld.all") : t("nodetail")),
      rows.length < regions.length && rows.length ? el("p", { class: "note" }, t("hidden.coverage", { n: regions.length - rows.length, all: regions.length })) : null,
      behind("sektor", text, [{ of: t(own ? "col.regency" : "col.province"), text: true }, ...data.sectors.map((one) => ({ of: one.code }))],
        () => rows.map((region) => ({ cells: [words.region(region), ...cells.filter((c) => c.region.code === region.code)
          .map((c) => show(c.figure.coverage_rate, "percent"))] }))));
      if (!rows.length) return;
      const width = Math.max(document.getElementById("bagan-sektor").parentElement.clientWidth - 4, 700);
      draw("sektor", "heat", cells.filter((cell) => tolds.has(cell.region.code)).map((cell) => {
        const paint = Cakupan.charts.paint(cell.figure, "cakupan", span, palette);
        return { row: words.region(cell.region), column: cell.sector.code, color: paint.color, ink: paint.ink, region: cell.region.code, sector: cell.sector.code,
          text: cell.figure.coverage_rate === null ? "•" : Cakupan.numbers.fixed(cell.figure.coverage_rate * 100, 0, words.lang()),
          tip: words.region(cell.region) + " · " + words.shortSector(cell.sector.code) + "\n" + t("col.coverage_rate") + ": " + plain(cell.figure.coverage_rate, "percent")
            + "\n" + t("col.workers") + ": " + plain(cell.figure.workers, "count") + "\n" + t("col.gap") + ": " + plain(cell.figure.gap, "count") };
      }), { height, width, onclick: (datum) => datum.region && Cakupan.page.go(own ? { kabupaten: datum.region, sektor: datum.sector } : { provinsi: datum.region, kabupaten: "", sektor: datum.sector }) });
    }
    function segments() {
      const s = state();
      scope("segmen", { basis: "domicile", sector: false, regency: false, segment: true });
      const label = (prefix) => (row) => ({ label: t(prefix + row.code), code: row.code, group: prefix, figure: row.figure });
      stacked("segmen", t("segments.alt"), [
        ...figures.groups(s, "segment", s.segmen ? [s.segmen] : ["PU", "BPU", "JAKON", "PMI"]).map(label("segment.")),
        ...figures.groups(s, "sex", ["L", "P"]).map(label("sex.")),
        ...figures.groups(s, "age_band", ["15-24", "25-34", "35-44", "45-54", "55-64"]).map(label("age.")),
      ], t("group"), (datum) => ["PU", "BPU", "JAKON", "PMI"].includes(datum.code) && Cakupan.page.go({ segmen: datum.code }));
    }
    return { summary, map, league, sectorParts, heat, segments, tools: { scope, tableOf, behind, holder, draw, bar } };
  }
  return { create };
})();
