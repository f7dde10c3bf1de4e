#!/usr/bin/env node
// The page on dumps of a Rails process: every view in both themes and on a phone, a whole leak hunt by clicks, the keyboard,
// addresses and the back button.
import { readFileSync } from "node:fs";
import { assert, assertEqual, dump, goTo, judge, main, newPage, serve, settled, test, tool, unfit } from "./helper.mjs";

const LAST = dump("rails-3.json");
const DUMPS = [dump("rails-1.json"), dump("rails-2.json"), LAST];
const suspect = JSON.parse(tool("suspects", "--json", LAST)).suspects[0];
let server = null;

async function open({ fragment = "", ...options } = {}) {
  server ??= await serve(...DUMPS);
  const page = await newPage({ origin: server.origin, ...options });
  await page.goto(`${server.address}${fragment}`);
  await settled(page);
  return page;
}

// The last dump: the one with the most in it.
const VIEWS = [["overview", "#/overview?dump=2"], ["memory", "#/memory?dump=2"], ["tree", "#/tree?dump=2"], ["icicle", "#/tree?dump=2&form=icicle"], ["tree-list", "#/tree?dump=2&form=list"], ["histogram", "#/classes?dump=2"],
  ["files", "#/classes?dump=2&by=file"], ["objects", "#/objects?dump=2&class=OrdersController"], ["object", `#/object?dump=2&id=${suspect.holder.hex}`], ["proc", `#/object?dump=2&id=${suspect.samples[0].hex}`],
  ["threads", "#/threads?dump=2"], ["strings", "#/strings?dump=2"], ["collections", "#/strings?dump=2&part=collections"], ["diff-two", "#/diff?dumps=0,1"], ["diff", "#/diff"],
  ["sql", "#/sql?dump=2&sql=SELECT%20id%2C%20class%2C%20retained%20FROM%20objects%20ORDER%20BY%20retained%20DESC%20LIMIT%20100"]];

for (const [width, scheme] of [[1280, "light"], [1280, "dark"], [390, "light"], [390, "dark"]]) {
  test(`every view at ${width} px, ${scheme}`, async () => {
    const page = await open({ width, scheme });
    const found = [];
    for (const [name, fragment] of VIEWS) {
      await page.evaluate(() => { window.shifted = 0; });
      await goTo(page, fragment);
      const shifts = await page.shifts();
      assert(shifts < 0.1, `${name}: its layout shifts by ${shifts.toFixed(3)} while it fills`);
      await judge(page, `${name}-${width}-${scheme}`);
      if (width === 1280 || scheme === "light") found.push(...(await unfit(page, name)));
      await page.check();
    }
    assertEqual([], found, "what axe finds");
  });
}

test("a leak hunt: overview, suspect, path, object, source", async () => {
  const page = await open({ fragment: "#/overview?dump=2" });
  const card = page.locator(".card").first();
  assert((await card.textContent()).includes("@subscribers of AuditTrail"), "the planted leak is not the first suspect");
  await card.getByRole("link", { name: /^Open @subscribers/ }).click();
  await settled(page);
  assert(page.url().includes(suspect.holder.hex), `the card leads to ${page.url()}`);

  const steps = await page.locator(".drawn-path").first().locator(".path-edge").allTextContents();
  assertEqual(suspect.path.map((step) => step.name), steps, "names on the path");
  assertEqual(["Array"], await page.locator("h1").allTextContents(), "title");

  const field = page.getByRole("table", { name: "Fields" }).locator("tbody tr", { hasText: "Proc" }).first();
  await field.getByRole("link").click();
  await settled(page);
  const source = await page.locator(".object-source").textContent();
  const line = readFileSync(new URL("./rails_app.rb", import.meta.url), "utf8").split("\n").findIndex((text) => text.includes("AuditTrail.subscribe {")) + 1;
  assert(source.includes(`rails_app.rb:${line}`) && source.includes("create"), `source: ${source}`);
  const self = page.getByRole("table", { name: "Fields" }).locator("tbody tr", { hasText: "OrdersController" });
  assertEqual(1, await self.count(), "what the block holds by self");
  await self.getByRole("link").click();
  await settled(page);
  assert((await page.locator("h1").textContent()).includes("OrdersController"), "not the controller");

  for (const title of ["Proc proc", "Array"]) {
    await page.goBack();
    await settled(page);
    assertEqual(title, await page.locator("h1").textContent(), "after going back");
  }
  await page.goBack();
  await settled(page);
  assert(page.url().includes("#/overview"), `back leads to ${page.url()}`);
  await page.check();
});

test("numbers are those of the commands", async () => {
  const page = await open({ fragment: "#/classes?dump=2" });
  const rows = JSON.parse(tool("top", "--json", "--limit", "5", LAST)).rows;
  const shown = await page.locator(".big-row").evaluateAll((all) => all.slice(0, 5).map((row) => [...row.children].map((cell) => cell.querySelector("[title]")?.title ?? cell.textContent)));
  const comma = (number) => number.toLocaleString("en-US");
  assertEqual(rows.map((row) => [row.class, comma(row.count), `${comma(row.size)} bytes`, `${comma(row.retained)} bytes`]), shown.map((row) => row.slice(0, 4)), "the first rows");
  await goTo(page, `#/object?dump=2&id=${suspect.holder.hex}`);
  const notes = await page.locator(".figure-note").allTextContents();
  assert(notes[0].startsWith(`${comma(suspect.holder.retained)} bytes`), `retained: ${notes[0]}`);
});

test("the process's memory: bar and table add up to the RSS, as the command says", async () => {
  const page = await open({ fragment: "#/overview?dump=2" });
  const wanted = JSON.parse(tool("memory", "--json", LAST));
  const number = (text) => Number(text.replace(/\D/g, ""));
  const legend = await page.locator(".memory-words b").evaluateAll((all) => all.map((one) => one.title));
  assertEqual(wanted.rss, legend.map(number).reduce((a, b) => a + b, 0), "parts of the bar");
  const widths = await page.locator(".memory-part").evaluateAll((all) => all.map((one) => Number(one.style.flexGrow)));
  assert(Math.abs(widths.reduce((a, b) => a + b, 0) / wanted.rss - 1) < 1e-5, "widths of the bar"); // browsers keep six digits of them
  await page.getByRole("link", { name: /All rows/ }).click();
  await settled(page);
  const heads = await page.getByRole("table").locator("td b[title]").evaluateAll((all) => all.map((one) => one.title));
  assertEqual([wanted.rss, wanted.rss], [number(heads.at(-1)), heads.slice(0, -1).map(number).reduce((a, b) => a + b, 0)], "all, and the sum of the groups");
  const sentences = await page.locator(".findings li").allTextContents();
  assertEqual(wanted.findings.map((one) => one.text.replaceAll("`", "")), sentences, "what it means");
  assertEqual(wanted.heap_pages.length, await page.locator(".pools li").count(), "heap pages");
  await page.check();
});

test("a dump that says nothing of the process's memory: why, and what to do", async () => {
  const server = await serve(dump("objectspace.json"));
  const page = await newPage({ origin: server.origin });
  for (const fragment of ["#/overview", "#/memory"]) {
    await page.goto(`${server.address}${fragment}`);
    await settled(page);
    const text = await page.locator("main").textContent();
    assert(text.includes("ObjectSpace says nothing") && text.includes("heap_dump memory PID"), `${fragment}: ${text.slice(0, 300)}`);
    await judge(page, `objectspace-${fragment.slice(2)}`, { least: 0.01 });
  }
  await page.check();
});

test("what keeps the objects of a class alive: each step stands below the one it comes from", async () => {
  const page = await open({ fragment: "#/objects?dump=2&class=Proc" });
  await page.getByRole("button", { name: /^Show \d+ more$/ }).click();
  const rows = await page.getByRole("table", { name: "Merged paths" }).locator("tbody tr").evaluateAll((all) => all.map((row) => [Number(row.querySelector(".indent").style.getPropertyValue("--depth")), row.querySelector(".edge").textContent, row.dataset.open, row.cells[1].textContent]));
  const { steps } = JSON.parse(tool("path", "--json", "--limit", "500", LAST, "Proc"));
  const parents = new Map(steps.map((step) => [step.step, steps.find((other) => other.step === step.parent)?.sample.hex]));
  const wanted = steps.map((step) => `${parents.get(step.step) ?? "root"} ${step.name} ${step.sample.hex}`).sort();
  const above = [];
  const found = rows.map(([depth, edge, address]) => {
    above.length = depth;
    above.push(address.match(/0x[0-9a-f]+/)[0]);
    return `${above[depth - 1] ?? "root"} ${edge} ${above[depth]}`;
  }).sort();
  assert(rows.length > 40 && Math.max(...rows.map(([depth]) => depth)) < 14, "too few or too deep for this test");
  assertEqual(wanted, found, "steps with the ones they come from");
});

test("the tree: zoom in and out, by mouse and by keys, with addresses", async () => {
  const page = await open({ fragment: "#/tree?dump=2" });
  const cell = page.locator(".cell-box.inside", { hasText: "AuditTrail" }).first();
  await cell.click({ position: { x: 8, y: 8 } });
  await settled(page);
  assert(/group=\d+/.test(page.url()), `no group in ${page.url()}`);
  assertEqual(2, await page.locator(".crumbs li").count(), "groups above");
  const inside = page.url();
  await page.goBack();
  await settled(page);
  assertEqual(1, await page.locator(".crumbs li").count(), "groups above after going back");
  await page.goForward();
  await settled(page);
  assertEqual(inside, page.url(), "address after going forward");

  await page.getByRole("button", { name: "Icicle" }).click();
  await settled(page);
  assert(page.url().includes("form=icicle"), "the form is not in the address");
  await page.locator(".cell-box").first().focus();
  await page.keyboard.press("ArrowDown");
  const label = await page.evaluate(() => document.activeElement.getAttribute("aria-label"));
  assert(label.includes("Array"), `ArrowDown leads to ${label}`);
  const details = await page.locator(".details").textContent();
  assert(details.includes("@subscribers"), `the details say ${details}`);
  await page.keyboard.press("ArrowUp");
  await page.keyboard.press("Backspace");
  await settled(page);
  assertEqual(1, await page.locator(".crumbs li").count(), "groups above after Backspace");
  await page.check();
});

test("keys: search, help, tables, views, theme", async () => {
  const page = await open();
  await page.keyboard.press("/");
  await page.keyboard.type("audittr");
  await page.locator(".search-option").first().waitFor();
  await page.keyboard.press("ArrowDown");
  assertEqual("true", await page.locator(".search-option").first().getAttribute("aria-selected"), "the first result");
  await page.keyboard.press("Enter");
  await settled(page);
  assert(/#\/(object|objects)\?/.test(page.url()), `Enter in the search leads to ${page.url()}`);
  assert((await page.locator("h1").textContent()).includes("AuditTrail"), "not what was searched");
  await page.keyboard.press("/");
  await page.keyboard.type(suspect.holder.hex);
  await page.locator(".search-option").first().waitFor();
  await page.keyboard.press("Escape");
  await page.keyboard.press("Escape");

  await page.keyboard.press("?");
  assert(await page.locator("dialog.help").isVisible(), "no help");
  await page.keyboard.press("Escape");

  await page.keyboard.press("g");
  await page.keyboard.press("h");
  await settled(page);
  assert(page.url().includes("#/classes"), `g h leads to ${page.url()}`);
  await page.locator("[role=grid]").focus();
  for (const key of ["ArrowDown", "ArrowDown", "ArrowUp", "End", "Home", "PageDown", "Home"]) await page.keyboard.press(key);
  assertEqual("r-0", await page.locator("[role=grid]").getAttribute("aria-activedescendant"), "the active row");
  const first = await page.locator("#r-0 bdi").textContent();
  await page.keyboard.press("Enter");
  await settled(page);
  assertEqual(first, await page.locator("h1").textContent(), "what Enter opens");

  const before = await page.evaluate(() => document.documentElement.dataset.theme);
  await page.keyboard.press("d");
  assert(before !== (await page.evaluate(() => document.documentElement.dataset.theme)), "d does not change the theme");
  await page.reload();
  await settled(page);
  assert(before !== (await page.evaluate(() => document.documentElement.dataset.theme)), "the chosen theme is forgotten");
  await page.check();
});

test("the histogram: filter and order are in the address", async () => {
  const page = await open({ fragment: "#/classes?dump=2" });
  await page.getByRole("searchbox", { name: /Only rows/ }).fill("actiondispatch::");
  await page.waitForFunction(() => [...document.querySelectorAll(".big-row bdi")].every((name) => name.textContent.startsWith("ActionDispatch::")));
  await page.getByRole("button", { name: "Count" }).click();
  const counts = await page.locator(".big-row").evaluateAll((rows) => rows.map((row) => Number(row.children[1].textContent.replaceAll(",", ""))));
  assertEqual([...counts].sort((a, b) => b - a), counts, "order");
  const address = page.url();
  assert(address.includes("q=actiondispatch") && address.includes("sort=count"), address);
  await page.reload();
  await settled(page);
  const again = await page.locator(".big-row").evaluateAll((rows) => rows.map((row) => Number(row.children[1].textContent.replaceAll(",", ""))));
  assertEqual(counts, again, "after reloading");
});

test("SQL: ready queries, results, links, CSV, errors", async () => {
  const page = await open({ fragment: "#/sql?dump=2" });
  await page.locator(".sql-ready button").first().click();
  await page.locator(".slot-results .big-row").first().waitFor();
  await page.locator(".sql-editor").fill("SELECT id, class, '=1+1' AS text FROM objects WHERE class = 'OrdersController' ORDER BY id LIMIT 3");
  await page.keyboard.press("Control+Enter");
  await page.waitForFunction(() => document.querySelectorAll(".slot-results .big-row").length === 3);
  const [file] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Download CSV" }).click()]);
  const text = readFileSync(await file.path(), "utf8").split("\r\n");
  assertEqual("id,class,text", text[0], "titles");
  assert(/^\d+,OrdersController,'=1\+1$/.test(text[1]), `a line of the file: ${text[1]}`);
  await page.locator(".slot-results .big-row a").first().click();
  await settled(page);
  assert((await page.locator("h1").textContent()).includes("OrdersController"), "the id leads elsewhere");
  await page.goBack();
  await settled(page);
  page.troubles.length = 0;
  await page.locator(".sql-editor").fill("SELEKT 1");
  await page.getByRole("button", { name: "Run", exact: true }).click();
  await page.getByRole("alert").waitFor();
  page.troubles.length = 0; // the browser reports the answer 400 on the console
  await page.locator(".sql-editor").fill("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n");
  await page.getByRole("button", { name: "Run", exact: true }).click();
  await page.getByRole("button", { name: "Cancel" }).click();
  await page.getByText("Cancelled.").waitFor();
});

test("long work shows how far it is and can be cancelled", async () => {
  const page = await open({ fragment: "#/overview?dump=2" });
  const asked = [];
  let done = false;
  await page.route("**/api/strings?**", (route) => {
    asked.push(route.request().url());
    return done ? route.continue() : route.fulfill({ status: 202, contentType: "application/json", body: JSON.stringify({ state: "running", progress: 0.42, stage: "reading <b>the dump</b> again", seconds: 7 }) });
  });
  await page.evaluate(() => { location.hash = "#/strings?dump=2"; });
  await page.getByText("reading <b>the dump</b> again").waitFor();
  assertEqual("0.42", await page.locator("progress").getAttribute("value"), "progress");
  assert((await page.locator(".loading").textContent()).includes("42.0"), "the part is not said in words");
  await judge(page, "progress", { least: 0.01 });
  await page.getByRole("button", { name: "Cancel" }).click();
  await page.getByText("Cancelled.").waitFor();
  await page.waitForTimeout(300);
  assertEqual(1, asked.filter((url) => url.includes("cancel=1")).length, "the server is told");
  const count = asked.length;
  await page.waitForTimeout(400);
  assertEqual(count, asked.length, "it goes on asking after that");
  done = true;
  await page.getByRole("button", { name: "Ask again" }).click();
  await page.locator(".big-row").first().waitFor();
  await page.check();
});

test("four dumps: which are compared is chosen", async () => {
  const four = await serve(...DUMPS, dump("hostile.json"));
  const page = await newPage({ origin: four.origin });
  await page.goto(`${four.address}#/diff?dumps=0,2`);
  await settled(page);
  await page.locator(".toolbar select").nth(1).selectOption("1");
  await page.waitForFunction(() => location.hash.includes("dumps=0%2C1"));
  await settled(page);
  assert((await page.locator(".heading-words").textContent()).includes("rails-1.json to rails-2.json"), "title");
  assert((await page.locator(".big-row").count()) > 0, "no growth");
  await goTo(page, "#/diff");
  assert((await page.locator(".heading-words").textContent()).includes("rails-1.json to hostile.json"), "the first and the last");
  await page.check();
});

test("the token does not stay in the address, and without it nothing is shown", async () => {
  const page = await open();
  assert(!page.url().includes("token"), page.url());
  const other = await newPage({ origin: server.origin });
  await other.goto(`${server.origin}/#/overview`);
  await other.getByRole("alert").waitFor();
  assert((await other.locator("main").textContent()).includes("heap_dump serve printed"), "it does not say what to do");
  const text = await other.locator("body").textContent();
  assert(!text.includes("AuditTrail") && !text.includes("rails-3"), "something of the dump is shown");
});

test("what is not there, and a server that is gone, are said", async () => {
  const page = await open({ fragment: "#/object?id=12" });
  assert((await page.getByRole("alert").textContent()).includes("no object"), "an unknown object");
  for (const fragment of ["#/object?id=%3Cb%3E", "#/nothing", "#/overview?dump=7", "#/tree?group=99999999", "#/__proto__", "#/constructor?x=1"]) {
    await page.evaluate((to) => { location.hash = to; }, fragment);
    await page.waitForFunction(() => document.querySelector("[role=alert], main h1"));
  }
  const gone = await serve(LAST);
  const lonely = await newPage({ origin: gone.origin });
  await lonely.goto(gone.address);
  await settled(lonely);
  gone.stop();
  await lonely.waitForTimeout(500);
  await lonely.evaluate(() => { location.hash = "#/strings"; });
  await lonely.getByText("The server does not answer.").waitFor();
});

main();
