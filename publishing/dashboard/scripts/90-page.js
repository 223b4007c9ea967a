// The page: state, address, filters, and when what is drawn.
Cakupan.page = (function () {
  const { el } = Cakupan.elements;
  const island = (id) => {
    const own = document.getElementById(id);
    return own ? JSON.parse(own.textContent) : null;
  };
  let data, known, state, figures, words, panels, more, moved;
  const read = new Map();

  // Tables are parsed when a month is first looked at.
  function tableOf(name, period) {
    const id = "t-" + name + "-" + period;
    if (!read.has(id)) {
      const raw = island(id);
      read.set(id, raw && Cakupan.tables.read(raw));
    }
    return read.get(id);
  }
  function link(change) {
    const next = Cakupan.address.settle(Object.assign({}, state, { lihat: "", definisi: "" }, change), known);
    return Cakupan.address.format(next, known);
  }
  function go(change) { location.hash = link(change); }

  function start() {
    data = island("data");
    known = { periods: data.periods, provinces: data.provinces.map((p) => p.code),
      regencies: Object.fromEntries(data.regencies.map((r) => [r.code, r.province])),
      sectors: data.sectors.map((s) => s.code) };
    state = Cakupan.address.parse(location.hash || location.search, known);
    const now = () => state;
    words = Cakupan.words.create(data, now);
    figures = Cakupan.figures.create(data, tableOf);
    // Charts come when Vega, which stands at the page's end, has been read.
    const charts = { draw: (...given) => later.push(given) };
    panels = Cakupan.panels.create(data, figures, words, charts, now);
    more = Cakupan.more.create(data, figures, words, panels, now, tableOf);
    moved = Cakupan.moved.create(data, figures, Cakupan.changes.create(data, figures), words, panels, now, tableOf);
    for (const form of document.querySelectorAll("form")) form.addEventListener("submit", (event) => event.preventDefault());
    for (const [id, key] of FILTERS) document.getElementById(id).addEventListener("change", (event) => choose(key, event.target.value));
    document.getElementById("salin").addEventListener("click", copy);
    document.getElementById("cetak").addEventListener("click", () => window.print());
    window.addEventListener("hashchange", () => {
      state = Cakupan.address.parse(location.hash, known);
      render();
      goTo();
    });
    let wide = window.innerWidth;
    window.addEventListener("resize", () => {
      clearTimeout(start.timer);
      // A phone's address bar changes the height alone.
      if (window.innerWidth !== wide) start.timer = setTimeout(() => { wide = window.innerWidth; render(); }, 150);
    });
    render();
  }
  const FILTERS = [["saring-bulan", "bulan"], ["saring-provinsi", "provinsi"], ["saring-kabupaten", "kabupaten"],
    ["saring-sektor", "sektor"], ["saring-segmen", "segmen"], ["saring-dasar", "dasar"]];
  let later = [];
  let drawer = null;

  function choose(key, value) {
    go(key === "provinsi" ? { provinsi: value, kabupaten: "" } : { [key]: value });
  }
  function render() {
    const focused = document.activeElement && document.activeElement.id;
    later = [];
    const { t } = words;
    document.documentElement.lang = state.bahasa;
    document.title = t("title") + " · " + words.place(state) + " · " + words.month(state.bulan);
    for (const one of document.querySelectorAll("[data-t]")) one.textContent = t(one.dataset.t);
    for (const one of document.querySelectorAll("[data-label]")) one.setAttribute("aria-label", t(one.dataset.label));
    for (const one of document.querySelectorAll("[data-see]")) one.setAttribute("href", link({ lihat: one.dataset.see }));
    for (const one of document.querySelectorAll("[data-language]")) {
      one.setAttribute("href", link({ bahasa: one.dataset.language }));
      if (one.dataset.language === state.bahasa) one.setAttribute("aria-current", "true");
      else one.removeAttribute("aria-current");
    }
    document.getElementById("ulang").setAttribute("href", Cakupan.address.format(
      Object.assign({}, Cakupan.address.DEFAULTS, { bulan: known.periods[0], bahasa: state.bahasa }), known));
    filters();
    for (const panel of [panels.summary, panels.map, panels.league, moved.panel, panels.sectorParts, panels.heat, panels.segments,
      more.employers, more.construction, more.clauses, more.bridge, more.sensitivity, more.quality, more.definitions]) panel();
    if (focused && document.getElementById(focused)) document.getElementById(focused).focus({ preventScroll: true });
    document.documentElement.dataset.figures = "ready";
    if (drawer) drawAll();
  }
  function options(id, chosen, list) {
    const own = document.getElementById(id);
    own.replaceChildren(...list.map(([value, text]) => el("option", { value, selected: value === chosen }, text)));
    own.value = chosen;
  }
  const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);
  function filters() {
    const { t } = words;
    options("saring-bulan", state.bulan, known.periods.map((period) => [period, words.month(period)]));
    options("saring-provinsi", state.provinsi, [["", t("country")], ...data.provinces.map((p) => [p.code, words.region(p)])]);
    const own = data.regencies.filter((r) => r.province === state.provinsi);
    options("saring-kabupaten", state.kabupaten, [["", state.provinsi ? t("all") : t("choose.province")], ...own.map((r) => [r.code, words.region(r)])]);
    document.getElementById("saring-kabupaten").disabled = !state.provinsi;
    options("saring-sektor", state.sektor, [["", t("all")], ...data.sectors.map((s) => [s.code, words.name(s)])]);
    options("saring-segmen", state.segmen, [["", t("all")], ...["PU", "BPU", "JAKON", "PMI"].map((s) => [s, t("segment." + s)])]);
    options("saring-dasar", state.dasar, ["domisili", "tempat-kerja"].map((b) => [b, capital(t("basis." + b))]));
  }
  async function drawAll() {
    const own = later;
    for (const given of own) {
      if (own !== later) return;
      await drawer.draw(...given);
    }
    if (own === later) document.documentElement.dataset.charts = "ready";
  }
  function goTo() {
    const id = state.definisi ? "definisi-" + state.definisi : state.lihat;
    const target = id && document.getElementById(id);
    if (!target) return;
    target.scrollIntoView();
    (target.matches("[tabindex]") ? target : target.querySelector("h2") || target).focus({ preventScroll: true });
  }
  function copy() {
    const told = document.getElementById("disalin");
    const say = () => { told.textContent = words.t("copied"); setTimeout(() => { told.textContent = ""; }, 4000); };
    if (navigator.clipboard) navigator.clipboard.writeText(location.href).then(say, () => { told.textContent = location.href; });
    else told.textContent = location.href;
  }
  // Called by the last script, when Vega is there.
  function chartsReady() {
    drawer = Cakupan.charts.create(data.charts || island("charts"), document);
    drawAll().then(goTo);
  }
  return { start, chartsReady, link, go, state: () => state };
})();
