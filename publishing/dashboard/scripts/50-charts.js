// Charts: rows for their specifications, and drawing them.
Cakupan.charts = (function () {
  // The class of a value within a range, 0 lowest. Shared by map, heat map and legend.
  function step(value, low, high, steps) {
    if (high <= low) return steps - 1;
    return Math.max(0, Math.min(steps - 1, Math.floor(((value - low) / (high - low)) * steps)));
  }
  // A range of whole tenths that holds every rate.
  function range(rates) {
    const told = rates.filter((rate) => rate !== null);
    if (!told.length) return [0, 1];
    const low = Math.floor(Math.min(...told) * 10) / 10;
    return [low, Math.max(Math.ceil(Math.max(...told) * 10) / 10, low + 0.1)];
  }
  // Dark is where the gap is: low coverage, or many people without cover.
  function paint(figure, measure, span, palette) {
    const value = measure === "kesenjangan" ? figure.gap : figure.coverage_rate;
    if (value === null) return { color: palette.withheld, ink: "#000000", told: false };
    const at = step(value, span[0], span[1], palette.scale.length);
    const own = measure === "kesenjangan" ? palette.scale.length - 1 - at : at;
    return { color: palette.scale[own], ink: palette.ink[own], told: true };
  }

  // Breaks a label into lines of at most so many signs, where it has blanks.
  function lines(text, most) {
    const made = [];
    for (const word of text.split(" ")) {
      const last = made.length - 1;
      if (made.length && (made[last] + " " + word).length <= most) made[last] += " " + word;
      else made.push(word);
    }
    return made.join("\n");
  }
  const MOST = 20;

  function create(specs, page) {
    const drawn = new Map();
    let turn = 0;

    // Draws into a holder; a later drawing of the same holder overtakes an earlier one.
    async function draw(holder, name, rows, options) {
      if (typeof vegaEmbed === "undefined") return;
      const own = (turn += 1);
      holder.dataset.turn = own;
      const spec = structuredClone(specs[name]);
      spec.width = Math.max(options.width || holder.clientWidth, 200);
      spec.height = options.height;
      const narrow = spec.width < 480;
      const labelled = narrow ? rows.map((row) => (row.label && row.label.length > MOST
        ? Object.assign({}, row, { label: lines(row.label, MOST) }) : row)) : rows;
      for (const source of spec.data) if (source.name === "rows") source.values = labelled;
      if (narrow) for (const axis of spec.axes || []) {
        // Names, which have a limit of their own; numbers keep their format.
        if (axis.orient === "left" && axis.labelLimit) axis.encode = { labels: { update: {
          text: { signal: "split(datum.value, '\\n')" }, lineHeight: { value: 13 },
          dy: { signal: "-6.5 * (length(split(datum.value, '\\n')) - 1)" } } } };
        axis.labelLimit = Math.min(axis.labelLimit || 999, 150);
        if (axis.tickCount) axis.tickCount = 3;
        // The last number stands within the chart, also where it is not at the very end.
        if (axis.labelFlush) axis.labelFlush = 24;
      }
      if (options.keep) for (const scale of spec.scales || []) if (options.keep[scale.name]) Object.assign(scale, options.keep[scale.name]);
      // The compiled axes hold no words: only months and numbers, by the language's signs.
      // In a place of its own: Vega names the role of what it draws into.
      const inner = page.createElement("div");
      inner.setAttribute("aria-hidden", "true");
      const made = await vegaEmbed(inner, spec, {
        mode: "vega", ast: true, actions: false, renderer: "svg", hover: false,
        tooltip: tip, formatLocale: options.locale,
      });
      if (Number(holder.dataset.turn) !== own) { made.finalize(); return; }
      holder.replaceChildren(inner);
      // Views of holders that have left the page let go of their listeners.
      for (const [past, view] of drawn) {
        if (past === holder || !past.isConnected) { view.finalize(); drawn.delete(past); }
      }
      drawn.set(holder, made);
      const svg = holder.querySelector("svg");
      if (svg) { svg.setAttribute("aria-hidden", "true"); svg.setAttribute("focusable", "false"); }
      if (options.onclick) {
        made.view.addEventListener("click", (_event, item) => {
          const datum = item && item.datum;
          if (datum) options.onclick(datum.properties || datum);
        });
      }
    }
    function tip(_handler, event, _item, value) {
      const box = page.getElementById("tip");
      const text = value && (value[" "] || value.tip);
      box.hidden = !text;
      if (!text) return;
      box.textContent = text;
      const wide = page.documentElement.clientWidth;
      box.style.left = Math.max(8, Math.min(event.clientX + 14, wide - box.offsetWidth - 8)) + "px";
      box.style.top = event.clientY + 18 + "px";
    }
    return { draw };
  }
  return { create, step, range, paint, lines };
})();
