// Numbers, months and words as people read them. No state, no document.
"use strict";
var Cakupan = {};

Cakupan.numbers = (function () {
  const MONTHS = {
    id: ["Januari", "Februari", "Maret", "April", "Mei", "Juni", "Juli", "Agustus", "September",
      "Oktober", "November", "Desember"],
    en: ["January", "February", "March", "April", "May", "June", "July", "August", "September",
      "October", "November", "December"],
  };
  const SIGN = { id: { group: ".", point: "," }, en: { group: ",", point: "." } };
  const THIN = "\u00a0";

  // Written out rather than left to the browser: the same figure on every machine.
  function fixed(value, places, lang) {
    const sign = SIGN[lang];
    const [whole, part] = Math.abs(value).toFixed(places).split(".");
    const grouped = whole.replace(/\B(?=(\d{3})+$)/g, sign.group);
    const text = part ? grouped + sign.point + part : grouped;
    return value < 0 && Number(Math.abs(value).toFixed(places)) !== 0 ? "\u2212" + text : text;
  }
  function integer(value, lang) { return fixed(value, 0, lang); }
  function percent(rate, lang, places) {
    return fixed(rate * 100, places === undefined ? 1 : places, lang) + "%";
  }
  function signed(value, text) { return value > 0 ? "+" + text : text; }
  function points(difference, lang) {
    const value = difference * 100;
    return signed(Number(value.toFixed(1)), fixed(value, 1, lang));
  }
  // Rupiah in the largest unit that leaves at least one whole: 1,2 miliar.
  function rupiah(value, lang) {
    const units = lang === "id"
      ? [[1e12, "triliun"], [1e9, "miliar"], [1e6, "juta"]]
      : [[1e12, "trillion"], [1e9, "billion"], [1e6, "million"]];
    const unit = units.find(([size]) => Math.abs(value) >= size);
    return "Rp" + (unit ? fixed(value / unit[0], 1, lang) + THIN + unit[1]
      : integer(value, lang));
  }
  function month(period, lang) {
    const [year, number] = period.split("-");
    return MONTHS[lang][Number(number) - 1] + " " + year;
  }
  function shortMonth(period, lang) {
    const [year, number] = period.split("-");
    return MONTHS[lang][Number(number) - 1].slice(0, 3) + " " + year.slice(2);
  }
  return { fixed, integer, percent, points, signed, rupiah, month, shortMonth };
})();
