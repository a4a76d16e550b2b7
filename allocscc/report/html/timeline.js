// What was live over time, as an area; a pointer on it reads one sample.

const SVG = "http://www.w3.org/2000/svg";

function svg(tag, attributes) {
  const element = document.createElementNS(SVG, tag);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}

function drawTimeline(figure) {
  const samples = data.timeline;
  if (samples.length < 2) return;
  figure.hidden = false;
  const at = state.unit === "bytes" ? 1 : 2;
  const [from, to] = [samples[0][0], samples[samples.length - 1][0]];
  const most = samples.reduce((highest, sample) => Math.max(highest, sample[at]), 0);
  const peak = samples.find((sample) => sample[at] === most);
  const [width, height] = [1000, 100];
  const x = (ms) => (width * (ms - from)) / (to - from || 1);
  const y = (value) => height - 2 - ((height - 8) * value) / (most || 1);
  const points = samples.map((sample) => `${x(sample[0]).toFixed(1)},${y(sample[at]).toFixed(1)}`);
  const words = `live ${state.unit} from ${seconds(from)} to ${seconds(to)}, at most ${formatMetric(most)} at ${seconds(peak[0])}`;
  const picture = svg("svg", { viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "none", role: "img", "aria-label": words });
  picture.append(
    svg("polygon", { class: "area", points: `0,${height} ${points.join(" ")} ${width},${height}` }),
    svg("polyline", { class: "line", points: points.join(" ") }),
    svg("line", { class: "peak", x1: x(peak[0]), x2: x(peak[0]), y1: 0, y2: height }),
  );
  const cursor = svg("line", { class: "cursor", y1: 0, y2: height, x1: -9, x2: -9 });
  picture.append(cursor);
  const label = make("span", { className: "reading" });
  const rest = `most ${formatMetric(most)} at ${seconds(peak[0])}`;
  label.textContent = rest;
  picture.addEventListener("pointermove", (event) => {
    const box = picture.getBoundingClientRect();
    const ms = from + ((to - from) * (event.clientX - box.left)) / box.width;
    const sample = samples.reduce((best, one) => (Math.abs(one[0] - ms) < Math.abs(best[0] - ms) ? one : best));
    cursor.setAttribute("x1", x(sample[0]));
    cursor.setAttribute("x2", x(sample[0]));
    label.textContent = `${formatMetric(sample[at])} live at ${seconds(sample[0])}`;
  });
  picture.addEventListener("pointerleave", () => {
    cursor.setAttribute("x1", -9);
    cursor.setAttribute("x2", -9);
    label.textContent = rest;
  });
  const axis = make("div", { className: "axis" }, make("span", {}, seconds(from)), label, make("span", {}, seconds(to)));
  figure.replaceChildren(picture, axis);
}
