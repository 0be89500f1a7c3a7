// Lays out the static files as Cloudflare serves them: what pages load, the description of the API and the guide to
// programs.
//   node scripts/assets.mjs --name        prints the path they are served below: /manicule/<hash of them all>
//   node scripts/assets.mjs FOLDER PATH   writes them into FOLDER, below that path
// Browsers may keep what stands under a hash for ever; what stands under /manicule/dev changes.
import { createHash } from "node:crypto";
import { copyFileSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
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

  const kept = path === "/manicule/dev" ? "no-cache" : "public, max-age=31536000, immutable";
  writeFileSync(join(into, "_headers"), `/manicule/*\n  Cache-Control: ${kept}\n  X-Content-Type-Options: nosniff\n`);
}

const [first, path] = process.argv.slice(2);
if (first === "--name") console.log(pathOfAll());
else write(first, path);
