// Shows texts of a dump so that they can do nothing: shortened, with characters that cannot be seen or that turn the
// direction of what follows made visible, each text isolated from its surroundings (<bdi>).
import { h } from "./dom.js";

// C0, DEL, C1, soft hyphen; Arabic letter mark; Hangul fillers; Mongolian separators; zero width, marks, line ends,
// embeddings, overrides; word joiner … isolates; BOM; interlinear; tags; lone surrogates; private use is left alone.
const HIDDEN = /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\ud800-\udfff]|[\u{e0000}-\u{e0fff}]/u;
const HIDDEN_ALL = new RegExp(HIDDEN.source, "gu");
// More combining marks than any script needs pile up over the neighbouring lines.
const PILE = /(\p{M}{4})\p{M}+/gu;

const SHORT = { "\n": "⏎", "\t": "⇥", "\r": "␍", "\0": "␀", "\u001b": "␛", "\u007f": "␡" };

/** The visible stand-in for a character of HIDDEN. */
function standIn(character) {
  if (SHORT[character]) return SHORT[character];
  const code = character.codePointAt(0);
  return code < 32 ? String.fromCodePoint(0x2400 + code) : `U+${code.toString(16).toUpperCase().padStart(4, "0")}`;
}

function cutAt(text, at) {
  const code = text.charCodeAt(at - 1);
  return code >= 0xd800 && code < 0xdc00 ? at - 1 : at; // never between the halves of a pair
}

/** At most `limit` UTF-16 units: the beginning, "…", and the end, which often tells more. Never looks at all of a long text. */
export function shorten(text, limit) {
  if (text.length <= limit) return text;
  const tail = Math.floor(limit / 3);
  return `${text.slice(0, cutAt(text, limit - tail - 1))}…${text.slice(cutAt(text, text.length - tail))}`;
}

/** As a plain string, for attributes and titles. */
export function plain(text, limit = 200) {
  return shorten(String(text), limit).replace(PILE, "$1…").replace(HIDDEN_ALL, standIn);
}

/** Text nodes and <span class="hidden-char"> for what cannot be seen. `breaks`: line feeds and tabs are kept, for blocks. */
export function pieces(text, breaks = false) {
  const parts = [];
  let rest = 0;
  text = text.replace(PILE, "$1…");
  for (const found of text.matchAll(HIDDEN_ALL)) {
    const character = found[0];
    if (breaks && (character === "\n" || character === "\t")) continue;
    if (found.index > rest) parts.push(text.slice(rest, found.index));
    parts.push(h("span", { class: "\n\t\r".includes(character) ? "hidden-char space" : "hidden-char", title: `U+${character.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}` }, standIn(character)));
    rest = found.index + character.length;
  }
  if (rest < text.length) parts.push(text.slice(rest));
  return parts;
}

/** A text of the dump on one line. */
export function name(text, limit = 120, className = "") {
  text = String(text ?? "");
  const short = shorten(text, limit);
  return h("bdi", { class: `name ${className}`.trim(), title: short === text ? undefined : plain(text, 600) },
    text.length > 64 || text.trim() ? pieces(short) : h("span", { class: "faint" }, text === "" ? "(empty)" : "(blank)"));
}

/** The name of a reference: what it is of stands back ("ivs."), what it is called stands out ("@items"). */
export function edge(text, limit = 80) {
  if (text === null || text === undefined) return h("bdi", { class: "edge faint" }, "(root)");
  const short = shorten(String(text), limit);
  const dot = short.search(/[.[{]/);
  const head = dot > 0 && dot < 24 && short[dot] === "." ? dot + 1 : 0;
  return h("bdi", { class: "edge", title: short === text ? undefined : plain(text, 600) },
    head > 0 && h("span", { class: "faint" }, pieces(short.slice(0, head))), pieces(short.slice(head)));
}

/** A way, "Shop::Order ivs.@type → Hash val": names with arrows between them, as one text. */
export function way(text, limit = 140) {
  return name(text, limit, "way");
}

/** A sentence of ours in which commands and the like stand between backquotes. */
export function prose(text, limit = 700) {
  return shorten(text, limit).split("`").map((part, at) => (at % 2 ? h("code", {}, pieces(part)) : pieces(part)));
}

/** Bytes as lines of 16, in hex and as ASCII. */
export function hexLines(bytes, limit) {
  const lines = [];
  for (let at = 0; at < Math.min(bytes.length, limit); at += 16) {
    const row = [...bytes.slice(at, at + 16)];
    const hex = row.map((byte) => byte.toString(16).padStart(2, "0"));
    const left = `${hex.slice(0, 8).join(" ")}  ${hex.slice(8).join(" ")}`.padEnd(48);
    lines.push(`${at.toString(16).padStart(6, "0")}  ${left}  ${row.map((byte) => (byte > 31 && byte < 127 ? String.fromCharCode(byte) : "·")).join("")}`);
  }
  return lines.join("\n");
}
