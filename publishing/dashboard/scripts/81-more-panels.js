// Further panels: employers, clauses, bridge, sensitivity, data quality, definitions.
Cakupan.more = (function () {
  const OWN_RULES = "arrears_3";
  function create(data, figures, words, panels, getState, tableOf) {
    const { el, fill } = Cakupan.elements;
    const { t, show, plain, defined } = words;
    const { scope, tableOf: grid, behind, holder, draw, bar } = panels.tools;
    const palette = data.palette;
    const state = getState;
    const link = (change) => Cakupan.page.link(change);
    const NAMES = [["employers_flagged_without_tax", "count"], ["missing_workers_without_tax", "count"],
      ["active_participants", "count"], ["estimated_without_tax", "rupiah"]];

    function employers() {
      const s = state();
      scope("pemberi-kerja", { basis: false });
      const found = figures.employers(s);
      if (!found) { fill("isi-pemberi-kerja", el("p", { class: "note" }, t("nodetail"))); return; }
      const rows = found.regions.filter((row) => NAMES.some(([name]) => row.sums[name].value !== null))
        .sort((a, b) => (b.sums.missing_workers_without_tax.value || 0) - (a.sums.missing_workers_without_tax.value || 0));
      fill("isi-pemberi-kerja",
        el("dl", { class: "keys" }, NAMES.map(([name, kind]) => el("div", { class: kind === "rupiah" ? "key wide" : "key", id: "angka-" + name },
          el("dt", {}, defined(name)), el("dd", {}, el("span", { class: "big" }, show(found.total[name].value, kind, found.total[name].partial)))))),
        el("p", { class: "note" }, t("employers.note")),
        rows.length ? grid(t("employers"), [{ of: t(s.provinsi ? "col.regency" : "col.province"), text: true }, ...NAMES.map(([name]) => ({ of: defined(name) }))],
          rows.map((row) => ({ cells: [el("a", { href: link(s.provinsi ? { kabupaten: row.code } : { provinsi: row.code }) }, words.region(row)),
            ...NAMES.map(([name, kind]) => show(row.sums[name].value, kind, row.sums[name].partial))] })), { class: "limited" })
          : el("p", { class: "note" }, t("withheld.all")));
    }
    const BUILT = [["projects", "count"], ["with_certificate", "count"], ["without_certificate", "count"],
      ["contract_value", "rupiah"], ["value_without_certificate", "rupiah"]];
    function construction() {
      const s = state();
      scope("konstruksi", { basis: false, sector: false, regency: false });
      const found = figures.construction(s);
      if (!found || !found.rows.length) { fill("isi-konstruksi", el("p", { class: "note" }, t("construction.none"))); return; }
      const some = (sums) => BUILT.some(([name]) => sums[name].value !== null);
      const rows = found.rows.filter((row) => some(row.sums))
        .sort((a, b) => (b.sums.projects.value || 0) - (a.sums.projects.value || 0));
      const label = (code) => {
        const place = data.provinces.find((p) => p.code === code);
        return found.by === "funding" ? t("funding." + code) : el("a", { href: link({ provinsi: code }) }, place ? words.region(place) : code);
      };
      fill("isi-konstruksi",
        some(found.total) ? el("dl", { class: "keys" }, BUILT.map(([name, kind]) => el("div", { class: kind === "rupiah" ? "key wide" : "key", id: "angka-" + name },
          el("dt", {}, defined(name)), el("dd", {}, el("span", { class: "big" }, show(found.total[name].value, kind, found.total[name].partial)))))) : null,
        rows.length ? grid(t("construction"), [{ of: found.by === "funding" ? defined("funding") : t("col.province"), text: true }, ...BUILT.map(([name]) => ({ of: defined(name) }))],
          rows.map((row) => ({ cells: [label(row.code), ...BUILT.map(([name, kind]) => show(row.sums[name].value, kind, row.sums[name].partial))] })), { class: "limited" })
          : el("p", { class: "note" }, t("withheld.all")),
        rows.length && rows.length < found.rows.length ? el("p", { class: "note" }, t("hidden.rows", { n: found.rows.length - rows.length, all: found.rows.length })) : null);
    }
    const list = (dataset) => words.name(data.datasets[dataset]) || dataset;
    function clauses() {
      const s = state();
      scope("diktum", { basis: false, sector: false, regency: false });
      const rows = figures.clauses(s);
      const at = data.periods.indexOf(s.bulan);
      const past = at + 1 < data.periods.length ? data.periods[at + 1] : null;
      const all = (state) => [...figures.clauses(state), ...figures.clauseGroups(state)];
      const earlier = past ? all(Object.assign({}, s, { bulan: past })) : [];
      const is = (one) => (row) => row.clause === one.clause && row.dataset === one.dataset;
      const some = (row) => row.figure.workers !== null || row.listed !== null;
      const told = rows.filter(some);
      const groups = figures.clauseGroups(s).filter(some);
      const shown = told.flatMap((row) => [row, ...groups.filter(is(row))]);
      fill("isi-diktum", grid(t("clauses"), [{ of: defined("clause"), text: true }, { of: defined("dataset"), text: true }, { of: defined("listed") },
        { of: defined("persons") }, { of: defined("gap") }, { of: defined("coverage_rate") }, { of: "", text: true }, ...(past ? [{ of: t("since", { month: words.month(past) }) }] : [])],
      shown.map((row) => {
        const clause = data.clauses[row.clause];
        const before = earlier.find((one) => is(row)(one) && one.group === row.group);
        const group = row.group && (data.groups[row.dataset] || {})[row.group];
        const cells = [row.group ? el("span", { class: "group" }, group ? words.name(group) : row.group)
          : el("span", { class: "clause" }, el("b", {}, row.clause), " ", clause ? words.name(clause) : "",
            el("span", { class: "narrow" }, list(row.dataset))),
        row.group ? defined("obligation", t("obligation." + row.obligation)) : list(row.dataset), show(row.listed, "count", row.listedPartial),
          show(row.figure.workers, "count", row.figure.partial), show(row.figure.gap, "count", row.figure.partial),
          show(row.figure.coverage_rate, "percent"), row.figure.coverage_rate === null ? "" : bar(row.figure.coverage_rate, palette.active)];
        if (past) cells.push(before && before.figure.coverage_rate !== null && row.figure.coverage_rate !== null
          ? words.points(row.figure.coverage_rate - before.figure.coverage_rate) : words.withheld());
        return { cells };
      }), { class: "clauses" }),
      shown.some((row) => row.figure.partial) ? el("p", { class: "note" }, t("partial") + " " + t("clauses.note")) : null,
      told.length < rows.length ? el("p", { class: "note" }, t("hidden.rows", { n: rows.length - told.length, all: rows.length })) : null);
    }
    function bridge() {
      const s = state();
      scope("jembatan", { place: t("country"), regions: false, basis: "domicile", sector: false });
      const steps = data.bridge[s.bulan];
      if (!steps) { fill("isi-jembatan", el("p", { class: "note" }, t("bridge.none"))); return; }
      const told = steps.filter((step) => step.n !== null);
      fill("isi-jembatan", holder("jembatan", t("bridge.alt"), told.length * 44),
        steps.length > told.length ? el("p", { class: "note" }, t("bridge.withheld", { steps: steps.filter((step) => step.n === null).map((step) => words.name(step)).join("; ") })) : null,
        behind("jembatan", t("bridge"), [{ of: t("step"), text: true }, { of: defined("participants") }, { of: t("lost") }],
          () => steps.map((step) => {
            const before = told[told.indexOf(step) - 1];
            return { cells: [words.name(step), show(step.n, "count"), step.n === null ? words.withheld() : before ? words.integer(step.n - before.n) : "–"] };
          })));
      // Room for the widest text beside the bars; a narrow page tells the differences in the table.
      const box = document.getElementById("bagan-jembatan").clientWidth;
      const narrow = box < 480;
      const beside = (step, at) => words.integer(step.n) + (at && told[at - 1].n !== step.n && !narrow ? "  (" + words.integer(step.n - told[at - 1].n) + ")" : "");
      const bars = Math.max(80, box - (narrow ? 165 : 350));
      const text = 12 + 7 * Math.max(...told.map((step, at) => beside(step, at).length));
      const wide = told[0].n * bars / Math.max(40, bars - text);
      draw("jembatan", "steps", told.map((step, at) => ({ label: words.name(step), from: 0, to: step.n,
        color: at === told.length - 1 ? palette.active : at === 0 ? "#6b7784" : "#a9b1ba",
        text: beside(step, at),
        tip: words.name(step) + "\n" + words.integer(step.n) })), { height: told.length * 44, keep: { x: { domain: [0, wide] } } });
    }
    function sensitivity() {
      const s = state();
      scope("kepekaan", { basis: "domicile", sector: false, regency: false });
      const rows = figures.sensitivity(s, ownRules()).filter((row) => row.scenario !== ownRules());
      const told = rows.filter((row) => row.difference !== null);
      fill("isi-kepekaan", told.length ? holder("kepekaan", t("sensitivity.alt"), told.length * 52) : el("p", { class: "note" }, t("withheld.all")),
        s.provinsi ? null : el("p", { class: "note" }, t("sensitivity.note")),
        behind("kepekaan", t("sensitivity"), [{ of: defined("scenario"), text: true }, { of: t("sensitivity.difference") }, { of: defined("coverage_rate") }, { of: t("sensitivity.provinces") }],
          () => rows.map((row) => ({ cells: [t("scenario." + row.scenario), row.difference === null ? words.withheld() : words.points(row.difference),
            show(row.rate, "percent"), words.integer(row.provinces)] }))));
      if (told.length) {
        const far = Math.max(0.01, ...told.map((row) => Math.abs(row.difference))) * 1.2;
        draw("kepekaan", "dots", told.map((row) => ({ label: t("scenario." + row.scenario), at: row.difference, base: 0,
          color: Math.abs(row.difference) < 0.0005 ? "#6b7784" : row.difference < 0 ? palette.unregistered : palette.active, text: words.points(row.difference),
          tip: t("scenario." + row.scenario) + "\n" + t("sensitivity.difference") + ": " + words.points(row.difference) })), { height: told.length * 52, keep: { x: { domain: [-far, far] } } });
      }
    }
    function ownRules() {
      const months = data.meta.parameters.arrears_months;
      const named = "arrears_" + months;
      return data.words.id["scenario." + named] ? named : OWN_RULES;
    }
    function quality() {
      const s = state();
      scope("mutu", { basis: false, sector: false, regions: false, place: t("country") });
      const deliveries = Cakupan.tables.where(tableOf("deliveries", s.bulan), {});
      const counts = tableOf("reconciliation", s.bulan);
      const count = ["delivered", "accepted", "quarantined", "duplicates", "linked", "review", "unlinked"];
      const late = deliveries.filter((row) => row.delivery_state !== "current").length;
      fill("isi-mutu", el("p", {}, t(late ? "quality.summary" : "quality.all", { n: deliveries.length - late, all: deliveries.length })),
        grid(t("quality"), [{ of: defined("dataset"), text: true }, { of: defined("delivery_state"), text: true }, { of: defined("delivery_period"), text: true }, ...count.map((name) => ({ of: defined(name) })), { of: t("linkedshare") }],
          deliveries.map((row) => {
            const own = Cakupan.tables.find(counts, row.dataset) || {};
            return { cells: [el("span", {}, list(row.dataset)), el("span", { class: "state-" + row.delivery_state }, t("state." + row.delivery_state)),
              row.delivery_period ? el("span", { class: "nowrap" }, Cakupan.numbers.shortMonth(row.delivery_period, words.lang())) : "–", ...count.map((name) => (own[name] === null || own[name] === undefined ? "–" : words.integer(own[name]))),
              own.linked === null || own.linked === undefined || !own.accepted ? "–" : words.percent(own.linked / own.accepted)] };
          }), { class: "quality" }));
    }
    function definitions() {
      const names = Object.keys(data.definitions).sort((a, b) => t("col." + a).localeCompare(t("col." + b)));
      fill("isi-definisi", el("dl", { class: "definitions" }, names.map((name) => el("div", { id: "definisi-" + name, tabindex: "-1" },
        el("dt", {}, t("col." + name)), el("dd", {}, words.name(data.definitions[name]),
          data.definitions[name].unit ? el("span", { class: "unit" }, " [" + t("unit." + data.definitions[name].unit) + "]") : null, " ", el("code", {}, name))))));
      const meta = data.meta;
      fill("isi-terbitan", el("p", {}, t("made", { publication: meta.publication, at: meta.published_at, version: meta.version })),
        el("p", {}, t("parameters"), " ", Object.entries(meta.parameters).map(([name, value]) => name + " = " + value).join(", ")));
    }
    return { employers, construction, clauses, bridge, sensitivity, quality, definitions };
  }
  return { create };
})();
