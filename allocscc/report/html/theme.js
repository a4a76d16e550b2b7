// Themes: what the system has, light, dark. Pages without storage (some viewers of files) forget the choice.
const THEMES = { system: "◐", light: "☀", dark: "☾" };

function setTheme(name) {
  document.documentElement.dataset.theme = name;
  byId("theme").textContent = THEMES[name];
  byId("theme").setAttribute("aria-label", `Theme: ${name}`);
  try {
    localStorage.setItem("allocscc-theme", name);
  } catch {
    // then it is for this visit only
  }
}

function nextTheme() {
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  const order = dark ? ["system", "light", "dark"] : ["system", "dark", "light"];
  setTheme(order[(order.indexOf(document.documentElement.dataset.theme) + 1) % 3]);
}

function storedTheme() {
  try {
    const name = localStorage.getItem("allocscc-theme");
    return name in THEMES ? name : "system";
  } catch {
    return "system";
  }
}
