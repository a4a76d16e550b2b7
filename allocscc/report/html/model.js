// The rows, the tree over them, and what the reader has chosen. Columns: allocscc/report/html/columns.py.

const data = JSON.parse(byId("data").textContent);
const rowCount = data.allocator.length;
const MOMENTS = ["peak", "live", "total"];
const COUNTS = MOMENTS.flatMap((moment) => [`${moment}_bytes`, `${moment}_chunks`]);
const KIND = { heap: "heap", inside: "suballocated", allocator: "allocator", wrapper: "wrapper", site: "site", type: "type" };
const NO_NAME = "(no name)";
const NO_TYPE = "type not known";
const HEAP = 0;

const state = { moment: data.counted ? "peak" : "live", unit: "bytes", query: "", colour: "allocator", zoom: HEAP, selected: HEAP };
const metric = () => `${state.moment}_${state.unit}`;
const formatMetric = (value) => (state.unit === "bytes" ? formatBytes(value) : formatCount(value));

const measured = (value) => (state.unit === "bytes" ? formatBytes(value) : formatChunks(value));

const text = (number) => data.strings[number] || NO_NAME;
const baseName = (path) => path.slice(path.lastIndexOf("/") + 1);

const sitePlaces = data.sites.map(([, file, line, object]) =>
  (file >= 0 ? `(${baseName(data.strings[file])}:${line})` : object >= 0 ? `(${data.strings[object]})` : ""));
const siteNames = data.sites.map(([name], site) => `${text(name)} ${sitePlaces[site]}`.trim());
const siteFiles = data.sites.map(([, file, line]) => (file >= 0 ? `${data.strings[file]}:${line}` : ""));
const chainNames = data.chains.map((chain) => chain.map(text).join(" < "));
const typeName = (row) => (data.type[row] >= 0 ? text(data.type[row]) : "?");

// A node owns the rows [lo, hi). Nodes of one tree are numbered in depth-first order.
const nodes = [];
const MIXED = -2; // instead of a type: there are several below the node

function addNode(kind, name, parent, row, detail = "") {
  const depth = parent >= 0 ? nodes[parent].depth + 1 : 0;
  const number = nodes.length;
  nodes.push({ number, kind, name, parent, depth, lo: row, hi: row, children: [], detail, allocator: -1, type: null });
  if (parent >= 0) nodes[parent].children.push(number);
  return number;
}

// Steps of a row below its root: [key, kind, name, detail]; two rows with the same keys share the node.
function stepsOf(row) {
  const site = data.site[row];
  const steps = [[data.allocator[row], KIND.allocator, text(data.allocator[row])]];
  for (const wrapper of data.chains[data.chain[row]]) steps.push([wrapper, KIND.wrapper, text(wrapper)]);
  steps.push([-2 - site, KIND.site, siteNames[site], siteFiles[site]]);
  steps.push([data.type[row], KIND.type, data.type[row] >= 0 ? text(data.type[row]) : NO_TYPE]);
  return steps;
}

const roots = [];

function buildTree() {
  let open = [];
  let keys = [];
  let lane = -1;
  roots.push(addNode(KIND.heap, "heap", -1, 0));
  for (let row = 0; row < rowCount; row += 1) {
    if (data.parent[row] !== lane) {
      lane = data.parent[row];
      roots.push(addNode(KIND.inside, `inside chunks of ${text(lane)}`, -1, row));
      open = [];
      keys = [];
    }
    const root = roots[roots.length - 1];
    const steps = stepsOf(row);
    let same = 0;
    while (same < keys.length && same < steps.length && keys[same] === steps[same][0]) same += 1;
    open.length = same;
    keys.length = same;
    for (const [key, kind, name, detail] of steps.slice(same)) {
      const number = addNode(kind, name, open.length ? open[open.length - 1] : root, row, detail);
      nodes[number].allocator = data.allocator[row];
      nodes[number].type = data.type[row];
      open.push(number);
      keys.push(key);
    }
    nodes[root].hi = row + 1;
    for (const number of open) {
      nodes[number].hi = row + 1;
      if (nodes[number].type !== data.type[row]) nodes[number].type = MIXED;
    }
  }
}

// Sums of the rows before each row, for those that the filter lets through: a node's value is a difference.
const sumsOf = (name, keep) => {
  const column = data.counts[name];
  const sums = new Float64Array(rowCount + 1);
  for (let row = 0; row < rowCount; row += 1) sums[row + 1] = sums[row] + (!keep || keep[row] ? column[row] : 0);
  return sums;
};

const whole = {};
let kept = null;
let filtered = {};

const valueOf = (node, name = metric()) => filtered[name][node.hi] - filtered[name][node.lo];
const wholeOf = (node, name = metric()) => whole[name][node.hi] - whole[name][node.lo];

// Which rows hold a word: looked for once in each string and site, rows then go by number.
const lower = data.strings.map((name) => name.toLowerCase());
const lowerPlaces = data.sites.map(([, file, line, object]) =>
  (file >= 0 ? `${lower[file]}:${line}` : object >= 0 ? lower[object] : ""));

function rowsWith(term) {
  const [, minus, field, word] = /^(-?)(?:(allocator|wrapper|site|function|file|type):)?(.*)$/s.exec(term);
  const among = (...names) => !field || names.includes(field);
  const holds = lower.map((name) => name.includes(word));
  const chains = data.chains.map((chain) => among("wrapper") && chain.some((name) => holds[name]));
  const sites = data.sites.map(([name], site) =>
    (among("function", "site") && holds[name]) || (among("file", "site") && lowerPlaces[site].includes(word)));
  const keep = new Uint8Array(rowCount);
  for (let row = 0; row < rowCount; row += 1) {
    const type = data.type[row];
    const found = chains[data.chain[row]] || sites[data.site[row]] ||
      (among("allocator") && holds[data.allocator[row]]) || (among("type") && (type >= 0 ? holds[type] : word === "?"));
    keep[row] = found === !minus ? 1 : 0;
  }
  return keep;
}

// Words are separated by blanks; "struct node" in quotes is one.
function applyQuery() {
  const terms = state.query.toLowerCase().match(/-?(?:\w+:)?"[^"]*"?|\S+/g) || [];
  const words = terms.map((term) => term.replaceAll('"', "")).filter((term) => !/^-?(\w+:)?$/.test(term));
  kept = words.length ? new Uint8Array(rowCount).fill(1) : null;
  for (const word of words) {
    const found = rowsWith(word);
    for (let row = 0; row < rowCount; row += 1) kept[row] &= found[row];
  }
  filtered = kept ? Object.fromEntries(COUNTS.map((name) => [name, sumsOf(name, kept)])) : whole;
}

// Children with something in them, the largest first.
function childrenOf(node) {
  return node.children.map((number) => [nodes[number], valueOf(nodes[number])]).filter(([, value]) => value > 0)
    .sort((one, other) => other[1] - one[1]);
}

// The nodes that are shown side by side: the heap and what lies inside it, or the one that was zoomed to.
const lanes = () => (state.zoom === HEAP ? roots : [state.zoom]).map((number) => nodes[number]);

function pathOf(node) {
  const path = [node];
  while (path[0].parent >= 0) path.unshift(nodes[path[0].parent]);
  return path;
}

const rootOf = (node) => pathOf(node)[0];
const isInside = (node) => rootOf(node).kind === KIND.inside;

// Colours: of allocators, or of types; those with most bytes have one of their own, what is not known has none.
const COLOURS = 7;
const colours = { allocator: new Map(), type: new Map() };

function chooseColours() {
  const column = data.counts[data.counted ? "peak_bytes" : "live_bytes"];
  for (const [by, map] of Object.entries(colours)) {
    const sizes = new Map();
    for (let row = 0; row < rowCount; row += 1) {
      if (data[by][row] >= 0) sizes.set(data[by][row], (sizes.get(data[by][row]) || 0) + column[row]);
    }
    const largest = [...sizes].sort((one, other) => other[1] - one[1]).slice(0, COLOURS);
    largest.forEach(([name], at) => map.set(name, at));
  }
  // With one allocator its colour would tell nothing.
  if (new Set(data.allocator).size === 1) state.colour = "type";
}

const colourOf = (thing) => colours[state.colour].get(thing) ?? "none";

function shadeOf(name) {
  let hash = 7;
  for (let at = 0; at < name.length; at += 1) hash = (hash * 31 + name.charCodeAt(at)) | 0;
  return Math.abs(hash) % 5;
}

function paint(element, node) {
  element.dataset.node = node.number;
  element.dataset.colour = colourOf(node[state.colour]);
  // Shades tell neighbours of one allocator apart; a type has one colour.
  element.dataset.shade = state.colour === "type" && element.dataset.colour !== "none" ? 0 : shadeOf(node.name);
  if (isInside(node)) element.classList.add("inside");
}

function shareOf(node) {
  return percent(valueOf(node), wholeOf(rootOf(node)));
}

const describe = (node) => `${node.name}, ${node.kind}, ${measured(valueOf(node))}, ${shareOf(node)}`;

for (const name of COUNTS) whole[name] = sumsOf(name, null);
buildTree();
chooseColours();
applyQuery();
