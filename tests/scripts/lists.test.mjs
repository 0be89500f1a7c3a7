// The lists of email providers and public suffixes are what scripts/lists makes of its packages, where these are installed.
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { lists } from "../../scripts/lists/lists.mjs";

const root = fileURLToPath(new URL("../../", import.meta.url));
const packages = `${root}target/lists`;
const PATHS = ["src/engine/review/address/providers.txt", "src/engine/review/address/disposable.txt", "src/base/domain/suffixes.txt"];
const MAX_GZIP_BYTES = 120_000;

test("the lists together are small", () => {
  const all = Buffer.concat(PATHS.map((path) => readFileSync(root + path)));
  const packed = gzipSync(all, { level: 9 }).length;
  assert.ok(packed <= MAX_GZIP_BYTES, `${packed} bytes gzip`);
});

test("the lists are those of the pinned packages", { skip: !existsSync(`${packages}/node_modules`) }, () => {
  const made = lists(packages);
  assert.deepEqual(made.map(({ path }) => path), PATHS);
  for (const { path, text } of made) assert.equal(readFileSync(root + path, "utf8"), text, path);
});

test("the notice and the docs name the pinned versions", () => {
  const wanted = JSON.parse(readFileSync(`${root}scripts/lists/package.json`, "utf8")).dependencies;
  const wheel = readFileSync(`${root}scripts/lists/requirements.txt`, "utf8").match(/^(\S+)==(\S+)/);
  for (const path of ["scripts/lists/NOTICE.md", "docs/held-for-review.md"]) {
    const text = readFileSync(root + path, "utf8");
    for (const [name, version] of [...Object.entries(wanted), wheel.slice(1)]) {
      assert.ok(text.includes(`\`${name}\` ${version}`), `${path}: ${name} ${version}`);
    }
  }
});
