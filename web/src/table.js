// Tables. `bigTable` draws only the rows that are in sight, so 50,000 of them scroll like 50; `smallTable` is an ordinary
// <table>. Both: arrow keys go from row to row, Enter opens a row, a click on a header sorts.
import { h, replace } from "./dom.js";
import { count } from "./format.js";

const ROW = 34; // px; the style sheet has the same in --row
const SPARE = 8; // rows drawn above and below what is in sight

const arrow = (sorted) => (sorted === "ascending" ? " ▲" : sorted === "descending" ? " ▼" : "");

/**
 * columns: [{key, title, align: "right", width (of a grid), cell(row) → what is in it, sort(row) → number or text, narrow: false to leave it out on a phone}].
 * rows: any array. open(row) → address, or null. Returns {element, update(rows), sortBy(key, direction)}.
 */
export function bigTable({ label, columns, rows, open, sort, onSort, height, empty = "Nothing fits." }) {
  let shown = rows;
  let active = -1;
  const drawn = new Map();
  const spacer = h("div", { class: "big-rows", role: "presentation" });
  const head = h("div", { class: "big-head", role: "row", "aria-rowindex": "1" });
  const nothing = h("p", { class: "big-empty quiet", hidden: true }, empty);
  const body = h("div", { class: "big-scroll", role: "grid", "aria-label": label, tabindex: "0", "aria-colcount": columns.length }, head, spacer, nothing);
  const element = h("div", { class: "big-table" }, body);
  const template = (list) => list.map((column) => column.width ?? "minmax(6rem, 1fr)").join(" ");
  element.style.setProperty("--columns", template(columns));
  element.style.setProperty("--columns-narrow", template(columns.filter((column) => column.narrow !== false).map((column) => (column.align === "right" ? { width: "4.9rem" } : { width: "minmax(0, 1fr)" }))));
  if (height) element.style.setProperty("--height", height);

  const cellClass = (column) => `cell${column.align === "right" ? " right" : ""}${column.narrow === false ? " wide-only" : ""}`;

  function drawHead() {
    replace(head, columns.map((column) => {
      const sorted = sort?.key === column.key ? (sort.down ? "descending" : "ascending") : "none";
      return h("div", { role: "columnheader", class: cellClass(column), "aria-sort": column.sort ? sorted : undefined },
        column.sort ? h("button", { type: "button", class: "sort", onclick: () => sortBy(column.key) }, column.title, h("span", { "aria-hidden": "true", class: "sort-arrow" }, arrow(sorted))) : column.title);
    }));
  }

  function drawRow(at) {
    const row = shown[at];
    const address = open?.(row);
    return h("div", { role: "row", class: `big-row${at % 2 ? " odd" : ""}${at === active ? " active" : ""}`, id: `r-${at}`, "aria-rowindex": at + 2, "aria-selected": at === active ? "true" : undefined,
      style: { transform: `translateY(${at * ROW}px)` }, onclick: (event) => { if (!event.target.closest("a, button") && String(getSelection()) === "") { activate(at, false); if (address) location.hash = address; } } },
    columns.map((column) => h("div", { role: "gridcell", class: cellClass(column) }, column.cell(row, at))));
  }

  // Rows that stay in sight stay as they are: only those that come are made.
  function draw() {
    const first = Math.max(0, Math.floor(body.scrollTop / ROW) - SPARE);
    const last = Math.min(shown.length, Math.ceil((body.scrollTop + body.clientHeight) / ROW) + SPARE);
    for (const [at, row] of drawn) if (at < first || at >= last) { row.remove(); drawn.delete(at); }
    const fresh = document.createDocumentFragment();
    for (let at = first; at < last; at++) {
      if (drawn.has(at)) continue;
      const row = drawRow(at);
      drawn.set(at, row);
      fresh.append(row);
    }
    spacer.append(fresh);
  }

  function redraw() {
    drawn.clear();
    spacer.replaceChildren();
    spacer.style.setProperty("height", `${shown.length * ROW}px`);
    body.setAttribute("aria-rowcount", shown.length + 1);
    nothing.hidden = shown.length > 0;
    draw();
  }

  function activate(at, scroll = true) {
    const before = active;
    active = Math.min(Math.max(at, 0), shown.length - 1);
    if (active < 0) return;
    if (scroll) {
      const top = active * ROW;
      const room = body.clientHeight - head.offsetHeight;
      if (top < body.scrollTop) body.scrollTop = top;
      else if (top + ROW > body.scrollTop + room) body.scrollTop = top + ROW - room;
    }
    for (const index of [before, active]) { drawn.get(index)?.remove(); drawn.delete(index); }
    draw();
    body.setAttribute("aria-activedescendant", `r-${active}`);
  }

  function sortBy(key, down) {
    const column = columns.find((one) => one.key === key);
    sort = { key, down: down ?? (sort?.key === key ? !sort.down : column.align === "right") };
    update(rows);
    onSort?.(sort);
  }

  function sorted(list) {
    const column = sort && columns.find((one) => one.key === sort.key);
    if (!column?.sort) return list;
    const keys = new Map(list.map((row) => [row, column.sort(row)]));
    const sign = sort.down ? -1 : 1;
    return [...list].sort((a, b) => {
      const [x, y] = [keys.get(a), keys.get(b)];
      return sign * (x < y ? -1 : x > y ? 1 : 0);
    });
  }

  function update(next) {
    rows = next;
    shown = sorted(rows);
    active = -1;
    body.removeAttribute("aria-activedescendant");
    drawHead();
    body.scrollTop = 0;
    redraw();
  }

  body.addEventListener("scroll", draw, { passive: true });
  body.addEventListener("keydown", (event) => {
    if (event.target !== body || event.ctrlKey || event.metaKey || event.altKey) return;
    const page = Math.max(1, Math.floor(body.clientHeight / ROW) - 2);
    const steps = { ArrowDown: active + 1, ArrowUp: active - 1, PageDown: active + page, PageUp: active - page, Home: 0, End: shown.length - 1 };
    if (event.key in steps) activate(steps[event.key]);
    else if (event.key === "Enter" && active >= 0 && open?.(shown[active])) location.hash = open(shown[active]);
    else return;
    event.preventDefault();
  });
  new ResizeObserver(draw).observe(body);
  update(rows);
  return { element, update, sortBy, shown: () => shown };
}

/** columns: [{title, align, cell(row), narrow}]. open(row): the address that Enter opens. `plain`: without a frame, titles only for readers. */
export function smallTable({ label, columns, rows, open, empty = "None.", plain = false }) {
  if (rows.length === 0) return h("p", { class: "quiet" }, empty);
  const cellClass = (column) => [column.align === "right" && "right", column.narrow === false && "wide-only", column.grow && "wide", column.short && "short"].filter(Boolean).join(" ") || undefined;
  const body = h("tbody", {}, rows.map((row, at) => h("tr", { tabindex: at === 0 ? "0" : "-1", "data-open": open?.(row) ?? undefined },
    columns.map((column) => h("td", { class: cellClass(column) }, column.cell(row, at))))));
  body.addEventListener("keydown", (event) => {
    const row = event.target;
    if (row.localName !== "tr") return;
    const to = { ArrowDown: row.nextElementSibling, ArrowUp: row.previousElementSibling, Home: body.firstElementChild, End: body.lastElementChild }[event.key];
    if (to) {
      row.tabIndex = -1;
      to.tabIndex = 0;
      to.focus();
    } else if (event.key === "Enter" && row.dataset.open) {
      location.hash = row.dataset.open;
    } else if (!event.key.startsWith("Arrow")) {
      return;
    }
    event.preventDefault();
  });
  return h("div", { class: plain ? "table-place plain" : "table-place" }, h("table", { "aria-label": label },
    h("thead", {}, h("tr", {}, columns.map((column) => h("th", { scope: "col", class: cellClass(column) }, column.title)))), body));
}

const FIRST = 40; // rows

/** The first rows of what table(rows) makes, and a button for the rest. */
export function longTable(rows, table) {
  const place = h("div", { class: "growing" }, table(rows.slice(0, FIRST)));
  const more = h("button", { type: "button", class: "button", onclick: () => {
    replace(place, table(rows));
    place.querySelectorAll("tbody tr")[FIRST]?.focus({ preventScroll: true });
  } }, `Show ${count(rows.length - FIRST)} more`);
  if (rows.length > FIRST) place.append(more);
  return place;
}
