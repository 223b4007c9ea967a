// What a choice of region, sector and segment counts. No document.
//
// A figure is exact (a row of the release) or a sum of what is told ("at least": `partial`).
Cakupan.figures = (function () {
  const BASIS = { domisili: "domicile", "tempat-kerja": "workplace" };
  const COUNTS = ["workers", "active", "inactive", "unregistered", "active_low", "active_high"];
  const NOTHING = Object.fromEntries(COUNTS.map((name) => [name, null]));

  const less = (one, other) => (one === null || other === null ? null : one - other);
  const over = (part, whole) => (part === null || whole === null || !whole ? null : part / whole);

  // Gaps and rates follow from the printed counts, as in the release.
  function complete(row) {
    const r = row || NOTHING;
    const workers = r.workers === undefined ? r.persons : r.workers;
    return {
      workers, active: r.active, inactive: r.inactive, unregistered: r.unregistered,
      gap: less(workers, r.active), active_low: r.active_low, active_high: r.active_high,
      gap_low: less(workers, r.active_high), gap_high: less(workers, r.active_low),
      coverage_rate: over(r.active, workers), coverage_low: over(r.active_low, workers),
      coverage_high: over(r.active_high, workers), partial: false,
    };
  }
  // Adds up what is told. The rate is that of the cells of which both its parts are told.
  function total(rows, cells) {
    const sum = { partial: rows.length < cells };
    for (const name of [...COUNTS, "gap"]) sum[name] = null;
    // Workers and active of the same cells: parts of different cells cannot be compared.
    const paired = { workers: null, active: null };
    for (const row of rows.map(complete)) {
      for (const name of [...COUNTS, "gap"]) {
        if (row[name] === null) sum.partial = true;
        else sum[name] = (sum[name] === null ? 0 : sum[name]) + row[name];
      }
      if (row.coverage_rate !== null) {
        paired.workers = (paired.workers || 0) + row.workers;
        paired.active = (paired.active || 0) + row.active;
      }
    }
    for (const name of ["gap_low", "gap_high", "coverage_low", "coverage_high"]) sum[name] = null;
    sum.coverage_rate = over(paired.active, paired.workers);
    sum.paired = { active: paired.active, gap: less(paired.workers, paired.active) };
    if (sum.partial) sum.active_low = sum.active_high = null;
    return sum;
  }

  function create(data, tableOf) {
    const { find, where } = Cakupan.tables;
    const table = (name, state, month) => tableOf(name, month || state.bulan);
    const basis = (state) => BASIS[state.dasar];
    const provinces = data.provinces.map((p) => p.code);
    const segmentCells = { sex: 3, age_band: 5 };

    function segment(state, month, conditions) {
      const rows = where(table("coverage_by_segment", state, month),
        Object.assign({ basis: "domicile", province_code: state.provinsi || undefined }, conditions));
      let cells = (state.provinsi ? 1 : provinces.length);
      for (const [name, size] of Object.entries(segmentCells)) if (!conditions[name]) cells *= size;
      if (!conditions.segment) cells *= 4;
      return total(rows, cells);
    }
    function figure(state, month) {
      if (state.segmen) return segment(state, month, { segment: state.segmen });
      const b = basis(state);
      const t = (name) => table(name, state, month);
      const { provinsi: p, kabupaten: k, sektor: s } = state;
      if (k && s) return complete(find(t("coverage_by_sector_region"), b, k, s));
      if (k) return complete(find(t("coverage_by_regency"), b, k));
      if (p && s) return complete(find(t("coverage_by_province_sector"), b, p, s));
      if (p) return complete(find(t("coverage_by_province"), b, p));
      if (s) return complete(find(t("coverage_by_sector"), b, s));
      return complete(find(t("coverage_national"), b));
    }
    // Whether the month holds the table that the choice needs.
    function there(state) {
      return !(state.kabupaten && state.sektor && !state.segmen)
        || Boolean(tableOf("coverage_by_sector_region", state.bulan));
    }
    function provinceRows(state) {
      return data.provinces.filter((p) => p.code !== "00" || state.withUnknown).map((p) => ({
        code: p.code, label: p.name, figure: figure(Object.assign({}, state,
          { provinsi: p.code, kabupaten: "" })),
      }));
    }
    // The next level below: provinces of the country, regencies of a province.
    function regions(state) {
      if (!state.provinsi || state.segmen) return provinceRows(Object.assign({ withUnknown: true }, state));
      return data.regencies.filter((r) => r.province === state.provinsi).map((r) => ({
        code: r.code, label: r.name, figure: figure(Object.assign({}, state, { kabupaten: r.code })),
      }));
    }
    function sectors(state) {
      return data.sectors.map((s) => ({
        code: s.code, id: s.id, en: s.en,
        figure: figure(Object.assign({}, state, { sektor: s.code, segmen: "" })),
      }));
    }
    function groups(state, column, values) {
      return values.map((value) => {
        const conditions = { [column]: value };
        if (state.segmen && column !== "segment") conditions.segment = state.segmen;
        return { code: value, figure: segment(state, undefined, conditions) };
      });
    }
    function clauses(state) { return lists(state, "gap_by_instruction"); }
    // The groups of a list that a clause tells apart, such as those who are obliged.
    function clauseGroups(state) { return lists(state, "gap_by_group"); }
    function lists(state, name) {
      const rows = where(table(name, state), { province_code: state.provinsi || undefined });
      const found = new Map();
      for (const row of rows) {
        const key = [row.clause, row.dataset, row.group_code].join("|");
        if (!found.has(key)) found.set(key, []);
        found.get(key).push(row);
      }
      return [...found.values()].map((own) => {
        const listed = own.map((row) => row.listed);
        return {
          clause: own[0].clause, dataset: own[0].dataset, group: own[0].group_code, obligation: own[0].obligation,
          figure: state.provinsi ? complete(own[0]) : total(own, own.length),
          listed: listed.every((one) => one === null) ? null : listed.reduce((a, b) => a + (b || 0), 0),
          listedPartial: listed.includes(null),
        };
      }).sort((one, other) => clauseOrder(one.clause) - clauseOrder(other.clause)
        || one.dataset.localeCompare(other.dataset) || String(one.group).localeCompare(String(other.group)));
    }
    const add = (names, list) => Object.fromEntries(names.map((name) => {
      const told = list.filter((row) => row[name] !== null);
      return [name, { value: told.length ? told.reduce((a, row) => a + row[name], 0) : null,
        partial: told.length < list.length }];
    }));
    function construction(state) {
      const source = table("construction_cover", state);
      if (!source) return null;
      const names = Object.keys(source.figures);
      const rows = where(source, { province_code: state.provinsi || undefined });
      const key = state.provinsi ? "funding" : "province_code";
      const codes = [...new Set(rows.map((row) => row[key]))];
      return { total: add(names, rows), by: key, rows: codes.map((code) => ({ code,
        sums: add(names, rows.filter((row) => row[key] === code)) })) };
    }
    function employers(state) {
      const source = table("compliance_by_sector_region", state);
      if (!source) return null;
      const names = Object.keys(source.figures);
      const rows = where(source, { regency_code: state.kabupaten || undefined,
        sector_code: state.sektor || undefined })
        .filter((row) => !state.provinsi || row.regency_code.slice(0, 2) === state.provinsi);
      const children = state.provinsi
        ? data.regencies.filter((r) => r.province === state.provinsi)
          .map((r) => ({ code: r.code, label: r.name }))
        : data.provinces.map((p) => ({ code: p.code, label: p.name }));
      const size = state.provinsi ? 4 : 2;
      return { total: add(names, rows), regions: children.map((child) => Object.assign(child,
        { sums: add(names, rows.filter((row) => row.regency_code.slice(0, size) === child.code)) })) };
    }
    // How far each rule moves coverage, where both it and the rules in force are told.
    function sensitivity(state, base) {
      const source = table("sensitivity", state);
      const scenarios = source ? [...new Set(source.keys.scenario)] : [];
      const codes = state.provinsi ? [state.provinsi] : provinces;
      return scenarios.map((scenario) => {
        const sums = { a: 0, w: 0, a0: 0, w0: 0, n: 0 };
        for (const code of codes) {
          const one = find(source, code, scenario);
          const own = find(source, code, base);
          if (one && own && one.active !== null && own.active !== null) {
            sums.a += one.active; sums.w += one.workers;
            sums.a0 += own.active; sums.w0 += own.workers; sums.n += 1;
          }
        }
        return { scenario, provinces: sums.n,
          rate: sums.w ? sums.a / sums.w : null, own: sums.w0 ? sums.a0 / sums.w0 : null,
          difference: sums.n ? sums.a / sums.w - sums.a0 / sums.w0 : null };
      });
    }
    function trend(state) {
      return [...data.periods].reverse()
        .map((period) => ({ period, figure: figure(Object.assign({}, state, { bulan: period })) }))
        .filter((one) => there(Object.assign({}, state, { bulan: one.period })));
    }
    return { figure, regions, provinces: provinceRows, sectors, groups, clauses, clauseGroups, employers, construction,
      sensitivity, trend, there };
  }
  function clauseOrder(clause) {
    const [, number, letter] = clause.split(".");
    return Number(number) * 100 + (letter || "a").charCodeAt(0) - 96;
  }
  // Largest gap first; what is withheld comes last.
  function largest(rows, name, count) {
    return rows.filter((row) => row.figure[name] !== null)
      .sort((one, other) => other.figure[name] - one.figure[name]).slice(0, count);
  }
  return { create, complete, total, largest, clauseOrder, BASIS };
})();
