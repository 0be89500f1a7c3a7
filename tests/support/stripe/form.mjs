// Stripe's form encoding: `a[b]=1`, `a[]=1` and `a[0]=1`. Everything is a string or a nested object. The endpoint's
// shape decides whether an object with the keys 0, 1, 2 is a list.
import { invalid } from "./errors.mjs";

const KEY = /^([^[\]]+)((?:\[[^[\]]*\])*)$/;

function decoded(text) {
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch {
    throw invalid(`Invalid request: not percent-encoded UTF-8: ${text}`);
  }
}

/** The steps of a key: `a[b][]` is a, b and an empty string for "the next". */
function steps(key) {
  const found = KEY.exec(key);
  if (!found) throw invalid(`Invalid request: ${key} is not a parameter's name`);
  return [found[1], ...[...found[2].matchAll(/\[([^[\]]*)\]/g)].map((match) => match[1])];
}

/** The parameters as nested objects without prototypes, so that no name is special. */
export function decode(text) {
  const root = Object.create(null);
  for (const pair of text.split("&")) {
    if (pair === "") continue;
    const at = pair.indexOf("=");
    const key = decoded(at < 0 ? pair : pair.slice(0, at));
    const path = steps(key);
    const last = path.pop();
    let node = root;
    for (const step of path) {
      const name = step === "" ? String(Object.keys(node).length) : step;
      node[name] ??= Object.create(null);
      if (typeof node[name] !== "object") throw invalid(`Invalid request: ${key} is both a value and a hash`);
      node = node[name];
    }
    const name = last === "" ? String(Object.keys(node).length) : last;
    // Stripe uses one of them, and a client that sends two cannot know which.
    if (name in node) throw invalid(`Invalid request: ${key} is given twice`);
    node[name] = at < 0 ? "" : decoded(pair.slice(at + 1));
  }
  return root;
}

/** Equal parameters give equal text, in whatever order they were sent. */
export function canonical(value) {
  if (typeof value === "string") return JSON.stringify(value);
  const fields = Object.keys(value)
    .sort()
    .map((key) => `${JSON.stringify(key)}:${canonical(value[key])}`);
  return `{${fields.join()}}`;
}
