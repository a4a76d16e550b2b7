// The flame graph, its root on top. Above the node that was zoomed to stand those that it lies in.

const [LOW, HIGH] = [22, 54]; // px: the height of a frame, as there is room
const THIN = 2; // px: narrower frames are not drawn

let frameHeight = LOW;

function depthOf(node) {
  return 1 + Math.max(0, ...childrenOf(node).map(([child]) => depthOf(child)));
}

function drawFlame(view) {
  const fragment = document.createDocumentFragment();
  const width = view.clientWidth;
  measure = { width, height: 0 };
  const shown = lanes().filter((node) => valueOf(node) > 0);
  const widest = Math.max(...shown.map((node) => valueOf(node)), 0);
  const steps = shown.reduce((sum, node) => sum + depthOf(node) + (state.zoom === HEAP ? 0.5 : node.depth), 0);
  const room = Math.floor(Number.parseFloat(getComputedStyle(view).getPropertyValue("--tall")) / (steps || 1));
  frameHeight = Math.max(LOW, Math.min(HIGH, room));
  let top = 0;
  if (state.zoom !== HEAP) {
    for (const node of pathOf(nodes[state.zoom]).slice(0, -1)) {
      drawFrame(fragment, node, 0, top, width, 1 + node.depth).classList.add("above");
      top += frameHeight;
    }
  }
  for (const node of shown) {
    top = drawFrames(fragment, node, 0, top, (width * valueOf(node)) / widest) + (state.zoom === HEAP ? frameHeight / 2 : 0);
  }
  view.replaceChildren(fragment);
  view.style.setProperty("--content", `${top}px`); // in one column the view is as high as this
}

// Draw a node and all below it; gives where the lowest frame ends.
function drawFrames(fragment, node, x, top, width) {
  drawFrame(fragment, node, x, top, width, 1 + node.depth);
  const value = valueOf(node);
  let lowest = top + frameHeight;
  for (const [child, size] of childrenOf(node)) {
    const wide = (width * size) / value;
    if (wide < THIN) break; // the others are no wider
    lowest = Math.max(lowest, drawFrames(fragment, child, x, top + frameHeight, wide));
    x += wide;
  }
  return lowest;
}

function drawFrame(fragment, node, x, top, width, level) {
  const frame = place(make("div", { className: "frame" }), x, top, width, frameHeight, level);
  paint(frame, node);
  if (width > 28) frame.append(titleOf(node.name, width, valueOf(node), "title"));
  label(frame, node);
  fragment.append(frame);
  return frame;
}
