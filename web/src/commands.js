// Which command answers the same question on the dump itself: shown where a report has no more, and beside each view.
const quote = (text) => (/^[\w./:@%+=,-]+$/.test(text) ? text : `'${String(text).replaceAll("'", "'\\''")}'`);

/** "heap_dump show dump.json 0x7f…" for GET /api/object?id=…; `file` is the dump's name. */
export function command(path, params, file) {
  const dump = quote(file ?? "FILE");
  const filters = ["class", "name", "type", "value"].filter((name) => params[name]).map((name) => `--${name} ${quote(params[name])}`);
  switch (path) {
    case "/api/object": case "/api/referrers": return `heap_dump show ${dump} ${quote(params.id ?? "ID")}`;
    case "/api/path": return `heap_dump path ${dump} ${quote(params.id ?? params.class ?? "ID")}`;
    case "/api/tree": return `heap_dump tree ${dump}${params.id ? ` ${quote(params.id)}` : ""}`;
    case "/api/top": return `heap_dump top${params.by && params.by !== "class" ? ` --by ${quote(params.by)}` : ""} --limit 0 ${dump}`;
    case "/api/find": return `heap_dump find ${[...filters, dump].join(" ")}`;
    case "/api/sql": return `heap_dump sql ${dump} ${quote(params.sql ?? "SELECT …")}`;
    case "/api/diff": return "heap_dump diff BEFORE AFTER";
    case "/api/dumps": case "/api/search": return `heap_dump serve ${dump}`;
    default: return `heap_dump ${path.replace("/api/", "")} ${dump}`;
  }
}
