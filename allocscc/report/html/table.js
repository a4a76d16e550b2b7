// The table of rows: only what can be seen is in the document.

const LINE = 27; // px: the height of a row, as in page.css
const PRINTED = 60; // rows on paper

const numberColumn = (name) => ({
  name, label: name.replace("_", " "), number: true, compare: (one, other) => data.counts[name][one] - data.counts[name][other],
});
const textColumn = (name, of) => ({
  name, label: name, number: false, text: of, compare: (one, other) => of(one).localeCompare(of(other), "en"),
});
const columns = [
  ...COUNTS.filter((name) => data.counted || name.startsWith("live")).map(numberColumn),
  textColumn("type", typeName),
  textColumn("site", (row) => siteNames[data.site[row]]),
  textColumn("wrappers", (row) => chainNames[data.chain[row]]),
  textColumn("allocator", (row) => text(data.allocator[row])),
];

const table = { order: [], sort: null, descending: true, body: null, scroller: null, printing: false, ranks: {} };

// Comparing ranks of names is much faster than comparing names, and 50,000 rows have few names.
function ranksOf(column) {
  if (!table.ranks[column.name]) {
    const names = Array.from({ length: rowCount }, (_, row) => column.text(row));
    const order = new Intl.Collator("en", { numeric: true });
    const ranks = new Map([...new Set(names)].sort(order.compare).map((name, at) => [name, at]));
    table.ranks[column.name] = Int32Array.from(names, (name) => ranks.get(name));
  }
  return table.ranks[column.name];
}

function buildTable(host) {
  const head = make("div", { className: "head", role: "row", "aria-rowindex": 1 });
  for (const column of columns) {
    const cell = make("span", { className: `cell-${column.number ? "number" : "text"}`, role: "columnheader" });
    const button = make("button", { type: "button" }, column.label, make("i", { "aria-hidden": true }));
    button.dataset.column = column.name;
    button.addEventListener("click", () => sortBy(column));
    cell.append(button);
    head.append(cell);
  }
  table.body = make("div", { className: "body", role: "rowgroup" });
  host.append(make("div", { className: "headgroup", role: "rowgroup" }, head), table.body);
  host.style.setProperty("--numbers", columns.filter((column) => column.number).length);
  host.setAttribute("aria-colcount", columns.length);
  table.scroller = host;
  host.addEventListener("scroll", () => requestAnimationFrame(drawRows), { passive: true });
}

function sortBy(column) {
  if (table.sort === column) table.descending = !table.descending;
  else [table.sort, table.descending] = [column, column.number];
  sortRows();
}

// Take the rows that the filter and the zoom leave, in the order of the chosen column.
function sortRows() {
  const rows = [];
  const inZoom = state.zoom === HEAP ? { lo: 0, hi: rowCount } : nodes[state.zoom];
  for (let row = inZoom.lo; row < inZoom.hi; row += 1) if (!kept || kept[row]) rows.push(row);
  const column = table.sort;
  const keys = column.number ? data.counts[column.name] : ranksOf(column);
  const sign = table.descending ? -1 : 1;
  const second = data.counts[metric()];
  table.order = rows.sort((one, other) => sign * (keys[one] - keys[other]) || second[other] - second[one] || one - other);
  for (const button of table.scroller.querySelectorAll("button")) {
    const mine = button.dataset.column === column.name;
    const words = table.descending ? "descending" : "ascending";
    button.parentElement.setAttribute("aria-sort", mine ? words : "none");
  }
  table.scroller.setAttribute("aria-rowcount", rows.length + 1);
  table.scroller.scrollTop = 0;
  drawRows();
}

function drawRows() {
  const { order, scroller, body } = table;
  const from = table.printing ? 0 : Math.max(0, Math.floor(scroller.scrollTop / LINE) - 8);
  const to = table.printing ? Math.min(order.length, PRINTED) : Math.min(order.length, from + Math.ceil(scroller.clientHeight / LINE) + 18);
  const fragment = document.createDocumentFragment();
  for (let at = from; at < to; at += 1) fragment.append(drawRow(order[at], at));
  body.style.height = `${(table.printing ? to : order.length) * LINE}px`;
  body.replaceChildren(fragment);
}

// Where there is little room, the function is cut, and not the line.
function siteCell(site) {
  return [make("span", {}, text(data.sites[site][0])), " ", make("small", {}, sitePlaces[site])];
}

function drawRow(row, at) {
  const line = make("div", { className: "row", role: "row", "aria-rowindex": at + 2 });
  line.style.top = `${at * LINE}px`;
  line.dataset.row = row;
  line.dataset.colour = colourOf(data[state.colour][row]);
  const inside = data.parent[row] >= 0;
  if (inside) line.classList.add("inside");
  const root = roots.map((number) => nodes[number]).find((node) => row >= node.lo && row < node.hi);
  for (const column of columns) {
    if (column.number) {
      const value = data.counts[column.name][row];
      const words = column.name.endsWith("bytes") ? formatBytes(value) : formatCount(value);
      const cell = make("span", { className: "cell-number", role: "cell", title: exactly.format(value) }, words);
      if (value === 0) cell.classList.add("zero");
      if (column.name === metric()) {
        cell.classList.add("chosen");
        cell.style.setProperty("--share", wholeOf(root) ? value / wholeOf(root) : 0);
      }
      line.append(cell);
      continue;
    }
    const site = data.site[row];
    const words = column.name === "site" ? siteCell(site) : [column.text(row)];
    const title = column.name === "site" ? `${siteNames[site]} ${siteFiles[site]}` : column.text(row);
    const cell = make("span", { className: `cell-text ${column.name}`, role: "cell", title }, ...words);
    if (column.name === "type" && data.type[row] < 0) cell.classList.add("zero");
    if (column.name === state.colour) cell.classList.add("swatch");
    if (column.name === "allocator" && inside) cell.append(make("em", {}, `in ${text(data.parent[row])}`));
    line.append(cell);
  }
  return line;
}
