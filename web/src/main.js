// Starts the page: theme, token, frame; then shows the view of the address whenever that changes.
import { ask } from "./data.js";
import { takeToken as fromAddress } from "./http.js";
import { recorded } from "./data.js";
import { h, replace } from "./dom.js";
import { problem } from "./loading.js";
import { heading } from "./parts.js";
import { current, href } from "./route.js";
import { startShell } from "./shell.js";
import { plain } from "./text.js";
import { startTheme } from "./theme.js";
import * as classes from "./views/classes.js";
import * as diff from "./views/diff.js";
import * as memory from "./views/memory.js";
import * as object from "./views/object.js";
import * as objects from "./views/objects.js";
import * as overview from "./views/overview.js";
import * as sql from "./views/sql.js";
import * as strings from "./views/strings.js";
import * as threads from "./views/threads.js";
import * as tree from "./views/tree.js";

/** Each has `title` and `show(place, {params, dump, dumps, features, signal})`, which may return a function that ends it. */
const VIEWS = { overview, memory, tree, classes, objects, object, threads, strings, diff, sql };

const scrolled = new Map(); // where the page was scrolled to, by address: for the back button
let ending = null;
let served = null;
let shown = null;
let shell = null;

async function show() {
  if (shown !== null) scrolled.set(shown, scrollY);
  ending?.();
  const route = current();
  const view = Object.hasOwn(VIEWS, route.view) ? VIEWS[route.view] : null;
  const controller = new AbortController();
  const place = h("div", { class: `view view-${view ? route.view : "none"}` });
  shell.update(route);
  replace(shell.main, place);
  const first = shown === null;
  shown = location.hash;
  let end = null;
  ending = () => { controller.abort(); end?.(); };

  const number = Number(route.params.dump ?? 0);
  const dump = served.dumps[number];
  document.title = `${view?.title ?? "Not found"} · ${plain(dump?.name ?? "heap_dump", 40)} · heap_dump`;
  if (!view || !dump) {
    replace(place, heading("Not here"), h("p", {}, view ? `There is no dump number ${plain(route.params.dump, 20)}.` : `There is no view called “${plain(route.view, 40)}”.`),
      h("p", {}, h("a", { href: href("overview", { dump: "" }) }, "To the overview")));
    return;
  }
  end = view.show(place, { params: route.params, dump: number, info: dump, dumps: served.dumps, features: served.features ?? {}, signal: controller.signal });
  if (!first) {
    place.querySelector("h1")?.focus({ preventScroll: true });
    const to = scrolled.get(location.hash) ?? 0;
    requestAnimationFrame(() => scrollTo(0, to));
  }
}

async function start() {
  startTheme();
  if (!recorded) fromAddress();
  shell = startShell();
  history.scrollRestoration = "manual";
  try {
    served = await ask("/api/dumps", {});
  } catch (error) {
    replace(shell.main, h("div", { class: "view" }, heading("heap_dump"), problem(error, () => location.reload())));
    return;
  }
  shell.dumps(served.dumps);
  addEventListener("hashchange", show);
  show();
}

start();
