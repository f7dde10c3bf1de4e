// The address of a view: "#/object?dump=1&id=0x7f…". It stands behind the #, which a browser never sends, so it can be
// shared without the token and works in a file.
/** {view, params} of the current address. */
export function current() {
  const [path, query] = location.hash.replace(/^#\/?/, "").split(/\?(.*)/s);
  const params = {};
  for (const [key, value] of new URLSearchParams(query ?? "")) params[key] = value;
  return { view: path || "overview", params };
}

/** Parameters that are null, undefined or "" are left out, and dump 0. */
export function href(view, params = {}) {
  const { dump = current().params.dump } = params;
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries({ ...params, dump })) {
    if (value === null || value === undefined || value === "" || (key === "dump" && String(value) === "0")) continue;
    query.set(key, value);
  }
  const text = query.toString();
  return `#/${view}${text && `?${text}`}`;
}

export function go(view, params) {
  location.hash = href(view, params);
}

/** Changes parameters of this view without a new entry in the history and without drawing it again: for what is typed or scrolled. */
export function remember(changes) {
  const { view, params } = current();
  history.replaceState(history.state, "", href(view, { ...params, ...changes }));
}
