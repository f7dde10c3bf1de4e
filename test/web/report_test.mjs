#!/usr/bin/env node
// report.html of three dumps of a Rails process, opened from a file with no network at all.
import { statSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { WORK, assert, assertEqual, dump, goTo, judge, main, newPage, settled, test, tool, unfit } from "./helper.mjs";
import { inert } from "./inert.mjs";

const DUMPS = ["rails-1.json", "rails-2.json", "rails-3.json"].map(dump);
const path = join(WORK, "report.html");
const suspect = JSON.parse(tool("suspects", "--json", DUMPS[2])).suspects[0];
tool("report", ...DUMPS, "-o", path);

async function open(options = {}) {
  const page = await newPage({ offline: true, ...options });
  await page.goto(`${pathToFileURL(path).href}${options.fragment ?? ""}`);
  await settled(page);
  return page;
}

const VIEWS = [["overview", "#/overview?dump=2"], ["memory", "#/memory?dump=2"], ["tree", "#/tree?dump=2"], ["icicle", "#/tree?dump=2&form=icicle"], ["histogram", "#/classes?dump=2"], ["objects", "#/objects?dump=2&class=Proc"],
  ["object", `#/object?dump=2&id=${suspect.holder.hex}`], ["threads", "#/threads?dump=2"], ["strings", "#/strings?dump=2"], ["collections", "#/strings?dump=2&part=collections"], ["diff", "#/diff"], ["sql", "#/sql?dump=2"]];

test("it is one file of less than 5 MB", () => {
  const size = statSync(path).size;
  console.log(`    report.html has ${(size / 1e6).toFixed(2)} MB`);
  assert(size < 5_000_000, `${size} bytes`);
  const text = readFileSync(path, "utf8");
  assertEqual(null, text.match(/(src|href)="?(https?:)?\/\//), "something is to be fetched");
});

for (const [width, scheme] of [[1280, "light"], [390, "dark"]]) {
  test(`every view at ${width} px, ${scheme}, without a network`, async () => {
    const page = await open({ width, scheme });
    for (const [name, fragment] of VIEWS) {
      await goTo(page, fragment);
      await judge(page, `report-${name}-${width}-${scheme}`);
      if (width === 1280) assertEqual([], await unfit(page, name), "what axe finds");
    }
    await page.check();
  });
}

test("a leak hunt in the report", async () => {
  const page = await open({ fragment: "#/overview?dump=2" });
  await page.locator(".card").first().getByRole("link", { name: /^Open @subscribers/ }).click();
  await settled(page);
  const steps = await page.locator(".drawn-path").first().locator(".path-edge").allTextContents();
  assertEqual(suspect.path.map((step) => step.name), steps, "names on the path");
  await page.goBack();
  await settled(page);
  await page.locator(".card-sample a").first().click();
  await settled(page);
  assert((await page.locator(".object-source").textContent()).includes("rails_app.rb:"), "no source");
  await page.locator(".card-buttons a", { hasText: "In the tree" }).click();
  await settled(page);
  assert(await page.locator(".cell-box").count() > 0, "no tree");
  await page.check();
});

test("the tree can be zoomed, classes searched", async () => {
  const page = await open({ fragment: "#/tree?dump=2" });
  await page.locator(".cell-box.inside", { hasText: "AuditTrail" }).first().click({ position: { x: 8, y: 8 } });
  await settled(page);
  assertEqual(2, await page.locator(".crumbs li").count(), "groups above");
  await page.keyboard.press("/");
  await page.keyboard.type("orderscontr");
  await page.locator(".search-option").first().waitFor();
  await page.check();
});

test("what it does not hold is said, with the command for it", async () => {
  const page = await open({ fragment: "#/object?id=0x1" });
  const text = await page.locator("main").textContent();
  assert(text.includes("This report does not hold that") && text.includes("heap_dump show") && text.includes("rails-1.json"), text.slice(0, 300));
  await goTo(page, "#/sql");
  assert((await page.locator("main").textContent()).includes("heap_dump serve"), "no word on SQL");
  await page.check();
});

test("a hostile dump's report is inert", async () => {
  const dumpPath = dump("hostile.json");
  const hostile = join(WORK, "hostile.html");
  tool("report", dumpPath, "-o", hostile);
  const page = await newPage({ offline: true });
  await page.goto(pathToFileURL(hostile).href);
  await settled(page);
  const objects = JSON.parse(tool("find", "--json", "--limit", "0", dumpPath)).objects;
  for (const fragment of ["#/overview", "#/tree", "#/tree?form=list", "#/classes", "#/classes?by=type", "#/objects", "#/objects?class=*", "#/threads", "#/strings", "#/strings?part=collections", "#/diff", "#/sql",
    ...objects.filter((object) => object.type !== "T_STRING").map((object) => `#/object?id=${object.hex}`)]) {
    await page.evaluate((to) => { location.hash = to; }, fragment);
    await page.waitForFunction(() => document.querySelector("main h1, main .notice"));
    await page.waitForTimeout(50);
    await inert(page, fragment);
  }
  await page.check();
});

test("with --redact no text of an object is in it", async () => {
  const redacted = join(WORK, "redacted.html");
  tool("report", "--redact", DUMPS[2], "-o", redacted);
  const text = readFileSync(redacted, "utf8");
  for (const secret of ["Receipt of order", "recent query", "price of "]) assert(!text.includes(secret), `“${secret}” is in it`);
  assert(text.includes("AuditTrail"), "names of classes are gone, too");
  const page = await newPage({ offline: true });
  await page.goto(pathToFileURL(redacted).href);
  await settled(page);
  for (const [name, fragment] of VIEWS.filter(([name]) => ["overview", "object", "threads", "strings"].includes(name))) {
    await goTo(page, fragment.replace("dump=2&", "").replace("?dump=2", ""));
    await judge(page, `redacted-${name}`);
  }
  await page.check();
});

main();
