// Lays out the static files as Cloudflare serves them: what pages load, the description of the API and the guide to
// programs.
//   node scripts/assets.mjs --name        prints the path they are served below: /manicule/<hash of them all>
//   node scripts/assets.mjs FOLDER PATH   writes them into FOLDER, below that path
//   node scripts/assets.mjs --release     makes the script of the site a released version, and names it in the code
// Browsers may keep what stands under a hash for ever; what stands under /manicule/dev changes.
import { createHash } from "node:crypto";
import { copyFileSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { transformSync } from "esbuild";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const source = join(root, "src/pages/assets");
const names = readdirSync(source).sort();
const guide = join(root, "docs/programs.md");

/** What the Worker answers /openapi.json with. `"enum": "FILE ENUM"` lists the names of that `names!` enum. */
function description() {
  const names = (where) => {
    const [file, kind] = where.split(" ");
    const variants = readFileSync(join(root, file), "utf8").split(`pub enum ${kind} {`)[1]?.split("}")[0] ?? "";
    const found = [...variants.matchAll(/^ *[A-Z]\w* = "([^"]+)",$/gm)].map(([, name]) => name);
    if (found.length === 0) throw new Error(`src/http/openapi.json lists ${where}, where no names are`);
    return found;
  };
  const fill = (key, value) => (key === "enum" && typeof value === "string" ? names(value) : value);
  return JSON.stringify(JSON.parse(readFileSync(join(root, "src/http/openapi.json"), "utf8"), fill));
}

function pathOfAll() {
  const hash = createHash("sha256");
  for (const name of names) hash.update(`${name}\n`).update(readFileSync(join(source, name)));
  hash.update("openapi.json\n").update(description());
  hash.update("programs.md\n").update(readFileSync(guide));
  return `/manicule/${hash.digest("hex").slice(0, 12)}`;
}

// The script of the site. Pages that we don't write name a version with its integrity, for as long as they like, so every
// version's bytes are kept in `released`, as they were served. A version may be removed 400 days after the next one.
const siteScript = join(root, "src/pages/site_script");
const released = join(siteScript, "released");
const RELEASED = /^site\.[0-9a-f]{12}\.js$/;

/** The script as it is now: its bytes, its file's name and its integrity. */
export function siteScriptNow() {
  const { code } = transformSync(readFileSync(join(siteScript, "site.js"), "utf8"), { loader: "js", minify: true, target: "es2022" });
  const digest = createHash("sha256").update(code).digest();
  return { code, name: `site.${digest.toString("hex").slice(0, 12)}.js`, integrity: `sha256-${digest.toString("base64")}` };
}

function release() {
  const { code, name, integrity } = siteScriptNow();
  if (!existsSync(join(released, name))) writeFileSync(join(released, name), code);
  const addresses = join(root, "src/http/assets.rs");
  const text = readFileSync(addresses, "utf8");
  writeFileSync(addresses, text.replace(/\/manicule\/site\.[^"]+\.js/, `/manicule/${name}`).replace(/"sha256-[^"]*"/, `"${integrity}"`));
  console.log(`${name} ${integrity}`);
}

/** Lays out every released version, and the newest under a name that stays. The rules of `_headers` for them. */
function writeSiteScript(folder) {
  mkdirSync(folder, { recursive: true });
  const versions = readdirSync(released).filter((name) => RELEASED.test(name));
  for (const name of versions) copyFileSync(join(released, name), join(folder, name));
  const newest = /\/manicule\/(site\.[0-9a-f]{12}\.js)"/.exec(readFileSync(join(root, "src/http/assets.rs"), "utf8"))?.[1];
  copyFileSync(join(released, newest), join(folder, "site.js"));
  return [["site.js", "public, max-age=300"], ...versions.map((name) => [name, FOR_EVER])];
}

const FOR_EVER = "public, max-age=31536000, immutable";

function write(into, path) {
  const folder = join(into, path);
  rmSync(into, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const name of names) {
    const loader = { ".css": "css", ".js": "js" }[extname(name)];
    const text = readFileSync(join(source, name));
    writeFileSync(join(folder, name), loader ? transformSync(text.toString(), { loader, minify: true }).code : text);
  }

  writeFileSync(join(folder, "openapi.json"), description());
  copyFileSync(guide, join(folder, "programs.md"));

  // The font, from its package. Its version is part of its file name, so that a new version requires a change of the
  // style sheet.
  const font = join(root, "node_modules/@fontsource-variable/eb-garamond");
  const { version } = JSON.parse(readFileSync(join(font, "package.json"), "utf8"));
  const named = `garamond-${version}.woff2`;
  if (!readFileSync(join(source, "style.css"), "utf8").includes(`"${named}"`)) {
    throw new Error(`src/pages/assets/style.css does not name ${named}, which is installed`);
  }
  copyFileSync(join(font, "files/eb-garamond-latin-wght-normal.woff2"), join(folder, named));
  copyFileSync(join(font, "LICENSE"), join(folder, "garamond-license.txt"));

  const kept = path === "/manicule/dev" ? "no-cache" : FOR_EVER;
  const rules = [[`${path}/*`, kept], ...writeSiteScript(join(into, "manicule")).map(([name, cached]) => [`/manicule/${name}`, cached])];
  const rule = ([at, cached]) => `${at}\n  Cache-Control: ${cached}\n  X-Content-Type-Options: nosniff\n`;
  writeFileSync(join(into, "_headers"), rules.map(rule).join(""));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [first, path] = process.argv.slice(2);
  if (first === "--name") console.log(pathOfAll());
  else if (first === "--release") release();
  else write(first, path);
}
