// What the tests of the page share: the browser, the server they look at, dumps, and what is judged on every page.
//
// The packages of package-lock.json (playwright-core, axe-core) are installed into build/test/web, the dumps are made there, too.
// The browser is Debian's chromium; each test has a context of its own. Screenshots stay in build/screenshots.
import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync, cpSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { picture } from "./picture.mjs";

export const ROOT = join(dirname(fileURLToPath(import.meta.url)), "../..");
export const WORK = join(ROOT, "build/test/web");
export const TOOL = process.env.HEAP_DUMP_TOOL ?? join(ROOT, "build/heap_dump");
const SHOTS = join(ROOT, "build/screenshots");
const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";
const RUBY = process.env.RUBY ?? "ruby";
const TEST_SECONDS = 90;

// --- what the tests need ---

function newer(made, ...sources) {
  return existsSync(made) && sources.every((source) => statSync(source).mtimeMs <= statSync(made).mtimeMs);
}

function packages() {
  mkdirSync(WORK, { recursive: true });
  const here = join(ROOT, "test/web");
  const lock = readFileSync(join(here, "package-lock.json"), "utf8");
  const stamp = join(WORK, "installed");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === lock) return;
  for (const file of ["package.json", "package-lock.json", ".npmrc"]) cpSync(join(here, file), join(WORK, file));
  execFileSync("npm", ["ci", "--ignore-scripts", "--no-progress"], { cwd: WORK, stdio: ["ignore", "ignore", "inherit"] });
  writeFileSync(stamp, lock);
}

/** The path of a dump made by rails_app.rb or hostile_dump.rb. */
export function dump(name) {
  const script = join(ROOT, "test/web", /^(rails|objectspace)/.test(name) ? "rails_app.rb" : "hostile_dump.rb");
  const path = join(WORK, name);
  mkdirSync(WORK, { recursive: true });
  if (!newer(path, script)) {
    const libraries = (process.env.HEAP_DUMP_LIB ?? ["lib", "build/ext"].map((folder) => join(ROOT, folder)).join(":")).split(":");
    execFileSync(RUBY, [...libraries.flatMap((folder) => ["-I", folder]), script, WORK], { cwd: ROOT, stdio: ["ignore", "ignore", "inherit"] });
  }
  return path;
}

/** A server on a free port: {address, origin, token, stop()}. The address is the first line it prints. */
export async function serve(...files) {
  const child = spawn(TOOL, ["serve", ...files], { cwd: ROOT, stdio: ["ignore", "pipe", "inherit"] });
  ending.push(() => child.kill("SIGTERM"));
  const address = await new Promise((resolve, reject) => {
    let said = "";
    child.stdout.on("data", (data) => { said += data; if (said.includes("\n")) resolve(said.split("\n")[0]); });
    child.on("exit", (code) => reject(new Error(`heap_dump serve ended with ${code}`)));
    setTimeout(() => reject(new Error("heap_dump serve printed no address")), 60_000).unref();
  });
  const url = new URL(address);
  return { address, origin: url.origin, token: url.searchParams.get("token"), stop: () => child.kill("SIGTERM") };
}

export const tool = (...words) => execFileSync(TOOL, words, { cwd: ROOT, maxBuffer: 1 << 28 }).toString();

// --- running ---

const tests = [];
const ending = [];

export function test(name, run) {
  tests.push({ name, run });
}

export function assert(truth, message) {
  if (!truth) throw new Error(message);
}

export function assertEqual(expected, actual, message = "") {
  const [one, other] = [JSON.stringify(expected), JSON.stringify(actual)];
  if (one !== other) throw new Error(`${message}: expected ${one}, got ${other}`);
}

let browser = null;

/** Runs the tests that `test` collected; ends the process. The words of the command line choose among them by name. */
export async function main() {
  const words = process.argv.slice(2);
  packages();
  const { chromium } = createRequire(join(WORK, "package.json"))("playwright-core");
  browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync"] });
  ending.push(() => browser.close());
  let passed = 0;
  let failed = 0;
  for (const { name, run } of tests) {
    if (words.length > 0 && !words.some((word) => name.includes(word))) continue;
    const started = performance.now();
    try {
      await limited(run(), name);
      passed++;
      console.log(`ok ${name} (${((performance.now() - started) / 1000).toFixed(1)} s)`);
    } catch (error) {
      failed++;
      console.log(`not ok ${name}\n    ${String(error?.stack ?? error).split("\n").slice(0, 12).join("\n    ")}`);
    }
    for (const context of browser.contexts()) await context.close();
  }
  for (const end of ending.reverse()) await end();
  console.log(`\n${passed} passed, ${failed} failed`);
  process.exit(failed === 0 && passed > 0 ? 0 : 1);
}

function limited(promise, name) {
  let timer;
  const late = new Promise((_, reject) => { timer = setTimeout(() => reject(new Error(`${name} took longer than ${TEST_SECONDS} s`)), TEST_SECONDS * 1000); });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

// --- pages ---

/**
 * A page that writes down what must not happen: errors, refusals by the Content-Security-Policy, dialogs, requests elsewhere. `page.troubles` has them;
 * `page.shifts()` is how much its layout jumped.
 */
export async function newPage({ width = 1280, height = width < 600 ? 844 : 800, scheme = "light", offline = false, origin = null, storage } = {}) {
  const context = await browser.newContext({ viewport: { width, height }, colorScheme: scheme, reducedMotion: "reduce", acceptDownloads: true, permissions: [], storageState: storage });
  await context.addInitScript(() => {
    window.refused = [];
    document.addEventListener("securitypolicyviolation", (event) => window.refused.push(`${event.violatedDirective} ${event.blockedURI} ${event.sample}`));
    window.shifted = 0;
    new PerformanceObserver((list) => { for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shifted += entry.value; }).observe({ type: "layout-shift", buffered: true });
  });
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  page.troubles = [];
  page.on("console", (message) => { if (["error", "warning"].includes(message.type())) page.troubles.push(`console: ${message.text()}`); });
  page.on("pageerror", (error) => page.troubles.push(`error: ${error.message}`));
  page.on("dialog", (dialog) => { page.troubles.push(`dialog: ${dialog.message()}`); dialog.dismiss(); });
  page.on("request", (request) => {
    const url = request.url();
    if (!/^(data|blob|file):/.test(url) && (!origin || new URL(url).origin !== origin)) page.troubles.push(`request elsewhere: ${url.slice(0, 200)}`);
  });
  page.shifts = () => page.evaluate(() => window.shifted);
  page.check = async () => {
    const refused = await page.evaluate(() => window.refused);
    assertEqual([], [...page.troubles, ...refused], "troubles of the page");
  };
  if (offline) await context.setOffline(true);
  return page;
}

/** Goes to a view by its fragment and waits until nothing is loading any more. */
export async function goTo(page, fragment) {
  await page.evaluate((to) => { location.hash = to; }, fragment);
  await settled(page);
}

export async function settled(page) {
  await page.waitForFunction(() => document.querySelector("main h1") && !document.querySelector("[aria-busy=true], .loading"), undefined, { timeout: 60_000 });
  await page.waitForTimeout(200); // waits that are too short to be shown
  await page.waitForFunction(() => !document.querySelector("[aria-busy=true], .loading") && [...document.querySelectorAll(".slot:not(.slot-results)")].every((slot) => slot.childElementCount > 0), undefined, { timeout: 60_000 });
  await page.evaluate(() => document.fonts.ready.then(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)))));
}

/** Keeps a screenshot and judges it: not empty, nothing over anything else, nothing wider than the window. */
export async function judge(page, name, { full = true, least = 0.02 } = {}) {
  mkdirSync(SHOTS, { recursive: true });
  const path = join(SHOTS, `${name}.png`);
  const data = await page.screenshot({ path, fullPage: full });
  const { colours, inked } = picture(data);
  assert(colours >= 12, `${name}: only ${colours} colours, the page is empty`);
  assert(inked >= least, `${name}: ${(inked * 100).toFixed(2)} % of it is not background`);
  const found = await page.evaluate(overlaps);
  assertEqual([], found.overlapping, `${name}: texts over each other`);
  assertEqual([], found.outside, `${name}: texts outside of the window`);
  assert(found.texts > 10, `${name}: only ${found.texts} texts`);
  assertEqual(0, found.wider, `${name}: wider than the window by`);
}

// Runs in the page. Each line of text that can be seen, less what its boxes cut off; two that share more than a sliver overlap.
function overlaps() {
  const lines = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const bar = document.querySelector(".top").getBoundingClientRect();
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    if (!node.data.trim()) continue;
    const parent = node.parentElement;
    if (parent.closest("script, style, noscript, dialog, option, .skip, .sql-editor, .plain thead") || !parent.checkVisibility({ checkVisibilityCSS: true })) continue;
    let box = { left: -Infinity, top: -Infinity, right: Infinity, bottom: Infinity };
    let fixed = false;
    for (let at = parent; at && at !== document.body; at = at.parentElement) {
      const style = getComputedStyle(at);
      if (style.position === "fixed" || style.position === "sticky") fixed = true;
      if (style.overflowX !== "visible" || style.overflowY !== "visible") {
        const cut = at.getBoundingClientRect();
        box = { left: Math.max(box.left, cut.left), top: Math.max(box.top, cut.top), right: Math.min(box.right, cut.right), bottom: Math.min(box.bottom, cut.bottom) };
      }
    }
    const range = document.createRange();
    range.selectNodeContents(node);
    for (const rect of range.getClientRects()) {
      const line = { left: Math.max(rect.left, box.left), top: Math.max(rect.top, box.top), right: Math.min(rect.right, box.right), bottom: Math.min(rect.bottom, box.bottom), text: node.data.trim().slice(0, 40), node, fixed };
      if (line.right - line.left > 1 && line.bottom - line.top > 1) lines.push(line);
    }
  }
  lines.sort((a, b) => a.top - b.top);
  const overlapping = [];
  for (let i = 0; i < lines.length; i++) {
    for (let j = i + 1; j < lines.length && lines[j].top < lines[i].bottom; j++) {
      const [a, b] = [lines[i], lines[j]];
      if (a.node === b.node || a.fixed !== b.fixed) continue; // an ellipsis has boxes of its own; what stays in place has the page go by below it
      const wide = Math.min(a.right, b.right) - Math.max(a.left, b.left);
      const high = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
      if (wide > 3 && high > 5) overlapping.push(`“${a.text}” and “${b.text}” by ${wide.toFixed(0)} × ${high.toFixed(0)}`);
    }
  }
  const outside = lines.filter((line) => line.right > innerWidth + 1 || line.left < -1).map((line) => line.text);
  return { texts: lines.length, overlapping: overlapping.slice(0, 5), outside: outside.slice(0, 5), wider: Math.max(0, document.documentElement.scrollWidth - innerWidth), bar: bar.height };
}

// Runs in the page. axe does not judge what stands on a gradient: the contrast with each of its colours.
function faintOnHatching() {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const light = (colour) => {
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b] = [...canvas.getImageData(0, 0, 1, 1).data].map((part) => (part / 255 <= 0.04045 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  return [...document.querySelectorAll(".part-self, .part-folded")].filter((one) => one.querySelector(".cell-words")).flatMap((one) => {
    const style = getComputedStyle(one);
    const text = light(style.color);
    return (style.backgroundImage.match(/(rgb|rgba|color)\([^)]*\)/g) ?? ["black"]).map((colour) => {
      const ground = light(colour);
      const contrast = (Math.max(text, ground) + 0.05) / (Math.min(text, ground) + 0.05);
      return contrast < 4.5 ? `${one.className}: contrast ${contrast.toFixed(2)} of ${style.color} on ${colour}` : null;
    });
  }).filter(Boolean);
}

/** What axe finds, in words: names, roles, contrast, landmarks, order of titles. */
export async function unfit(page, name) {
  const source = createRequire(join(WORK, "package.json")).resolve("axe-core/axe.min.js");
  if (!(await page.evaluate(() => "axe" in window))) await page.evaluate(readFileSync(source, "utf8"));
  const found = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
  const hatched = await page.evaluate(faintOnHatching);
  return hatched.map((words) => `${name}: ${words}`).concat(found.violations.map((one) => `${name}: ${one.id}: ${one.nodes.length} × ${one.nodes[0].target} ${one.nodes[0].html.slice(0, 160)} ${one.nodes[0].failureSummary.split("\n").slice(1, 2).join("").trim()}`));
}

