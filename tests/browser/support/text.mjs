// The pages' texts, by key, from the Rust files that contain them.
import { readFileSync } from "node:fs";

const FOLDER = new URL("../../../src/pages/text/", import.meta.url);
const files = new Map();

/** The constant `name` of `src/pages/text/<path>.rs`: text("operator/payout", "HOLD"). */
export function text(path, name) {
  if (!files.has(path)) files.set(path, constants(readFileSync(new URL(`${path}.rs`, FOLDER), "utf8")));
  const found = files.get(path).get(name);
  if (found === undefined) throw new Error(`src/pages/text/${path}.rs has no constant ${name}`);
  return found;
}

function constants(source) {
  const found = source.matchAll(/pub const (\w+): &str =\s*"((?:[^"\\]|\\[^])*)";/g);
  return new Map(Array.from(found, ([, name, literal]) => [name, unescaped(literal)]));
}

/** Rust's escapes that occur in texts: a continued line, a code point, a quote, a backslash. */
function unescaped(literal) {
  return literal
    .replace(/\\\n\s*/g, "")
    .replace(/\\u\{([0-9a-f]+)\}/gi, (_, code) => String.fromCodePoint(Number.parseInt(code, 16)))
    .replace(/\\(["\\])/g, "$1");
}
