// Puts Ruby's builtin types together to the few kinds that have a colour and a word of their own.
import { h } from "./dom.js";

export const KINDS = {
  string: "Strings", array: "Arrays", hash: "Hashes", object: "Objects", struct: "Structs", class: "Classes",
  data: "Procs, threads, data", code: "Code", other: "Others", root: "Roots",
};

const BY_TYPE = {
  T_STRING: "string", T_SYMBOL: "string", T_REGEXP: "string", T_ARRAY: "array", T_HASH: "hash", T_OBJECT: "object", T_STRUCT: "struct",
  T_CLASS: "class", T_MODULE: "class", T_ICLASS: "class", T_DATA: "data", T_IMEMO: "code", T_NODE: "code",
};

/** The kind of a builtin type, as in BY_TYPE. */
export function kindOfType(type) {
  return Object.hasOwn(BY_TYPE, type) ? BY_TYPE[type] : "other";
}

export function kindOf(object) {
  return object?.root ? "root" : kindOfType(object?.type);
}

const BY_CLASS = { String: "string", Symbol: "string", Regexp: "string", Array: "array", Hash: "hash", Class: "class", Module: "class",
  Proc: "data", Thread: "data", Fiber: "data", Mutex: "data", Method: "data", Binding: "data", Float: "other", Integer: "other", File: "other" };

/** What is likely, where only the name of the class is known. */
export function kindOfClass(name) {
  if (Object.hasOwn(BY_CLASS, name)) return BY_CLASS[name];
  return name.startsWith("(") ? "code" : "object";
}

export function dot(kind) {
  return h("span", { class: `dot k-${kind}`, "aria-hidden": "true" });
}

export function legend(kinds) {
  return h("ul", { class: "legend", "aria-label": "Colours" }, kinds.map((kind) => h("li", {}, dot(kind), KINDS[kind])));
}
