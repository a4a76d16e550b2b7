// Numbers and elements.

const UNITS = ["B", "kB", "MB", "GB", "TB", "PB", "EB"];

function scaled(value, units, gap) {
  let unit = 0;
  while (Math.abs(value) >= 999.5 && unit + 1 < units.length) {
    value /= 1000;
    unit += 1;
  }
  const digits = unit === 0 || Math.abs(value) >= 99.95 ? 0 : Math.abs(value) >= 9.995 ? 1 : 2;
  return value.toFixed(digits) + (units[unit] ? gap + units[unit] : "");
}

const formatBytes = (value) => scaled(value, UNITS, "\u00a0");
const formatCount = (value) => scaled(value, ["", "k", "M", "G", "T", "P", "E"], "");
const formatChunks = (value) => `${formatCount(value)} ${value === 1 ? "chunk" : "chunks"}`;
const exactly = new Intl.NumberFormat("en");

function percent(part, whole) {
  if (!whole) return "0 %";
  const share = (100 * part) / whole;
  return (share >= 99.95 || share === 0 ? share.toFixed(0) : share < 0.1 ? "< 0.1" : share.toFixed(1)) + " %";
}

function seconds(ms) {
  return ms < 1000 ? `${ms} ms` : `${(ms / 1000).toFixed(ms < 10000 ? 2 : 1)} s`;
}

// An element with properties, attributes (those with "-" or "role") and children; text is always text.
function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [key, value] of Object.entries(properties)) {
    if (key.includes("-") || key === "role") element.setAttribute(key, value);
    else element[key] = value;
  }
  element.append(...children);
  return element;
}

const byId = (id) => document.getElementById(id);
