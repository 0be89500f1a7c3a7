// Prints the size of a packed Worker, raw and compressed, and fails above a limit: FOLDER MAX_GZIP_BYTES.
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

const [folder, limit] = process.argv.slice(2);
// Source maps and the README that wrangler adds are not uploaded.
const parts = readdirSync(folder, { recursive: true }).filter((name) => /\.(js|mjs|wasm|html|css|txt|json)$/.test(name));
const sizes = parts.map((name) => [name, readFileSync(join(folder, name))]).map(([name, bytes]) => [name, bytes.length, gzipSync(bytes).length]);
const [raw, packed] = [1, 2].map((column) => sizes.reduce((sum, row) => sum + row[column], 0));
const kb = (bytes) => `${(bytes / 1000).toFixed(1)} kB`;
console.log(`bundle: ${kb(raw)}, ${kb(packed)} gzip (at most ${kb(Number(limit))}): ${sizes.map(([name, , size]) => `${name} ${kb(size)}`).join(", ")}`);
if (packed > Number(limit)) {
  console.error(`error: the bundle is ${kb(packed - Number(limit))} too large`);
  process.exit(1);
}
