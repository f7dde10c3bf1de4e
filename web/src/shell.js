// The frame around all views: navigation, choice of the dump, search, theme, help.
import { recorded } from "./data.js";
import { h, replace, svg } from "./dom.js";
import { bytes, count } from "./format.js";
import { current, go, href } from "./route.js";
import { searchBox } from "./search.js";
import { name, plain } from "./text.js";
import { toggleTheme } from "./theme.js";

const ICONS = {
  memory: "M3 4h18v5H3zM3 11h12v4H3zM17 11h4v4h-4zM3 17h5v3H3zM10 17h11v3H10z",
  overview: "M3 3h8v8H3zM13 3h8v5h-8zM13 10h8v11h-8zM3 13h8v8H3z", tree: "M3 3h18v6H3zM3 11h11v4H3zM3 17h7v4H3zM16 11h5v4h-5z",
  classes: "M3 4h18v3H3zM3 10h13v3H3zM3 16h8v3H3z", objects: "M12 2l9 5v10l-9 5-9-5V7z", threads: "M4 4c8 0 8 16 16 16M4 20c8 0 8-16 16-16",
  strings: "M4 7h4v6H4zM11 7h4v6h-4zM4 16h16v2H4zM18 7h2v6h-2z", diff: "M3 17l6-6 4 4 8-9M15 6h6v6", sql: "M4 5l6 7-6 7M12 19h8",
};

export const VIEWS = [["overview", "Overview"], ["memory", "Process memory"], ["tree", "Dominator tree"], ["classes", "Histogram"], ["objects", "Objects"], ["threads", "Threads"],
  ["strings", "Strings, collections"], ["diff", "Growth"], ["sql", "SQL"]];
const BELONGS = { object: "objects" };

function icon(view) {
  const line = ["threads", "diff", "sql"].includes(view);
  return svg("svg", { viewBox: "0 0 24 24", class: `icon${line ? " line" : ""}`, "aria-hidden": "true" }, svg("path", { d: ICONS[view] }));
}

function keysDialog() {
  const rows = [["/", "search a class or an id"], ["g then o m t h j p s d q", "go to overview, memory, tree, histogram, objects, threads, strings, growth, SQL"],
    ["↑ ↓ PgUp PgDn Home End", "move in a table"], ["Enter", "open the row; in a chart: zoom in"], ["← → ↑ ↓", "in a chart: next, previous, parent, first child"],
    ["Backspace", "in a chart: zoom out"], ["o", "in a chart: open the object"], ["Ctrl + Enter", "run the query (SQL)"], ["d", "light or dark"], ["?", "this help"]];
  const dialog = h("dialog", { class: "help", "aria-labelledby": "help-title" }, h("h2", { id: "help-title" }, "Keys"),
    h("dl", {}, rows.map(([keys, words]) => h("div", {}, h("dt", {}, keys.split(" ").map((key) => (/^(then|\+)$/.test(key) ? ` ${key} ` : h("kbd", {}, key)))), h("dd", {}, words)))),
    h("form", { method: "dialog" }, h("button", { class: "button primary" }, "Close")));
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  return dialog;
}

/** Builds the frame. Returns {main, update(route), dumps(list)}. */
export function startShell() {
  const main = h("main", { id: "main", tabindex: "-1" });
  const search = searchBox();
  const links = new Map(VIEWS.map(([view, words]) => [view, h("a", { class: "nav-link", href: href(view) }, icon(view), h("span", {}, words))]));
  const select = h("select", { class: "dump-select", "aria-label": "Dump", onchange: () => go(current().view === "object" ? "overview" : current().view, { dump: select.value }) });
  const dumpWords = h("div", { class: "dump-words" });
  const help = keysDialog();
  const header = h("header", { class: "top" },
    h("a", { class: "brand", href: href("overview"), "aria-label": "heap_dump, overview" }, h("span", { class: "mark", "aria-hidden": "true" }, h("i"), h("i"), h("i")), h("span", { class: "brand-words" }, "heap_dump")),
    recorded && h("span", { class: "badge", title: "A file: it holds answers, not the dump" }, "report"),
    search.element,
    h("div", { class: "top-buttons" },
      h("button", { type: "button", class: "icon-button", title: "Light or dark (d)", "aria-label": "Light or dark", onclick: toggleTheme }, svg("svg", { viewBox: "0 0 24 24", class: "icon", "aria-hidden": "true" }, svg("path", { d: "M12 3a9 9 0 1 0 0 18zM12 5v14a7 7 0 0 1 0-14z" }), svg("path", { d: "M12 3a9 9 0 0 1 0 18v-2a7 7 0 0 0 0-14z" }))),
      h("button", { type: "button", class: "icon-button", title: "Keys (?)", "aria-label": "Keys", onclick: () => help.showModal() }, "?")));
  const nav = h("nav", { class: "rail", "aria-label": "Views" }, h("div", { class: "nav-links" }, [...links.values()]), h("div", { class: "dump" }, select, dumpWords));
  document.body.append(h("a", { class: "skip", href: "#main", onclick: (event) => { event.preventDefault(); main.focus(); } }, "Skip to the content"), header, h("div", { class: "layout" }, nav, main), help);

  let list = [];
  function update({ view, params }) {
    const shown = BELONGS[view] ?? view;
    for (const [one, link] of links) {
      link.setAttribute("href", href(one));
      if (one === shown) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    const dump = list[Number(params.dump ?? 0)];
    if (!dump) return;
    select.value = String(params.dump ?? 0);
    replace(dumpWords, h("div", {}, name(dump.name ?? dump.file, 60)), h("div", {}, `${count(dump.objects)} objects · ${bytes(dump.reachable_bytes ?? dump.bytes)}`),
      dump.ruby && h("div", {}, "Ruby ", name(dump.ruby, 20)), dump.time && h("div", {}, name(dump.time.replace("T", " ").slice(0, 16), 20), " UTC"));
  }

  startKeys(search, help);
  return { main, update,
    dumps(found) {
      list = found;
      replace(select, found.map((dump) => h("option", { value: dump.dump }, plain(found.length > 1 ? `${dump.dump + 1}. ${dump.name ?? dump.file}` : dump.name ?? dump.file, 60))));
      select.hidden = found.length < 2;
      links.get("diff").classList.toggle("nav-off", found.length < 2);
    } };
}

function startKeys(search, help) {
  const places = { o: "overview", m: "memory", t: "tree", h: "classes", j: "objects", p: "threads", s: "strings", d: "diff", q: "sql" };
  let going = 0;
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || help.open) return;
    if (event.target.closest?.("input, textarea, select")) return;
    const soon = going && performance.now() - going < 1200;
    going = 0;
    if (soon && Object.hasOwn(places, event.key)) go(places[event.key]);
    else if (event.key === "g") { going = performance.now(); return; }
    else if (event.key === "/") search.focus();
    else if (event.key === "?") help.showModal();
    else if (event.key === "d") toggleTheme();
    else return;
    event.preventDefault();
  });
}
