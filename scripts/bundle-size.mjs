// Prints the size of a packed Worker in FOLDER, raw and compressed, and fails above the limit.
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

/** Cloudflare allows 3 MB on its free plan, and starts a small Worker sooner. */
const MAX_GZIP_BYTES = 1_750_000;
const [folder] = process.argv.slice(2);
// Source maps and the README that wrangler adds are not uploaded.
const parts = readdirSync(folder, { recursive: true }).filter((name) => /\.(js|mjs|wasm|html|css|txt|json)$/.test(name));
const sizes = parts.map((name) => [name, readFileSync(join(folder, name))]).map(([name, bytes]) => [name, bytes.length, gzipSync(bytes).length]);
const [raw, packed] = [1, 2].map((column) => sizes.reduce((sum, row) => sum + row[column], 0));
const kb = (bytes) => `${(bytes / 1000).toFixed(1)} kB`;
console.log(`bundle: ${kb(raw)}, ${kb(packed)} gzip (at most ${kb(MAX_GZIP_BYTES)}): ${sizes.map(([name, , size]) => `${name} ${kb(size)}`).join(", ")}`);
if (packed > MAX_GZIP_BYTES) {
  console.error(`error: the bundle is ${kb(packed - MAX_GZIP_BYTES)} too large`);
  process.exit(1);
}
