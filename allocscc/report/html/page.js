// What pointer and keyboard do.

const treemap = byId("treemap");
const flame = byId("flame");
const tip = byId("tip");
const search = byId("search");

// Change what is shown, and draw what depends on it.
function choose(change) {
  Object.assign(state, change);
  if ("query" in change) applyQuery();
  if ("zoom" in change) state.selected = state.zoom;
  if ("moment" in change || "unit" in change) table.sort = columns.find((column) => column.name === metric());
  if ("moment" in change || "unit" in change) table.descending = true;
  for (const button of document.querySelectorAll("[data-moment]")) check(button, button.dataset.moment === state.moment);
  for (const button of document.querySelectorAll("[data-choice]")) check(button, button.dataset.value === state[button.dataset.choice]);
  if ("unit" in change) drawTimeline(byId("timeline"));
  drawCrumbs();
  drawLegend();
  drawViews();
  sortRows();
  drawShown();
}

function check(button, on) {
  button.setAttribute("aria-checked", on);
  button.tabIndex = on ? 0 : -1;
}

function drawViews() {
  hideTip();
  const nothing = lanes().every((node) => valueOf(node) === 0);
  document.querySelector(".views").hidden = nothing; // first: what is hidden has no size to draw into
  const empty = byId("empty");
  empty.hidden = !nothing;
  if (nothing) empty.textContent = kept ? "No row with anything in it has these words." : "Nothing was allocated here.";
  drawTreemap(treemap);
  drawFlame(flame);
  mark(state.selected, false);
}

// Zooming goes through the address: the browser's back button zooms out.
function zoomTo(number) {
  if (number === state.zoom) return;
  location.hash = number === HEAP ? "" : `node=${number}`;
}

function followAddress() {
  const number = Number((/^#node=(\d+)$/.exec(location.hash) || [0, HEAP])[1]);
  choose({ zoom: number < nodes.length ? number : HEAP });
}

// Where a view shows a node; the map draws one with a single child as one with that.
function elementOf(view, node) {
  const element = view.querySelector(`[data-node="${node.number}"]`);
  const below = childrenOf(node);
  return element || (below.length === 1 ? elementOf(view, below[0][0]) : null);
}

// Select a node in both views; say it where the keyboard did it.
function mark(number, aloud) {
  state.selected = number;
  for (const view of [treemap, flame]) {
    view.querySelectorAll("[aria-selected=true]").forEach((element) => element.setAttribute("aria-selected", false));
    view.removeAttribute("aria-activedescendant");
    const element = number === state.zoom ? null : elementOf(view, nodes[number]);
    if (!element) continue;
    element.setAttribute("aria-selected", true);
    element.id = `${view.id}-selected`;
    view.querySelectorAll(`#${element.id}`).forEach((other) => other !== element && other.removeAttribute("id"));
    view.setAttribute("aria-activedescendant", element.id);
  }
  if (aloud) byId("selected").textContent = number === state.zoom ? "" : describe(nodes[number]);
}

function showTip(node, x, y) {
  const path = pathOf(node).filter((step) => step !== node && step.number !== HEAP);
  const inner = isInside(node);
  tip.replaceChildren(
    make("b", {}, node.name), " ", make("em", {}, node.kind === KIND.heap ? "" : node.kind),
    make("p", {}, node.detail), make("p", { className: "muted" }, path.map((step) => step.name).join(" › ")),
    make("dl", {}, ...MOMENTS.filter((moment) => data.counted || moment === "live").flatMap((moment) => {
      const [size, chunks] = [valueOf(node, `${moment}_bytes`), valueOf(node, `${moment}_chunks`)];
      return [make("dt", {}, moment), make("dd", {}, formatBytes(size)), make("dd", {}, formatChunks(chunks)),
        make("dd", {}, percent(size, wholeOf(rootOf(node), `${moment}_bytes`)))];
    })),
    make("p", { className: "muted" }, inner ? "Inside other chunks: not added to the heap." : ""),
  );
  tip.hidden = false;
  const box = tip.getBoundingClientRect();
  tip.style.left = `${Math.max(8, Math.min(x + 14, innerWidth - box.width - 8))}px`;
  tip.style.top = `${y + 18 + box.height > innerHeight ? Math.max(8, y - box.height - 10) : y + 18}px`;
}

function hideTip() {
  tip.hidden = true;
}

const nodeAt = (event) => {
  const element = event.target.closest("[data-node]");
  return element && nodes[Number(element.dataset.node)];
};

// What an arrow leads to: around, the largest below, or the next beside.
function neighbour(key) {
  const node = nodes[state.selected];
  if (key === "ArrowDown") return childrenOf(node)[0]?.[0];
  if (key === "ArrowUp") return node.number === state.zoom ? null : nodes[node.parent];
  const around = node.parent >= 0 ? childrenOf(nodes[node.parent]).map(([child]) => child) : lanes();
  return node.number === state.zoom && state.zoom !== HEAP ? null : around[around.indexOf(node) + (key === "ArrowRight" ? 1 : -1)];
}

function zoomOut() {
  if (state.zoom !== HEAP) zoomTo(Math.max(nodes[state.zoom].parent, HEAP));
}

for (const view of [treemap, flame]) {
  view.addEventListener("click", (event) => {
    const node = nodeAt(event);
    if (node) zoomTo(node.number === state.zoom ? Math.max(node.parent, HEAP) : node.number);
  });
  view.addEventListener("pointermove", (event) => {
    const node = nodeAt(event);
    if (node) showTip(node, event.clientX, event.clientY);
    else hideTip();
  });
  view.addEventListener("pointerleave", hideTip);
  view.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && state.selected !== state.zoom) zoomTo(state.selected);
    else if (event.key.startsWith("Arrow")) {
      const next = neighbour(event.key);
      if (next) mark(next.number, true);
    } else return;
    event.preventDefault();
  });
}

byId("table").addEventListener("click", (event) => {
  const line = event.target.closest("[data-row]");
  if (!line) return;
  const row = Number(line.dataset.row);
  const leaf = nodes.findLast((node) => node.kind === KIND.type && node.lo <= row && row < node.hi);
  mark(leaf.number, true);
});

for (const group of [byId("moments"), byId("units"), byId("colours")]) {
  group.addEventListener("keydown", (event) => {
    if (!event.key.startsWith("Arrow")) return;
    const buttons = [...group.querySelectorAll("button:not(:disabled)")];
    const step = event.key === "ArrowRight" || event.key === "ArrowDown" ? 1 : buttons.length - 1;
    const next = buttons[(buttons.indexOf(event.target) + step) % buttons.length];
    next.click();
    next.focus();
    event.preventDefault();
  });
}

const help = byId("help");
const SHORTCUTS = {
  "/": () => search.focus(),
  "?": () => help.showModal(),
  t: nextTheme,
  p: () => data.counted && choose({ moment: "peak" }),
  l: () => choose({ moment: "live" }),
  n: () => data.counted && choose({ moment: "total" }),
  b: () => choose({ unit: state.unit === "bytes" ? "chunks" : "bytes" }),
  c: () => choose({ colour: state.colour === "type" ? "allocator" : "type" }),
  Escape: zoomOut,
  Backspace: zoomOut,
  Home: () => zoomTo(HEAP),
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || help.open || event.target === search) return;
  const action = SHORTCUTS[event.key];
  if (!action || (event.key === "Home" && event.target === table.scroller)) return;
  event.preventDefault();
  action();
});

// With many rows, the filter waits for a pause in typing.
const [MANY, PAUSE] = [5000, 120]; // rows, ms
let waiting = 0;
search.addEventListener("input", () => {
  clearTimeout(waiting);
  const apply = () => choose({ query: search.value });
  if (rowCount > MANY) waiting = setTimeout(apply, PAUSE);
  else apply();
});
search.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  event.preventDefault();
  if (search.value) choose({ query: (search.value = "") });
  else search.blur();
});

byId("theme").addEventListener("click", nextTheme);
byId("help-button").addEventListener("click", () => help.showModal());
addEventListener("hashchange", followAddress);
addEventListener("resize", () => requestAnimationFrame(() => (drawViews(), drawRows())));
for (const [event, printing] of [["beforeprint", true], ["afterprint", false]]) {
  addEventListener(event, () => {
    table.printing = printing;
    drawViews();
    drawRows();
  });
}

setTheme(storedTheme());
drawTop();
buildTable(byId("table"));
choose({ moment: state.moment, unit: state.unit });
if (location.hash) followAddress();
// How long it took from the start of loading until all was painted, for the benchmark: milliseconds.
requestAnimationFrame(() => requestAnimationFrame(() => {
  document.documentElement.dataset.painted = Math.round(performance.now());
}));
