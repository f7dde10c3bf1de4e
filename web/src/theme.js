// Light or dark: as the system has it, unless somebody chose.
const KEEP = "heap_dump.theme";
const dark = matchMedia("(prefers-color-scheme: dark)");
let chosen = null;
try { chosen = localStorage.getItem(KEEP); } catch { /* no storage: the system's it is */ }

const isDark = () => (chosen ? chosen === "dark" : dark.matches);

function apply() {
  document.documentElement.dataset.theme = isDark() ? "dark" : "light";
}

export function startTheme() {
  apply();
  dark.addEventListener("change", apply);
}

/** Changes it; the choice is forgotten when it is what the system has anyway. */
export function toggleTheme() {
  const next = isDark() ? "light" : "dark";
  chosen = (next === "dark") === dark.matches ? null : next;
  try {
    if (chosen) localStorage.setItem(KEEP, chosen);
    else localStorage.removeItem(KEEP);
  } catch { /* only for this visit then */ }
  apply();
}
