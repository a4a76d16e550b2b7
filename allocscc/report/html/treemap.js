// The map: nested rectangles, squarified (Bruls, Huizing, van Wijk: "Squarified treemaps", 2000).

const LEAST = 3; // px: smaller rectangles are not drawn
const SPLIT = 14; // px: a smaller group is one cell
const HEADER = 18; // px: the title of a group

// Rectangles for values in descending order that fill x, y, w, h.
function squarify(values, x, y, w, h) {
  const sum = values.reduce((one, other) => one + other, 0);
  const scale = (w * h) / sum;
  const rectangles = [];
  let from = 0;
  while (from < values.length) {
    const side = Math.min(w, h);
    let area = 0;
    let worst = Infinity;
    let to = from;
    while (to < values.length) {
      const next = area + values[to] * scale;
      const ratio = Math.max((side * side * values[from] * scale) / next ** 2, next ** 2 / (side * side * values[to] * scale));
      if (ratio > worst) break;
      worst = ratio;
      area = next;
      to += 1;
    }
    const thick = side > 0 ? area / side : 0;
    let along = 0;
    for (; from < to; from += 1) {
      const length = thick > 0 ? (values[from] * scale) / thick : 0;
      rectangles.push(w >= h ? [x, y + along, thick, length] : [x + along, y, length, thick]);
      along += length;
    }
    if (w >= h) [x, w] = [x + thick, w - thick];
    else [y, h] = [y + thick, h - thick];
  }
  return rectangles;
}

function drawTreemap(view) {
  const fragment = document.createDocumentFragment();
  const [width, height] = [view.clientWidth, view.clientHeight];
  measure = { width, height };
  const shown = lanes().map((node) => [node, valueOf(node)]).filter(([, value]) => value > 0);
  const sum = shown.reduce((before, [, value]) => before + value, 0);
  let top = 0;
  for (const [node, value] of shown) {
    const tall = Math.max((height * value) / sum, shown.length > 1 ? HEADER * 2 : 0);
    drawGroup(fragment, node, [], 0, top, width, Math.min(tall, height - top), 1);
    top += tall;
  }
  view.replaceChildren(fragment);
}

// A node that has one child only is drawn as one with it: its name goes into the child's title.
function drawGroup(fragment, node, names, x, y, w, h, level) {
  if (w < LEAST || h < LEAST) return;
  const children = childrenOf(node);
  if (node.kind === KIND.type || children.length === 0 || (level > 1 && (w < SPLIT || h < SPLIT))) {
    drawCell(fragment, node, x, y, w, h, level);
    return;
  }
  const single = children.length === 1 && node.kind !== KIND.heap && node.kind !== KIND.inside;
  if (single) {
    const next = children[0][0];
    if (next.kind === KIND.type) drawCell(fragment, next, x, y, w, h, level, node);
    else drawGroup(fragment, next, [...names, node.name], x, y, w, h, level);
    return;
  }
  const cell = place(make("div", { className: "group" }), x, y, w, h, level);
  paint(cell, node);
  const title = w > 56 && h > 2 * HEADER;
  if (title) cell.append(titleOf([...names, node.name].join(" › "), w, valueOf(node), "title"));
  label(cell, node);
  fragment.append(cell);
  const inset = w > 12 && h > 12 ? 2 : 0;
  const head = title ? HEADER : inset;
  const inner = [x + inset, y + head, w - 2 * inset, h - head - inset];
  const rectangles = squarify(children.map(([, value]) => value), ...inner);
  children.forEach(([child], at) => drawGroup(fragment, child, [], ...rectangles[at], level + 1));
}

// A name, and the size if both have room.
function titleOf(name, width, value, className) {
  const title = make("span", { className }, make("span", {}, name));
  if (width > 6.5 * name.length + 80 || width > 240) title.append(" ", make("b", {}, formatMetric(value)));
  return title;
}

// What a screen reader says: what can be read, then what cannot.
function label(element, node) {
  const seen = element.textContent.trim();
  const [size, ...rest] = [measured(valueOf(node)), node.kind, shareOf(node)];
  element.setAttribute("aria-label", [seen || node.name, ...(seen.includes(size) ? [] : [size]), ...rest].join(", "));
}

// A leaf: the type, and the site that it comes from where there is room.
function drawCell(fragment, node, x, y, w, h, level, site = nodes[node.parent]) {
  const cell = place(make("div", { className: "cell" }), x, y, w, h, level);
  paint(cell, node);
  if (state.colour === "allocator") cell.dataset.shade = shadeOf(site.name + node.name);
  if (node.kind !== KIND.type) {
    if (w > 44 && h > 15) cell.append(make("span", { className: "name" }, node.name));
  } else if (w > 44 && h > 15) {
    const lines = node.type >= 0 ? [node.name, site.name] : [site.name, node.name];
    cell.append(make("span", { className: "name" }, lines[0]), " ");
    if (h > 32) cell.append(make("span", { className: "size" }, formatMetric(valueOf(node))), " ");
    if (h > 50) cell.append(make("span", { className: "site" }, lines[1]));
  }
  label(cell, node);
  fragment.append(cell);
}

const gapOf = (length) => (length > 5 ? 1 : 0.5);
const share = (length, whole) => `${((100 * length) / whole).toFixed(3)}%`;

// What the view measured when it was drawn; shares of it hold on paper, too, which is narrower. Where there is no
// height, the view grows with what is in it.
let measure = { width: 1, height: 0 };

function place(element, x, y, w, h, level) {
  const { width, height } = measure;
  Object.assign(element.style, {
    left: share(x, width), width: `calc(${share(w, width)} - ${gapOf(w)}px)`,
    top: height ? share(y, height) : `${y}px`,
    height: height ? `calc(${share(h, height)} - ${gapOf(h)}px)` : `${h - gapOf(h)}px`,
  });
  element.setAttribute("role", "treeitem");
  element.setAttribute("aria-level", level);
  return element;
}
