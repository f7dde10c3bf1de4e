// What must be true of any page, whatever the dump: nothing of it ran, nothing of it became an element, an attribute that
// does something or an address, and no character of it turns or hides what stands around it.
import { assert, assertEqual } from "./helper.mjs";

const ELEMENTS = "iframe, object, embed, base, meta[http-equiv=refresh], svg [onload], img, form[action], style:not(head style), link:not(head link), math";

export async function inert(page, where) {
  const state = await page.evaluate((selector) => ({
    pwned: window.pwned ?? null,
    // In a report the page's own script is in the body; the first is the data.
    scripts: [...document.querySelectorAll("body script")].filter((one) => one.textContent.includes("pwned") && one.type !== "application/json").length,
    strange: [...document.querySelectorAll(selector)].map((one) => one.outerHTML.slice(0, 100)),
    handlers: [...document.querySelectorAll("*")].filter((one) => [...one.attributes].some((attribute) => /^on/i.test(attribute.name))).length,
    links: [...document.querySelectorAll("a[href]")].map((one) => one.getAttribute("href")).filter((href) => !href.startsWith("#")),
    // What turns the direction of writing never stands in a text raw, and each text stands on its own.
    raw: [...document.querySelectorAll("body *:not(script):not(textarea)")].filter((one) => [...one.childNodes].some((node) => node.nodeType === 3 && /[\u0000-\u0008\u000b-\u001f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]/.test(node.data))).map((one) => one.outerHTML.slice(0, 120)),
    titles: [...document.querySelectorAll("[title], [aria-label]")].filter((one) => /[\u202a-\u202e\u2066-\u2069]/.test(`${one.title}${one.getAttribute("aria-label")}`)).length,
    loose: [...document.querySelectorAll("bdi")].filter((one) => getComputedStyle(one).unicodeBidi !== "isolate").length,
    longest: Math.max(0, ...[...document.querySelectorAll("main bdi")].filter((one) => !one.closest("pre")).map((one) => one.textContent.length)),
    title: document.title,
  }), ELEMENTS);
  assertEqual(null, state.pwned, `${where}: something of the dump ran`);
  assertEqual([0, [], 0, [], [], 0, 0], [state.scripts, state.strange, state.handlers, state.links, state.raw, state.titles, state.loose], `${where}: scripts, elements, handlers, links, raw characters, titles, loose texts`);
  assert(state.longest < 1500, `${where}: a text of ${state.longest} characters on one line`);
  assert(!/[\u202a-\u202e\u2066-\u2069]/.test(state.title), `${where}: the title turns around`);
}
