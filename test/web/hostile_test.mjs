#!/usr/bin/env node
// Dumps that want to do harm: every view of them is inert, in the page of the server and in a report. And one that is only
// big: 50,000 classes scroll without effort.
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { WORK, assert, assertEqual, dump, goTo, judge, main, newPage, serve, settled, test, tool } from "./helper.mjs";

const HOSTILE = dump("hostile.json");
const LONG = dump("long.json");
const MANY = dump("many.json");

const found = JSON.parse(tool("find", "--json", "--limit", "0", HOSTILE)).objects;
const of = (type) => found.filter((object) => object.type === type);

const ELEMENTS = "iframe, object, embed, base, meta[http-equiv=refresh], svg [onload], img, form[action], style:not(head style), link:not(head link), math";

async function inert(page, where) {
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

const classes = of("T_CLASS");
const VIEWS = ["#/overview", "#/tree", "#/tree?form=icicle", "#/tree?form=list", "#/classes", "#/classes?by=type", "#/objects", "#/objects?class=*", "#/threads", "#/strings", "#/strings?part=collections", "#/diff", "#/sql",
  ...classes.map((object) => `#/object?id=${object.hex}`), ...of("T_STRING").slice(0, 30).map((object) => `#/object?id=${object.hex}`), ...of("T_OBJECT").slice(0, 8).map((object) => `#/object?id=${object.hex}`),
  ...[...of("T_ARRAY"), ...of("T_HASH"), ...of("T_DATA"), ...of("T_IMEMO")].map((object) => `#/object?id=${object.hex}`)];

test("a hostile dump is inert in every view", async () => {
  const server = await serve(HOSTILE);
  const page = await newPage({ origin: server.origin });
  await page.goto(server.address);
  await settled(page);
  for (const fragment of VIEWS) {
    await goTo(page, fragment);
    await inert(page, fragment);
  }
  await page.check();
  for (const fragment of VIEWS.slice(0, 12)) {
    await goTo(page, fragment);
    await judge(page, `hostile-${fragment.replace(/[^a-z]+/g, "-")}`);
  }
  await page.setViewportSize({ width: 390, height: 844 });
  for (const fragment of [...VIEWS.slice(0, 12), VIEWS[14]]) {
    await goTo(page, fragment);
    await judge(page, `hostile-${fragment.replace(/[^a-z]+/g, "-")}-390`);
  }
});

test("markup that is searched, filtered and opened is only text", async () => {
  const server = await serve(HOSTILE);
  const page = await newPage({ origin: server.origin });
  await page.goto(server.address);
  await settled(page);
  await page.keyboard.press("/");
  await page.keyboard.type("<");
  await page.locator(".search-option").first().waitFor();
  await inert(page, "search");
  await page.keyboard.press("Escape");
  await goTo(page, `#/classes?q=${encodeURIComponent("<img")}`);
  assertEqual(1, await page.locator(".big-row").count(), "rows with <img");
  await page.locator(".big-row a").click();
  await settled(page);
  await inert(page, "objects of the class");
  assertEqual(1, await page.locator(".big-row").count(), "objects of the class called <img …>");
  for (const bad of ["*", "[a-z]", "?", "\\"]) {
    await goTo(page, `#/classes?q=${encodeURIComponent(bad)}`);
    await page.locator(".big-row", { hasText: bad }).last().locator("a").first().click();
    await settled(page);
    await inert(page, `objects of the class ${bad}`);
  }
  await goTo(page, `#/sql?sql=${encodeURIComponent("SELECT '<img src=x onerror=window.pwned=1>' AS \"<b>\"")}`);
  await page.waitForTimeout(300);
  await inert(page, "sql");
});

test("strings: binary as hex, control characters visible, direction contained", async () => {
  const server = await serve(HOSTILE);
  const page = await newPage({ origin: server.origin });
  const strings = of("T_STRING");
  await page.goto(server.address);
  await settled(page);
  const binary = strings.find((object) => object.size === 808);
  await goTo(page, `#/object?id=${binary.hex}`);
  const hex = await page.locator(".contents.hex").textContent();
  assert(hex.startsWith("000000  00 01 02 03 04 05 06 07  08 09 0a 0b 0c 0d 0e 0f  ················\n"), hex.slice(0, 80));
  assert(hex.includes("000040  40 41 42"), "the bytes go on");
  const escape = strings.find((object) => (object.description ?? "").includes("red"));
  await goTo(page, `#/object?id=${escape.hex}`);
  const text = await page.locator(".contents").textContent();
  assert(text.includes("a␀b␛[31mred␇"), `control characters: ${JSON.stringify(text)}`);
  const turned = strings.find((object) => (object.description ?? "").includes("reversed"));
  await goTo(page, `#/object?id=${turned.hex}`);
  assert((await page.locator(".contents").textContent()).includes("U+202E"), "an override is not shown");
  await inert(page, "strings");
});

test("names of 10 MB are shortened", async () => {
  const server = await serve(LONG);
  const page = await newPage({ origin: server.origin });
  await page.goto(server.address);
  await settled(page);
  for (const fragment of ["#/overview", "#/tree", "#/classes", "#/objects", "#/object?id=0x1000", "#/object?id=0x2000", "#/object?id=0x3000", "#/strings"]) {
    await goTo(page, fragment);
    await inert(page, fragment);
    const size = await page.evaluate(() => document.body.innerHTML.length);
    assert(size < 400_000, `${fragment} has ${size} bytes of markup`);
  }
  await goTo(page, "#/classes");
  await page.locator(".big-row a", { hasText: "script" }).first().click();
  await settled(page);
  assert(await page.locator(".big-row").count() > 0, "its objects are not found");
  await page.check();
});

test("50,000 classes: few rows are drawn, scrolling is no work", async () => {
  const server = await serve(MANY);
  const page = await newPage({ origin: server.origin });
  await page.goto(`${server.address}#/classes`);
  await settled(page);
  assertEqual("50002", await page.locator("[role=grid]").getAttribute("aria-rowcount"), "rows"); // the title's and Class's are among them
  const seen = await page.evaluate(async () => {
    const grid = document.querySelector("[role=grid]");
    const long = [];
    new PerformanceObserver((list) => long.push(...list.getEntries().map((entry) => entry.duration))).observe({ type: "longtask" });
    let most = 0;
    const steps = 240;
    for (let at = 0; at <= steps; at++) {
      grid.scrollTop = (grid.scrollHeight / steps) * at;
      await new Promise((resolve) => requestAnimationFrame(resolve));
      most = Math.max(most, grid.querySelectorAll(".big-row").length);
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
    return { most, steps, long, last: [...grid.querySelectorAll(".big-row")].some((row) => row.id === "r-50000") };
  });
  console.log(`    ${seen.steps} steps through 50,000 rows: ${seen.long.length} tasks longer than 50 ms`);
  assert(seen.most < 80, `${seen.most} rows are drawn at once`);
  assert(seen.last, "the last row does not come");
  assert(seen.long.length <= seen.steps / 20, `${seen.long.length} of ${seen.steps} steps are long tasks: ${seen.long}`);
  await page.getByRole("searchbox", { name: /Only rows/ }).fill("class4999");
  await page.waitForFunction(() => document.querySelectorAll(".big-row").length === 10);
  await page.check();
});

test("a report of a hostile dump is inert, without any network", async () => {
  const path = join(WORK, "hostile.html");
  tool("report", HOSTILE, "-o", path);
  const page = await newPage({ offline: true });
  await page.goto(pathToFileURL(path).href);
  await settled(page);
  for (const fragment of VIEWS) {
    await page.evaluate((to) => { location.hash = to; }, fragment);
    await page.waitForFunction(() => document.querySelector("main h1, main .notice"));
    await page.waitForTimeout(60);
    await inert(page, `report ${fragment}`);
  }
  await page.check();
});

main();
