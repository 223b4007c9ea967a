// What moved between two months: differences of figures that are told in both. No document.
Cakupan.changes = (function () {
  const ROWS = [["workers", "count"], ["active", "count"], ["inactive", "count"],
    ["unregistered", "count"], ["gap", "count"], ["coverage_rate", "percent"]];

  function create(data, figures) {
    // The month held before this one, and the same month a year before, if it is held.
    function before(state) {
      return data.periods[data.periods.indexOf(state.bulan) + 1] || null;
    }
    function yearBefore(state) {
      const [year, month] = state.bulan.split("-");
      const period = String(Number(year) - 1) + "-" + month;
      return data.periods.includes(period) ? period : null;
    }
    const at = (state, period) => Object.assign({}, state, { bulan: period });
    // Sums of what is told rest on other cells in other months: they are not compared.
    function compare(state, period) {
      const now = figures.figure(state);
      const past = period && figures.there(at(state, period)) ? figures.figure(at(state, period)) : null;
      const partial = now.partial || (past !== null && past.partial);
      return { partial, rows: ROWS.map(([name, kind]) => ({ name, kind, now: now[name],
        before: past === null ? null : past[name],
        change: past === null || (partial && kind === "count") || now[name] === null || past[name] === null
          ? null : now[name] - past[name] })) };
    }
    // Regions or sectors whose gap moved most, either way; only what both months tell, and of how
    // many they tell it.
    function most(list, state, period, count) {
      if (!period) return { told: 0, rows: [] };
      const past = new Map(list(at(state, period)).map((row) => [row.code, row.figure]));
      const told = list(state).map((row) => {
        const old = past.get(row.code);
        const both = old && !old.partial && !row.figure.partial && old.gap !== null && row.figure.gap !== null;
        return Object.assign({}, row, { change: both ? row.figure.gap - old.gap : null });
      }).filter((row) => row.change !== null);
      return { told: told.length, rows: told.filter((row) => row.change)
        .sort((one, other) => Math.abs(other.change) - Math.abs(one.change)
          || one.code.localeCompare(other.code)).slice(0, count) };
    }
    // Lists whose delivery is in another state than a month before.
    function deliveries(tableOf, state, period) {
      const states = (month) => new Map(Cakupan.tables.where(tableOf("deliveries", month), {})
        .map((row) => [row.dataset, row.delivery_state]));
      const now = states(state.bulan);
      const past = states(period);
      return [...new Set([...past.keys(), ...now.keys()])].sort()
        .map((dataset) => ({ dataset, now: now.get(dataset) || "missing", before: past.get(dataset) || "missing" }))
        .filter((one) => one.now !== one.before);
    }
    return { before, yearBefore, compare, most, deliveries };
  }
  return { create };
})();
