// Proves that the tests notice a broken rule: every mutant of tests/mutants/*.json must make them fail.
//
// All mutants go into one copy of the source, each behind a switch that the environment variable MUTANT sets, so that
// one build is enough. The copy and what is built of it are in target/mutants; the source itself is never changed.
// As a command: node scripts/mutants.mjs [NAME…]
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const copy = join(root, "target/mutants");

const SIMULATION = "simulation::seeds::the_books_are_right_after_every_step";
/** Seeds in which a mutant must be noticed: several times as many as the rarest one needs today. */
const SEEDS = 200;
/** Seeds are played in groups of this many, and none after the group in which one fails. */
const GROUP = 10;
/** A mutant that runs longer than this, in milliseconds, has hung, which a test run would notice, too. */
const LIMIT = 300_000;

/** All mutants: {name, what, edits: [{file, text, replacement, inside?}], tests?, seed?}. */
export function mutants(folder = join(root, "tests/mutants")) {
  const files = readdirSync(folder).filter((name) => name.endsWith(".json"));
  return files.sort().flatMap((name) => JSON.parse(readFileSync(join(folder, name), "utf8")));
}

/** What two texts share at their start, then at their end, as lengths. */
function shared(a, b) {
  let start = 0;
  while (start < Math.min(a.length, b.length) && a[start] === b[start]) start += 1;
  let end = 0;
  while (end < Math.min(a.length, b.length) - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end += 1;
  return [start, end];
}

/** Where a text is, which must be in one place. */
function place(source, text, file) {
  const at = source.indexOf(text);
  if (at < 0 || source.indexOf(text, at + 1) >= 0) throw new Error(`${file} does not contain exactly once: ${text}`);
  return at;
}

/** Refuses what cannot stand alone as an expression, so that a test of a second says so, and not the compiler at the end. */
function wholeExpression(text, file) {
  const opening = { ")": "(", "]": "[", "}": "{" };
  const open = [];
  for (const char of text) {
    if ("([{".includes(char)) open.push(char);
    else if (opening[char] && open.pop() !== opening[char]) open.push("none");
  }
  if (open.length || /^[.?;]/.test(text)) throw new Error(`${file}: not an expression of its own: ${text}`);
}

/**
 * A file's source with all its edits behind switches: an expression becomes an `if`. Inside a literal of SQL, a
 * formatted one gets a placeholder for a static, and any other becomes an `if` as a whole. `edits`: [{name, text,
 * replacement, inside?}].
 */
export function switched(source, edits, file = "the file") {
  const places = new Map();
  let statics = "";
  const add = (from, to, name, replacement) => {
    const key = `${from}-${to}`;
    if (!places.has(key)) places.set(key, { from, to, others: [] });
    places.get(key).others.push([name, replacement]);
  };
  const raw = [];
  edits.forEach(({ name, text, replacement, inside }, index) => {
    const at = place(source, text, file);
    if (inside !== "sql") [text, replacement].forEach((one) => wholeExpression(one, file));
    if (inside !== "sql") return add(at, at + text.length, name, replacement);
    const opening = source.lastIndexOf('"', at);
    const closing = source.indexOf('"', at);
    if (!/format!\(\s*$/.test(source.slice(0, opening))) {
      const mutated = source.slice(opening, at) + replacement + source.slice(at + text.length, closing + 1);
      return add(opening, closing + 1, name, mutated);
    }
    const [start, end] = shared(text, replacement);
    const cut = (of) => of.slice(start, of.length - end);
    const id = `MUTANT_${index}`;
    statics += `static ${id}: crate::mutant::Text = crate::mutant::Text(${[name, cut(text), cut(replacement)].map((t) => JSON.stringify(t)).join(", ")});\n`;
    raw.push({ from: at + start, to: at + text.length - end, text: `{${id}}` });
  });
  for (const { from, to, others } of places.values()) {
    const cases = others.map(([name, replacement]) => `if crate::mutant::is("${name}") { ${replacement} } else `);
    raw.push({ from, to, text: `(${cases.join("")}{ ${source.slice(from, to)} })` });
  }
  raw.sort((a, b) => b.from - a.from);
  raw.forEach(({ to }, i) => {
    if (i > 0 && to > raw[i - 1].from) throw new Error(`two mutants overlap in ${file}`);
  });
  const changed = raw.reduce((text, { from, to, text: now }) => text.slice(0, from) + now + text.slice(to), source);
  return statics ? `${changed}\n${statics}` : changed;
}

const SWITCH = `
/// Which mutant is on: the one that the environment names.
pub mod mutant {
    use std::sync::LazyLock;
    static ON: LazyLock<String> = LazyLock::new(|| std::env::var("MUTANT").unwrap_or_default());
    pub fn is(name: &str) -> bool {
        *ON == name
    }
    /// A part of a formatted text, as it is and as the mutant has it.
    pub struct Text(pub &'static str, pub &'static str, pub &'static str);
    impl std::fmt::Display for Text {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str(if is(self.0) { self.2 } else { self.1 })
        }
    }
}
`;

const COPIED = ["Cargo.toml", "Cargo.lock", "build.rs", "schema.sql", "wrangler.toml", "migrations", "docs", "src", "tests"];

/** The files below a path, as paths relative to `base`. */
function filesOf(base, path) {
  if (!existsSync(join(base, path))) return [];
  if (!statSync(join(base, path)).isDirectory()) return [path];
  return readdirSync(join(base, path)).flatMap((name) => filesOf(base, join(path, name)));
}

/** The edits of all mutants by the file in which they are. */
export function byFile(all = mutants()) {
  const edits = new Map();
  for (const mutant of all) {
    for (const edit of mutant.edits) {
      edits.set(edit.file, [...(edits.get(edit.file) ?? []), { name: mutant.name, ...edit }]);
    }
  }
  return edits;
}

/** Makes the copy with all mutants in it. Only files that differ are written, so that a build is incremental. */
function write(all) {
  const edits = byFile(all);
  const wanted = new Set(COPIED.flatMap((path) => filesOf(root, path)));
  for (const path of wanted) {
    let content = readFileSync(join(root, path));
    if (edits.has(path)) content = Buffer.from(switched(content.toString(), edits.get(path), path));
    if (path === "src/lib.rs") content = Buffer.from(`#![allow(warnings)]\n${content}${SWITCH}`);
    const to = join(copy, path);
    if (existsSync(to) && readFileSync(to).equals(content)) continue;
    mkdirSync(dirname(to), { recursive: true });
    writeFileSync(to, content);
  }
  for (const path of COPIED.flatMap((path) => filesOf(copy, path))) {
    if (!wanted.has(path)) rmSync(join(copy, path));
  }
}

/**
 * Builds the copy's tests; the binary. In a folder of its own: cargo names what it builds by the package, not by its
 * path, so that a shared one would mix up the source and the copy.
 */
function build() {
  const args = ["test", "--no-run", "--test", "native", "--message-format=json-render-diagnostics"];
  args.push("--manifest-path", join(copy, "Cargo.toml"), "--target-dir", join(copy, "target"));
  const done = spawnSync("cargo", args, { maxBuffer: 1 << 28, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
  if (done.status !== 0) throw new Error(`the mutants do not compile:\n${done.stderr}`);
  const messages = done.stdout.split("\n").filter((line) => line.startsWith("{")).map((line) => JSON.parse(line));
  return messages.findLast((m) => m.executable && m.target.name === "native").executable;
}

/** Runs one test: whether it failed, and the first line that says why. */
function fails(binary, mutant, test, more = {}) {
  const env = { ...process.env, MUTANT: mutant, RUST_BACKTRACE: "0", ...more };
  const done = spawnSync(binary, ["--exact", test], { cwd: copy, env, encoding: "utf8", timeout: LIMIT, maxBuffer: 1 << 28 });
  if (done.error?.code === "ETIMEDOUT") return "it does not end";
  if (done.error) throw done.error;
  if (done.status === 0) {
    if (!done.stdout.includes("1 passed")) throw new Error(`there is no test ${test}`);
    return null;
  }
  const lines = done.stdout.split("\n");
  return lines.find((line) => line.startsWith("seed ")) ?? lines.find((line) => /^(Some\(|assertion)/.test(line)) ?? "it failed";
}

/** Where a mutant is noticed: by each test that it names, or in a seed of the simulation. `null`: by nothing. */
function noticed(binary, { name, tests, seed }) {
  if (tests) {
    const reasons = tests.map((test) => [test, fails(binary, name, test)]);
    return reasons.every(([, why]) => why) ? reasons.map(([test, why]) => `${test}: ${why}`).join("; ") : null;
  }
  const known = seed && fails(binary, name, SIMULATION, { SIM_SEED: `${seed}` });
  if (known) return known;
  for (let first = 1; first <= SEEDS; first += GROUP) {
    const why = fails(binary, name, SIMULATION, { SIM_SEED: `${first}`, SIM_SEEDS: `${GROUP}` });
    if (why) return why;
  }
  return null;
}

/** What fails although no mutant is on. */
function unsound(binary, chosen) {
  const last = Math.max(GROUP, ...chosen.map(({ seed }) => seed ?? 0));
  const tests = [...new Set(chosen.flatMap(({ tests }) => tests ?? []))];
  const failed = tests.map((test) => fails(binary, "", test));
  failed.push(fails(binary, "", SIMULATION, { SIM_SEED: "1", SIM_SEEDS: `${last}` }));
  return failed.filter(Boolean);
}

function main(names) {
  const say = (text) => process.stderr.write(`${text}\n`);
  const seconds = (since) => ((Date.now() - since) / 1000).toFixed(1);
  const all = mutants();
  const unknown = names.filter((name) => !all.some((mutant) => mutant.name === name));
  if (unknown.length) throw new Error(`there is no mutant ${unknown.join(", ")}`);
  const chosen = names.length ? all.filter(({ name }) => names.includes(name)) : all;
  const started = Date.now();
  say(`… building ${all.length} mutants`);
  write(all);
  const binary = build();
  say(`✓ built (${seconds(started)} s)`);
  const broken = unsound(binary, chosen);
  if (broken.length) throw new Error(`the tests fail without a mutant: ${broken.join("\n")}`);
  const missed = chosen.filter((mutant) => {
    const since = Date.now();
    const why = noticed(binary, mutant);
    say(`${why ? "✓" : "✗"} ${mutant.name} (${seconds(since)} s): ${(why ?? mutant.what).slice(0, 160)}`);
    return !why;
  });
  console.log(`${chosen.length - missed.length} of ${chosen.length} mutants are noticed (${seconds(started)} s)`);
  return missed.length ? 1 : 0;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  try {
    process.exitCode = main(process.argv.slice(2));
  } catch (error) {
    console.error(`error: ${error.message}`);
    process.exitCode = 1;
  }
}
