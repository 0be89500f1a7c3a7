// Lays out the pages' static files as Cloudflare serves them: `node .make/assets.mjs FOLDER`.
// They stand below /manicule/<hash of them all>/, so that browsers may keep them for ever; build.rs reckons the same hash.
import { createHash } from "node:crypto";
import { copyFileSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { transformSync } from "esbuild";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const source = join(root, "src/pages/assets");
const names = readdirSync(source).sort();

const hash = createHash("sha256");
for (const name of names) hash.update(`${name}\n`).update(readFileSync(join(source, name)));
const folder = `manicule/${hash.digest("hex").slice(0, 12)}`;

const into = process.argv[2];
rmSync(into, { recursive: true, force: true });
mkdirSync(join(into, folder), { recursive: true });
for (const name of names) {
  const loader = { ".css": "css", ".js": "js" }[extname(name)];
  const text = readFileSync(join(source, name));
  writeFileSync(join(into, folder, name), loader ? transformSync(text.toString(), { loader, minify: true }).code : text);
}

// The type, from its package; its version is part of its name, so that a new one is a change of the style.
const font = join(root, "node_modules/@fontsource-variable/eb-garamond");
const { version } = JSON.parse(readFileSync(join(font, "package.json"), "utf8"));
const named = `garamond-${version}.woff2`;
if (!readFileSync(join(source, "style.css"), "utf8").includes(`"${named}"`)) {
  console.error(`error: src/pages/assets/style.css does not name ${named}, which is installed`);
  process.exit(1);
}
copyFileSync(join(font, "files/eb-garamond-latin-wght-normal.woff2"), join(into, folder, named));
copyFileSync(join(font, "LICENSE"), join(into, folder, "garamond-license.txt"));

writeFileSync(
  join(into, "_headers"),
  "/manicule/*\n  Cache-Control: public, max-age=31536000, immutable\n  X-Content-Type-Options: nosniff\n",
);
