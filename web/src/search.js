// The search box (`/`): an id, a part of a class's name, the name of a class or module. Results as one types.
import { ask } from "./data.js";
import { h, replace } from "./dom.js";
import { bytes, count } from "./format.js";
import { dot, kindOf, kindOfClass } from "./kinds.js";
import { classPattern, objectName } from "./parts.js";
import { current, href } from "./route.js";
import { name, plain } from "./text.js";

const WAIT_MS = 120;

export function searchBox() {
  const input = h("input", { type: "search", id: "search", class: "search-input", placeholder: "Search a class or an id", role: "combobox", autocomplete: "off", spellcheck: "false",
    "aria-label": "Search a class or an object's id", "aria-expanded": "false", "aria-controls": "search-results", "aria-autocomplete": "list" });
  const list = h("div", { id: "search-results", class: "search-results", role: "listbox", "aria-label": "Results", hidden: true });
  const element = h("div", { class: "search", role: "search" }, input, h("kbd", { class: "search-key", "aria-hidden": "true" }, "/"), list);
  let running = null;
  let timer = 0;
  let options = [];
  let active = -1;

  function close() {
    list.hidden = true;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
    active = -1;
  }

  function open() {
    list.hidden = false;
    input.setAttribute("aria-expanded", "true");
  }

  function choose(at) {
    options[active]?.setAttribute("aria-selected", "false");
    active = (at + options.length) % options.length;
    options[active].setAttribute("aria-selected", "true");
    options[active].scrollIntoView({ block: "nearest" });
    input.setAttribute("aria-activedescendant", options[active].id);
  }

  function option(address, ...children) {
    return h("a", { role: "option", class: "search-option", href: address, tabindex: "-1", "aria-selected": "false" }, children);
  }

  function show(answer) {
    const groups = [];
    if (answer.object) groups.push(["Object", [option(href("object", { id: answer.object.hex }), dot(kindOf(answer.object)), objectName(answer.object), h("span", { class: "id" }, answer.object.hex))]]);
    groups.push(["Classes of objects", answer.classes.rows.map((row) => option(href("objects", { class: classPattern(row.class) }), dot(kindOfClass(row.class)), name(row.class, 70),
      h("span", { class: "quiet num" }, `${count(row.count)} · ${bytes(row.retained)}`)))]);
    groups.push(["Called so themselves", answer.named.rows.map((row) => option(href("object", { id: row.hex }), dot(kindOf(row)), objectName(row, 70), h("span", { class: "quiet num" }, bytes(row.retained))))]);
    const filled = groups.filter(([, rows]) => rows.length > 0);
    options = filled.flatMap(([, rows]) => rows);
    options.forEach((one, at) => { one.id = `found-${at}`; });
    active = -1;
    replace(list, filled.length > 0
      ? filled.map(([title, rows]) => h("div", { role: "group", "aria-label": title }, h("div", { class: "search-group" }, title), rows))
      : h("p", { class: "quiet search-none" }, "Nothing is called so. Ids are decimal or 0x…"));
    open();
  }

  async function search() {
    running?.abort();
    const q = input.value.trim();
    if (!q) return close();
    running = new AbortController();
    const { signal } = running;
    try {
      const answer = await ask("/api/search", { dump: current().params.dump ?? 0, q }, { signal });
      if (!signal.aborted) show(answer);
    } catch (error) {
      if (error.name === "AbortError") return;
      options = [];
      replace(list, h("p", { class: "search-none", role: "alert" }, plain(error.message, 300)));
      open();
    }
  }

  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(search, WAIT_MS);
  });
  input.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      if (list.hidden) input.blur();
      close();
    } else if (list.hidden || options.length === 0) {
      return;
    } else if (event.key === "ArrowDown") {
      choose(active + 1);
    } else if (event.key === "ArrowUp") {
      choose(active - 1);
    } else if (event.key === "Enter") {
      const chosen = options[Math.max(active, 0)];
      location.hash = chosen.getAttribute("href");
      input.blur();
      close();
    } else {
      return;
    }
    event.preventDefault();
  });
  list.addEventListener("click", (event) => { if (event.target.closest("a")) close(); });
  element.addEventListener("focusout", (event) => { if (!element.contains(event.relatedTarget)) close(); });
  input.addEventListener("focus", () => { if (input.value.trim() && options.length > 0) open(); });
  return { element, focus: () => { input.focus(); input.select(); } };
}
