// Where answers come from: the server (http.js), or the report this page stands in (recorded.js). Owns the cache.
// Everybody else asks `ask(path, parameters)` and cannot tell which it is but by `recorded`.
import * as http from "./http.js";
import * as recordedAnswers from "./recorded.js";

export { AnswerError } from "./answer_error.js";

/** True if this is a report: no server, only what was written into the file. */
export const recorded = recordedAnswers.present();
const backend = recorded ? recordedAnswers : http;

const KEPT = 48;
const cache = new Map();

/** Path and parameters, in alphabetical order: what the report's answers are filed under. */
export function key(path, params = {}) {
  const pairs = Object.entries(params).filter(([, value]) => value !== undefined && value !== null && value !== "");
  pairs.sort(([a], [b]) => (a < b ? -1 : 1));
  const query = pairs.map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join("&");
  return query ? `${path}?${query}` : path;
}

/**
 * The answer to GET `path`. `signal` ends the wait; `onProgress({progress, stage})` is called while the server works.
 * Throws AnswerError, or AbortError.
 */
export async function ask(path, params, { signal, onProgress } = {}) {
  const address = key(path, params);
  if (cache.has(address)) {
    const kept = cache.get(address);
    cache.delete(address);
    cache.set(address, kept);
    return kept;
  }
  const answer = await backend.get(address, { signal, onProgress });
  cache.set(address, answer);
  if (cache.size > KEPT) cache.delete(cache.keys().next().value);
  return answer;
}

/** What the cache has of it, or undefined: to draw at once, without a moment of emptiness. */
export const kept = (path, params) => cache.get(key(path, params));

/** Tells the server that nobody waits for this answer any more. */
export const giveUp = (path, params) => backend.giveUp(key(path, params));

/** POST /api/sql. */
export const query = (body, options) => backend.post("/api/sql", body, options);
