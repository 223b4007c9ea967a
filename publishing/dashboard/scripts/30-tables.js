// The page's tables: from their compact form to rows that can be looked up. No document.
Cakupan.tables = (function () {
  const GAP = "|";

  // keys: {column: {d: values, i: "0,0,1"}}, figures: {column: "12,,3"}; empty is withheld.
  function read(raw) {
    const keys = {};
    for (const [name, column] of Object.entries(raw.keys)) {
      keys[name] = raw.n ? column.i.split(",").map((at) => column.d[Number(at)]) : [];
    }
    const figures = {};
    for (const [name, text] of Object.entries(raw.figures)) {
      figures[name] = raw.n ? text.split(",").map((one) => (one === "" ? null : Number(one))) : [];
    }
    const names = Object.keys(keys);
    const index = new Map();
    for (let row = 0; row < raw.n; row += 1) {
      index.set(names.map((name) => keys[name][row]).join(GAP), row);
    }
    return { n: raw.n, keys, figures, index };
  }
  function find(table, ...values) {
    const row = table ? table.index.get(values.join(GAP)) : undefined;
    return row === undefined ? null : at(table, row);
  }
  function at(table, row) {
    const found = {};
    for (const name of Object.keys(table.keys)) found[name] = table.keys[name][row];
    for (const name of Object.keys(table.figures)) found[name] = table.figures[name][row];
    return found;
  }
  function where(table, conditions) {
    const rows = [];
    const pairs = Object.entries(conditions).filter(([, value]) => value !== undefined);
    for (let row = 0; table && row < table.n; row += 1) {
      if (pairs.every(([name, value]) => table.keys[name][row] === value)) rows.push(at(table, row));
    }
    return rows;
  }
  return { read, find, where };
})();
