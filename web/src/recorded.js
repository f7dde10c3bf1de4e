// Answers that `heap_dump report` wrote into this file (docs/http.md, "What is in a report"). Nothing is asked from anywhere.
import { AnswerError } from "./answer_error.js";
import { command } from "./commands.js";

const element = () => document.getElementById("heap-dump-answers");
let answers = null;
let failure = null;

export const present = () => element() !== null;
export const takeToken = () => {};
export const giveUp = () => {};

function read() {
  if (answers || failure) return;
  try {
    answers = JSON.parse(element().textContent).answers;
    if (typeof answers !== "object" || answers === null) throw new SyntaxError("no answers");
  } catch {
    failure = "What was recorded in this report cannot be read: the file is damaged or cut off.";
    answers = {};
  }
}

/** An own member: a key of a hostile dump never meets Object.prototype. */
function find(address) {
  return Object.hasOwn(answers, address) ? answers[address] : undefined;
}

export async function get(address) {
  read();
  if (failure) throw new AnswerError(failure, { kind: "not-recorded" });
  const [path, query] = address.split("?");
  const params = new URLSearchParams(query ?? "");
  const found = find(address) ?? find(address.replace("/api/top?dump", "/api/top?by=class&dump")) ?? (path === "/api/search" ? search(params) : path === "/api/tree" ? tree(params) : path === "/api/find" ? members(params) : undefined);
  if (found !== undefined) return found;
  throw new AnswerError("This report does not hold that.", {
    kind: "not-recorded", next: command(path, Object.fromEntries(params), dumps()[Number(params.get("dump") ?? 0)]?.file),
  });
}

export async function post(path, body) {
  read();
  throw new AnswerError("A report cannot run queries: it holds answers, not the dump.", {
    kind: "not-recorded", next: command(path, body, dumps()[body.dump ?? 0]?.file),
  });
}

const dumps = () => find("/api/dumps")?.dumps ?? [];

/** The rest of the tree from a group on, cut out of the one that is recorded. */
function tree(params) {
  const whole = find(`/api/tree?dump=${params.get("dump") ?? 0}`);
  const group = Number(params.get("group") ?? NaN);
  const id = params.get("id");
  const start = whole?.rows.find((row) => row.group === group || (id && row.sample.id === Number(id)));
  if (!start) return undefined;
  const byGroup = new Map(whole.rows.map((row) => [row.group, row]));
  const above = [];
  for (let row = byGroup.get(start.parent); row; row = byGroup.get(row.parent)) above.unshift(row);
  const inside = new Set([start.group]);
  const rows = whole.rows.filter((row) => {
    if (row !== start && !inside.has(row.parent)) return false;
    inside.add(row.group);
    return true;
  });
  return { ...whole, group: start.group, above, rows };
}

/** Recorded objects of a class; without a condition all that are recorded. */
function members(params) {
  const dump = params.get("dump") ?? "0";
  const wanted = params.get("class");
  if ([...params.keys()].some((name) => !["dump", "class", "limit", "offset"].includes(name)) || /[*?[]/.test(wanted ?? "")) return undefined;
  const objects = recordedObjects(dump).filter((object) => !wanted || object.class === wanted);
  objects.sort((a, b) => b.retained - a.retained);
  const offset = Number(params.get("offset") ?? 0);
  return { warnings: [], partial: true, count: objects.length, offset, size: sum(objects, "size"), retained: null,
    objects: objects.slice(offset, offset + Number(params.get("limit") ?? 100)).map((object) => ({ ...object, description: object.contents?.text ?? "" })) };
}

const sum = (rows, field) => rows.reduce((total, row) => total + row[field], 0);

function recordedObjects(dump) {
  const start = `/api/object?dump=${dump}&id=`;
  return Object.keys(answers).filter((address) => address.startsWith(start)).map((address) => answers[address]);
}

function search(params) {
  const dump = params.get("dump") ?? "0";
  const word = (params.get("q") ?? "").trim().toLowerCase();
  const id = /^(0x[0-9a-f]+|\d+)$/.test(word) ? Number(word) : null;
  if (id !== null) return { q: word, object: find(`/api/object?dump=${dump}&id=${id}`) ?? null, classes: { total: 0, rows: [] }, named: { total: 0, rows: [] } };
  const columns = (find(`/api/top?dump=${dump}`) ?? find(`/api/top?by=class&dump=${dump}`))?.columns ?? { class: [] };
  const classes = columns.class.map((name, at) => ({ class: name, count: columns.count[at], size: columns.size[at], retained: columns.retained[at] }))
    .filter((row) => row.class.toLowerCase().includes(word));
  classes.sort((a, b) => b.class.toLowerCase().startsWith(word) - a.class.toLowerCase().startsWith(word));
  const named = recordedObjects(dump).filter((object) => object.label?.toLowerCase().includes(word));
  return { q: word, object: null, classes: { total: classes.length, rows: classes.slice(0, 20) }, named: { total: named.length, rows: named.slice(0, 20) } };
}
