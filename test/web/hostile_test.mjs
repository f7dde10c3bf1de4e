#!/usr/bin/env node
// Dumps that want to do harm: every view of them is inert. And one that is only big: 50,000 classes scroll without effort.
import { assert, assertEqual, dump, goTo, judge, main, newPage, serve, settled, test, tool } from "./helper.mjs";
import { inert } from "./inert.mjs";

const HOSTILE = dump("hostile.json");
const LONG = dump("long.json");
const MANY = dump("many.json");

const found = JSON.parse(tool("find", "--json", "--limit", "0", HOSTILE)).objects;
const of = (type) => found.filter((object) => object.type === type);

const classes = of("T_CLASS");
const VIEWS = ["#/overview", "#/tree", "#/tree?form=icicle", "#/tree?form=list", "#/classes", "#/classes?by=type", "#/objects", "#/objects?class=*", "#/threads", "#/strings", "#/strings?part=collections", "#/diff", "#/sql",
  ...classes.map((object) => `#/object?id=${object.hex}`), ...of("T_STRING").slice(0, 12).map((object) => `#/object?id=${object.hex}`), ...of("T_OBJECT").slice(0, 8).map((object) => `#/object?id=${object.hex}`),
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
  assert(seen.long.filter((took) => took > 150).length <= seen.steps / 20, `of ${seen.steps} steps these took longer than 50 ms: ${seen.long}`);
  await page.getByRole("searchbox", { name: /Only rows/ }).fill("class4999");
  await page.waitForFunction(() => document.querySelectorAll(".big-row").length === 10);
  await page.check();
});

main();
