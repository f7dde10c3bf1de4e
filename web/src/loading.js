// Waits for an answer in a place of the page: what is there keeps its height, work that is long shows how far it is and
// can be cancelled, what failed says why and what to do. No view waits in any other way.
import { ask, giveUp, kept, recorded } from "./data.js";
import { h, replace } from "./dom.js";
import { plain } from "./text.js";
import { percent } from "./format.js";

const QUIET_MS = 150; // shorter waits show nothing: a flash is worse

function progressBox(path, cancel) {
  const bar = h("progress", { "aria-label": "Progress" });
  const stage = h("span", {}, "Asking …");
  const box = h("div", { class: "loading", role: "status" }, h("div", { class: "loading-line" }, stage, h("button", { type: "button", class: "button small", onclick: cancel }, "Cancel")), bar);
  return {
    box,
    show({ progress, stage: words, seconds }) {
      const part = typeof progress === "number" ? Math.min(Math.max(progress, 0), 1) : null;
      if (part === null) bar.removeAttribute("value");
      else bar.setAttribute("value", part);
      replace(stage, words ? plain(words, 120) : "Working", " …", part !== null && ` ${percent(part)}`, seconds > 3 && ` ${Math.round(seconds)} s`);
    },
  };
}

/** What could not be had: why, and what to do. `retry` is a function or null. */
export function problem(error, retry) {
  const gone = error.kind === "not-recorded";
  return h("div", { class: gone ? "notice" : "notice bad", role: gone ? "note" : "alert" },
    h("p", {}, plain(error.message, 1000)),
    gone && error.next && h("p", {}, "A report holds the overview, the suspects and their objects, the top of the tree and of each list. The command for the rest:"),
    error.next && (gone ? commandLine(error.next) : h("p", { class: "quiet" }, plain(error.next, 600))),
    retry && !gone && h("button", { type: "button", class: "button", onclick: retry }, "Try again"));
}

/** A command to be copied. */
export function commandLine(text) {
  const copy = h("button", { type: "button", class: "button small", "aria-label": "Copy the command" }, "Copy");
  copy.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text);
      copy.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(code);
      copy.textContent = "Selected";
    }
    setTimeout(() => { copy.textContent = "Copy"; }, 1500);
  });
  const code = h("code", { class: "command" }, plain(text, 400));
  return h("div", { class: "command-line" }, code, copy);
}

/**
 * Asks for `path` and fills `place` with what show(answer) makes of it. Ends without a word when `signal` (of the view) does.
 * `fill`: false leaves what is there while waiting, for what is only refreshed.
 */
export function load(place, path, params, show, { signal, onError } = {}) {
  return wait(place, (options) => ask(path, params, options), show,
    { signal, path, onError, ready: kept(path, params), giveUp: () => !recorded && giveUp(path, params) });
}

/** The same for any promise: work({signal, onProgress}). */
export async function wait(place, work, show, { signal, path = "", ready, giveUp: tell = () => {}, onError } = {}) {
  const again = () => wait(place, work, show, { signal, path, giveUp: tell, onError });
  if (ready !== undefined) return finish(place, ready, show);

  const own = new AbortController();
  const stop = () => own.abort();
  signal?.addEventListener("abort", stop, { once: true });
  let cancelled = false;
  const progress = progressBox(path, () => { cancelled = true; tell(); own.abort(); });
  const timer = setTimeout(() => { place.setAttribute("aria-busy", "true"); replace(place, progress.box); }, QUIET_MS);
  try {
    const answer = await work({ signal: own.signal, onProgress: (state) => progress.show(state) });
    clearTimeout(timer);
    if (!signal?.aborted) finish(place, answer, show);
  } catch (error) {
    clearTimeout(timer);
    if (signal?.aborted) return;
    place.removeAttribute("aria-busy");
    if (error.name === "AbortError") {
      const retry = h("button", { type: "button", class: "button", onclick: again }, "Ask again");
      replace(place, h("div", { class: "notice", role: "status" }, h("p", {}, cancelled ? "Cancelled." : "Ended."), retry));
      if (cancelled) retry.focus();
    } else if (!onError?.(error)) {
      if (!error.kind) console.error(error);
      replace(place, problem(error, again));
    }
  } finally {
    signal?.removeEventListener("abort", stop);
  }
}

function finish(place, answer, show) {
  place.removeAttribute("aria-busy");
  replace(place, show(answer));
}
