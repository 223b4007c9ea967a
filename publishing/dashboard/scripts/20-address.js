// The page's state in its address: what is looked at can be sent. No document.
Cakupan.address = (function () {
  const DEFAULTS = {
    bulan: "", dasar: "domisili", provinsi: "", kabupaten: "", sektor: "", segmen: "",
    bahasa: "id", ukuran: "cakupan", urut: "", lihat: "", definisi: "",
  };
  const CHOICES = {
    dasar: ["domisili", "tempat-kerja"], bahasa: ["id", "en"], ukuran: ["cakupan", "kesenjangan"],
    segmen: ["PU", "BPU", "JAKON", "PMI"],
  };
  const SORTS = /^-?(label|workers|active|gap|rate)$/;
  const NAME = /^[a-z_-]{1,60}$/;

  // What is unknown is left out, never shown: an address may come from anywhere.
  function parse(hash, known) {
    const state = Object.assign({}, DEFAULTS, { bulan: known.periods[0] });
    for (const pair of String(hash).replace(/^#?\/?\??/, "").split("&")) {
      const at = pair.indexOf("=");
      const key = at < 0 ? "" : pair.slice(0, at);
      let value = "";
      try { value = decodeURIComponent(pair.slice(at + 1).replace(/\+/g, " ")); } catch { continue; }
      if (valid(key, value, known)) state[key] = value;
    }
    return settle(state, known);
  }
  function valid(key, value, known) {
    if (!Object.hasOwn(DEFAULTS, key)) return false;
    if (key in CHOICES) return CHOICES[key].includes(value);
    if (key === "bulan") return known.periods.includes(value);
    if (key === "provinsi") return known.provinces.includes(value);
    if (key === "kabupaten") return Object.hasOwn(known.regencies, value);
    if (key === "sektor") return known.sectors.includes(value);
    if (key === "urut") return SORTS.test(value);
    return NAME.test(value);
  }
  // A regency brings its province along; another province drops the regency.
  function settle(state, known) {
    if (state.kabupaten && !state.provinsi) state.provinsi = known.regencies[state.kabupaten];
    if (state.kabupaten && known.regencies[state.kabupaten] !== state.provinsi) state.kabupaten = "";
    return state;
  }
  function format(state, known) {
    const pairs = Object.keys(DEFAULTS)
      .filter((key) => state[key] && state[key] !== (key === "bulan" ? known.periods[0] : DEFAULTS[key]))
      .map((key) => key + "=" + encodeURIComponent(state[key]));
    return "#/" + (pairs.length ? "?" + pairs.join("&") : "");
  }
  return { parse, format, settle, DEFAULTS };
})();
