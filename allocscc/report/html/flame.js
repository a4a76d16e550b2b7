// The flame graph, its root on top. Above the node that was zoomed to stand those that it lies in.

const [LOW, HIGH] = [22, 54]; // px: the height of a frame, as there is room
const THIN = 2; // px: narrower frames are not drawn
const BETWEEN = 0.5; // frames: the room between the heap and what lies inside it

function drawFlame(view) {
  const fragment = document.createDocumentFragment();
  const width = view.clientWidth;
  measure = { width, height: 0 };
  const frames = [];
  const shown = lanes().filter((node) => valueOf(node) > 0);
  const widest = Math.max(...shown.map((node) => valueOf(node)), 0);
  const above = state.zoom === HEAP ? [] : pathOf(nodes[state.zoom]).slice(0, -1);
  above.forEach((node, level) => frames.push({ node, x: 0, level, width, className: "frame above" }));
  let level = above.length;
  for (const node of shown) level = layFrames(frames, node, 0, level, (width * valueOf(node)) / widest) + BETWEEN;
  const levels = level - (shown.length ? BETWEEN : 0);
  const room = Number.parseFloat(getComputedStyle(view).getPropertyValue("--tall"));
  const height = Math.max(LOW, Math.min(HIGH, Math.floor(room / (levels || 1))));
  for (const frame of frames) fragment.append(drawFrame(frame, height));
  view.replaceChildren(fragment);
  view.style.setProperty("--content", `${levels * height}px`); // in one column the view is as high as this
}

// Lay out a node and all below it; gives the level below the lowest frame.
function layFrames(frames, node, x, level, width) {
  frames.push({ node, x, level, width, className: "frame" });
  const value = valueOf(node);
  let lowest = level + 1;
  for (const [child, size] of childrenOf(node)) {
    const wide = (width * size) / value;
    if (wide < THIN) break; // the others are no wider
    lowest = Math.max(lowest, layFrames(frames, child, x, level + 1, wide));
    x += wide;
  }
  return lowest;
}

function drawFrame({ node, x, level, width, className }, height) {
  const frame = place(make("div", { className }), x, level * height, width, height, 1 + node.depth);
  paint(frame, node);
  if (width > 28) frame.append(titleOf(node.name, width, valueOf(node), "title"));
  label(frame, node);
  return frame;
}
