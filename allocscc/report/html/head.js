// What stands above the views: names, sums, choices, the path of the zoom, the legend, and the list of keys.

const KEYS = [
  ["/", "filter rows; Escape in the field empties it"],
  ["↑ ↓ ← →", "in map or flame graph: go to what is around, below, beside"],
  ["Enter", "zoom to what is selected; a click does the same"],
  ["Escape, Backspace", "zoom out by one step"],
  ["Home", "zoom out to the whole heap"],
  ["p  l  n", "at the peak, live, in total"],
  ["b", "bytes or chunks"],
  ["c", "colours of allocators or of types"],
  ["t", "light, dark, or as the system has it"],
  ["?", "this help"],
];

function drawTop() {
  const name = baseName(data.program) || data.program;
  byId("program").textContent = name;
  const where = data.program === name ? "" : `${data.program} · `;
  byId("about").textContent = `${where}written ${data.written}${data.pid ? ` · process ${data.pid}` : ""}`;
  const words = { peak: "At the peak", live: data.atExit ? "Live at exit" : "Live then", total: "In total" };
  const tiles = MOMENTS.map((moment) => {
    const off = !data.counted && moment !== "live";
    const tile = radio("tile", () => choose({ moment }), words[moment]);
    tile.dataset.moment = moment;
    tile.disabled = off;
    tile.append(
      make("strong", {}, off ? "not counted" : formatBytes(wholeOf(nodes[HEAP], `${moment}_bytes`))),
      make("small", {}, off ? "run with profile=FILE" : formatChunks(wholeOf(nodes[HEAP], `${moment}_chunks`))),
    );
    return tile;
  });
  byId("moments").replaceChildren(...tiles);
  byId("units").replaceChildren(...segments("unit", ["bytes", "chunks"]));
  byId("colours").replaceChildren(...segments("colour", ["allocator", "type"]));
  const notes = data.suballocators.map(([inner, outer]) =>
    make("li", {}, make("b", {}, inner || NO_NAME), ` hands out pieces of ${outer || NO_NAME}’s chunks: they lie inside those and are not added to the sums.`));
  byId("notes").replaceChildren(...(notes.length > 4 ? notes.slice(0, 3).concat(make("li", {}, `So do ${notes.length - 3} more.`)) : notes));
  byId("keys").replaceChildren(...KEYS.flatMap(([key, meaning]) => [make("dt", {}, make("kbd", {}, key)), make("dd", {}, meaning)]));
}

function radio(className, chosen, ...children) {
  const button = make("button", { type: "button", className, role: "radio" }, ...children);
  button.addEventListener("click", chosen);
  return button;
}

const segments = (what, values) => values.map((value) => {
  const button = radio("", () => choose({ [what]: value }), value);
  button.dataset.choice = what;
  button.dataset.value = value;
  return button;
});

function drawCrumbs() {
  const path = state.zoom === HEAP ? [nodes[HEAP]] : [nodes[HEAP], ...pathOf(nodes[state.zoom]).filter((node) => node.number !== HEAP)];
  byId("crumbs").replaceChildren(...path.map((node, at) => {
    const button = make("button", { type: "button" }, node.number === HEAP ? "whole heap" : node.name);
    if (at === path.length - 1) button.setAttribute("aria-current", "location");
    button.addEventListener("click", () => zoomTo(node.number));
    return button;
  }));
}

// What the colours mean; a click zooms to an allocator, or leaves only a type.
function drawLegend() {
  const byType = state.colour === "type";
  const all = roots.flatMap((root) => nodes[root].children.map((number) => nodes[number]));
  const entries = byType ? [...colours.type.keys()].map((name) => ({ name: text(name), type: name }))
    : all.sort((one, other) => wholeOf(other) - wholeOf(one)).slice(0, 8);
  byId("legend").replaceChildren(...entries.map((entry) => {
    const button = make("button", { type: "button", title: `${byType ? "only" : "zoom to"} ${entry.name}` }, make("i"), make("span", {}, entry.name));
    button.dataset.colour = colourOf(entry[state.colour]);
    if (!byType && isInside(entry)) button.classList.add("inside");
    button.addEventListener("click", () => (byType ? filterBy(`type:"${entry.name}"`) : zoomTo(entry.number)));
    return button;
  }));
}

function filterBy(query) {
  search.value = query === search.value ? "" : query;
  choose({ query: search.value });
}

function drawShown() {
  const rows = table.order.length;
  const lane = lanes()[0];
  const sum = valueOf(lane);
  const share = percent(sum, wholeOf(rootOf(lane)));
  const what = isInside(lane) ? "of these suballocated chunks" : "of the heap";
  byId("shown").textContent = `${exactly.format(rows)} of ${exactly.format(rowCount)} · ${measured(sum)}, ${share} ${what}`;
}
