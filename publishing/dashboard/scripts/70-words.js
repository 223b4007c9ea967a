// Words in the language of the state, and how a figure is written.
Cakupan.words = (function () {
  function create(data, getState) {
    const n = Cakupan.numbers;
    const { el } = Cakupan.elements;
    const lang = () => getState().bahasa;
    function t(key, values) {
      const text = data.words[lang()][key];
      if (text === undefined) throw new Error("no text " + key);
      return text.replace(/\{(\w+)\}/g, (_all, name) => values[name]);
    }
    const name = (thing) => (thing ? thing[lang()] : "");
    function withheld() {
      return el("span", { class: "withheld", title: t("withheld.long") },
        el("span", { "aria-hidden": "true" }, "•"), el("span", { class: "sr" }, t("withheld")));
    }
    // A count or a rate; a sum of which parts are withheld is said to be at least that.
    function show(value, kind, partial) {
      // "At least none" says nothing: the sum's other parts are withheld.
      if (value === null || value === undefined || (partial && value === 0)) return withheld();
      return (partial && kind !== "percent" ? "≥\u00a0" : "") + write(value, kind);
    }
    function write(value, kind) {
      if (value === null) return "•";
      if (kind === "percent") return n.percent(value, lang());
      if (kind === "rupiah") return n.rupiah(value, lang());
      return n.integer(value, lang());
    }
    // One figure where both ends are printed alike.
    function interval(low, high) {
      const ends = [write(low, "percent"), write(high, "percent")];
      return ends[0] === ends[1] ? ends[0] : ends.join("–");
    }
    const plain = (value, kind, partial) => (value === null ? t("withheld")
      : (partial && kind !== "percent" ? t("atleast") + " " : "") + write(value, kind));
    function defined(column, text) {
      const own = Cakupan.page.link({ definisi: column, lihat: "" });
      return el("a", { class: "def", href: own, "data-def": column, title: name(data.definitions[column]) },
        text || t("col." + column));
    }
    function sector(code) {
      const found = data.sectors.find((one) => one.code === code);
      return found ? name(found) : code;
    }
    function shortSector(code) { return data.words[lang()]["sector." + code] || sector(code); }
    function place(state) {
      if (state.kabupaten) return data.regencies.find((r) => r.code === state.kabupaten).name;
      if (state.provinsi) return region(data.provinces.find((p) => p.code === state.provinsi));
      return t("country");
    }
    // Unknown regions have no name in the reference tables.
    function region(one) { return /^0+$/.test(one.code) ? t("unknown") : one.label || one.name; }
    return { t, name, show, plain, write, interval, withheld, defined, sector, shortSector, place, region, lang,
      month: (period) => n.month(period, lang()), shortMonth: (period) => n.shortMonth(period, lang()), points: (d) => n.points(d, lang()),
      integer: (v) => n.integer(v, lang()), signed: (v) => n.signed(v, n.integer(v, lang())), percent: (v) => n.percent(v, lang()) };
  }
  return { create };
})();
