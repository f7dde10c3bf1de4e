// Answers from `heap_dump serve` (docs/http.md). Owns the token: it is taken out of the address once, so that an address
// that is copied or shared does not have it. The server's cookie is enough after that; the token is kept for this tab
// in case the browser takes no cookies.
import { AnswerError } from "./answer_error.js";

const KEEP = "heap_dump.token";
const BUSY_TRIES = 6;
let token = null;

/** Takes ?token=… out of the address. */
export function takeToken() {
  const address = new URL(location.href);
  token = address.searchParams.get("token");
  try {
    if (token) sessionStorage.setItem(KEEP, token);
    else token = sessionStorage.getItem(KEEP);
  } catch { /* storage may be switched off; the cookie still works */ }
  if (!address.searchParams.has("token")) return;
  address.searchParams.delete("token");
  history.replaceState(history.state, "", address);
}

async function send(address, options) {
  try {
    return await fetch(address, {
      ...options, credentials: "same-origin", redirect: "error",
      headers: { ...options.headers, ...(token ? { "X-Heap-Dump-Token": token } : {}) },
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new AnswerError("The server does not answer.", { kind: "network", next: "Is heap_dump serve still running? Start it again and open the address it prints." });
  }
}

async function read(response) {
  const text = await response.text();
  let answer = null;
  try {
    answer = JSON.parse(text);
  } catch { /* said below */ }
  if (response.ok && answer !== null) return answer;
  throw new AnswerError(answer?.error ?? `The server answered ${response.status} with something else than JSON.`, {
    status: response.status,
    next: response.status === 401 ? "Open the address that heap_dump serve printed: it has the token in it." : null,
  });
}

function pause(seconds, signal) {
  return new Promise((resolve, reject) => {
    const stop = () => { clearTimeout(timer); reject(new DOMException("aborted", "AbortError")); };
    const timer = setTimeout(() => { signal?.removeEventListener("abort", stop); resolve(); }, seconds * 1000);
    signal?.addEventListener("abort", stop, { once: true });
    if (signal?.aborted) stop();
  });
}

/** Asks until the answer is there: 202 says how far it is. */
export async function get(address, { signal, onProgress } = {}) {
  for (let busy = 0; ;) {
    const response = await send(address, { method: "GET", signal });
    if (response.status === 202) {
      const state = await read(response);
      if (state.state === "cancelled") throw new DOMException("aborted", "AbortError");
      onProgress?.(state);
      await pause(0.05, signal);
    } else if (response.status === 503 && ++busy <= BUSY_TRIES) {
      onProgress?.({ progress: null, stage: "waiting for the server, which is busy" });
      await pause(Math.min(Number(response.headers.get("Retry-After")) || 1, 5), signal);
    } else {
      return read(response);
    }
  }
}

export function giveUp(address) {
  send(`${address}${address.includes("?") ? "&" : "?"}cancel=1`, { method: "GET", keepalive: true }).catch(() => {});
}

export async function post(address, body, { signal } = {}) {
  return read(await send(address, { method: "POST", signal, body: JSON.stringify(body), headers: { "Content-Type": "application/json" } }));
}
