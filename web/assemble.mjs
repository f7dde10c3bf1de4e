// Bundles the page: esbuild makes one script and one style sheet, and this puts them into index.html (as files of their
// own, for `heap_dump serve`) and into report.html (all in one, for `heap_dump report`). Called by web/build.
//
// The style sheet and script of a report stand inside the file, so its Content-Security-Policy names them by their
// hashes: nothing that a dump brings into the file can run.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const LIMIT = 300_000; // bytes of all files together: what people download, and what the program carries
const PLACE = "<!--heap_dump:answers-->";

const [source, folder, esbuild] = process.argv.slice(2);

function bundle(entry, format) {
  const scratch = mkdtempSync(join(tmpdir(), "heap_dump-web-"));
  try {
    const out = join(scratch, "out");
    execFileSync(esbuild, [join(source, entry), "--bundle", "--minify", "--charset=utf8", "--legal-comments=none",
      "--target=es2020,chrome90,firefox90,safari15", "--log-level=warning", ...(format ? [`--format=${format}`] : []), `--outfile=${out}`],
    { stdio: ["ignore", "inherit", "inherit"] });
    return readFileSync(out, "utf8").trimEnd();
  } finally {
    rmSync(scratch, { recursive: true });
  }
}

const digest = (text) => createHash("sha256").update(text).digest();
const policy = (text) => `'sha256-${digest(text).toString("base64")}'`;
const hashed = (name, ending, text) => `assets/${name}-${digest(text).toString("hex").slice(0, 10)}.${ending}`;
// A function, since $& and the like mean something in replacements that are texts.
const fill = (template, values) => template.replace(/@([A-Z_]+)@/g, (_, name) => values[name]);

const style = bundle("css/page.css");
const script = bundle("src/main.js", "iife");
const icon = readFileSync(join(source, "icon.svg"), "utf8").trim();
if (/<\/(script|style)/i.test(script + style)) throw new Error("the bundle has the end tag of an element in it");

const assets = { [hashed("page", "js", script)]: script, [hashed("page", "css", style)]: style, [hashed("icon", "svg", icon)]: icon };
const [scriptPath, stylePath, iconPath] = Object.keys(assets);
const index = fill(readFileSync(join(source, "index.html"), "utf8"), { SCRIPT: scriptPath, STYLE: stylePath, ICON: iconPath });
const report = fill(readFileSync(join(source, "report.html"), "utf8"), {
  POLICY: `default-src 'none'; script-src ${policy(script)}; style-src ${policy(style)}; img-src data:; base-uri 'none'; form-action 'none'`,
  ICON: `data:image/svg+xml;base64,${Buffer.from(icon).toString("base64")}`, STYLE: style, SCRIPT: script, ANSWERS: PLACE,
});
if (report.split(`\n${PLACE}\n`).length !== 2) throw new Error(`report.html needs one line ${PLACE}`);

const files = { "index.html": index, "report.html": report, ...assets };
const size = Object.values(files).reduce((sum, text) => sum + Buffer.byteLength(text), 0);
if (size > LIMIT) throw new Error(`the page has ${size} bytes, more than the ${LIMIT} it may have`);

rmSync(folder, { recursive: true, force: true });
mkdirSync(join(folder, "assets"), { recursive: true });
for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
console.log(`the page: ${size} bytes in ${Object.keys(files).length} files, of which the script is ${Buffer.byteLength(script)} and the style ${Buffer.byteLength(style)}`);
