// The development workflow, on a copy of this clone: changes under `make dev` take effect, a failing build stops
// nothing, and nothing is left running however it ends. Run by `make test-long`; prints how long each change took.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { appendFileSync, cpSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const wait = (millis) => new Promise((done) => setTimeout(done, millis));
let clone;
let port;
let make;
let log = "";

function freePort() {
  return new Promise((done) => {
    const socket = createServer().listen(0, "127.0.0.1", () => {
      const { port: free } = socket.address();
      socket.close(() => done(free));
    });
  });
}

const output = (command, ...words) => {
  const done = spawnSync(command, words, { cwd: root, encoding: "utf8", maxBuffer: 1 << 26 });
  assert.equal(done.status, 0, done.stderr);
  return done.stdout;
};

/** Waits until the condition is true, two minutes at most. Returns the time it took in milliseconds. */
async function until(what, isSo, limit = 120_000) {
  const began = Date.now();
  for (;;) {
    if (await isSo()) return Date.now() - began;
    assert.ok(Date.now() - began < limit, `${what}: not within ${limit / 1000} s\n${log.slice(-3000)}`);
    await wait(100);
  }
}
const page = async (path) => (await fetch(`http://127.0.0.1:${port}${path}`, { signal: AbortSignal.timeout(60_000) })).text();
const shows = (path, text) => () => page(path).then((found) => found.includes(text), () => false);

async function start() {
  log = "";
  port = await freePort();
  make = spawn("make", ["--no-print-directory", "dev", `PORT=${port}`], { cwd: clone, stdio: ["ignore", "pipe", "pipe"], detached: true });
  make.stdout.on("data", (text) => (log += text));
  make.stderr.on("data", (text) => (log += text));
  await until("make dev", () => log.includes("Ctrl-C ends it") && log.includes("Ready on"), 900_000);
}

/** Processes related to the copy, judged by the kernel's record of their folder and command. */
function left() {
  const found = [];
  for (const line of output("ps", "-eo", "pid=,args=").split("\n")) {
    const [, pid, args] = /^\s*(\d+) (.*)$/.exec(line) ?? [];
    if (!pid || Number(pid) === process.pid) continue;
    let folder = "";
    try {
      folder = output("readlink", `/proc/${pid}/cwd`).trim();
    } catch {
      // The process is gone, or this is not Linux.
    }
    if (args.includes(clone) || folder.startsWith(clone)) found.push(`${pid} ${args.slice(0, 120)}`);
  }
  return found;
}
const pidOf = (pattern) => Number(left().find((line) => pattern.test(line))?.split(" ")[0]);

function edit(path, from, to) {
  const file = join(clone, path);
  const text = readFileSync(file, "utf8");
  assert.ok(text.includes(from), `${path} has ${from}`);
  writeFileSync(file, text.replaceAll(from, to));
}

before(async () => {
  clone = mkdtempSync(join(tmpdir(), "manicule-workshop-"));
  for (const name of output("git", "ls-files", "--cached", "--others", "--exclude-standard", "-z").split("\0").filter(Boolean)) {
    cpSync(join(root, name), join(clone, name), { recursive: true });
  }
  await start();
});
after(async () => {
  if (make.exitCode === null) process.kill(make.pid, "SIGTERM");
  await until("the end", () => left().length === 0, 10_000);
  rmSync(clone, { recursive: true, force: true });
});

test("a changed source appears on the page", async (t) => {
  for (const round of [1, 2, 3]) {
    edit("src/pages/identity/sign_in.rs", /Sign in\d*"/.exec(readFileSync(join(clone, "src/pages/identity/sign_in.rs"), "utf8"))[0], `Sign in${round}"`);
    t.diagnostic(`Rust: ${await until("the page", shows("/sign-in", `Sign in${round}<`))} ms`);
  }
});

test("a changed style and script are served", async (t) => {
  for (const [file, text, found] of [["style.css", "\n.workshop { color: red }\n", ".workshop"], ["script.js", "\nwindow.workshop = 1;\n", "window.workshop"]]) {
    appendFileSync(join(clone, "src/pages/assets", file), text);
    t.diagnostic(`${file}: ${await until(file, shows(`/manicule/dev/${file}`, found))} ms`);
  }
});

test("a migration is applied, a preset saved", async (t) => {
  writeFileSync(join(clone, "migrations/9999_workshop.sql"), "CREATE TABLE workshop (id INTEGER PRIMARY KEY) STRICT;\n");
  t.diagnostic(`migration: ${await until("the migration", () => log.includes("✓ migrations applied"))} ms`);
  const preset = join(clone, "src/program/presets/user-referral.json");
  const document = JSON.parse(readFileSync(preset, "utf8"));
  writeFileSync(preset, JSON.stringify({ ...document, title: "Workshop referral" }));
  t.diagnostic(`preset: ${await until("the preset", () => log.includes("program user-referral: saved as version 2"))} ms`);
  const token = /(mop_[0-9a-f]+)/.exec(log)[1];
  const saved = async () => {
    const answer = await fetch(`http://127.0.0.1:${port}/v1/programs/user-referral`, { headers: { authorization: `Bearer ${token}` } });
    return (await answer.json()).document.title === "Workshop referral";
  };
  await until("its being in force", saved);
  writeFileSync(preset, JSON.stringify({ ...document, title: 5 }));
  await until("the refusal", () => log.includes("PUT /v1/programs/user-referral answered 422"));
});

test("a build that fails is shown, and the previous Worker keeps running", async () => {
  const before = await page("/sign-in");
  appendFileSync(join(clone, "src/http/route.rs"), "\nfn broken( {\n");
  await until("the error", () => log.includes("unclosed delimiter") && log.includes("the previous Worker keeps running"));
  assert.equal((await page("/sign-in")).includes("Sign in"), before.includes("Sign in"));
  edit("src/http/route.rs", "\nfn broken( {\n", "");
  edit("src/pages/identity/sign_in.rs", 'Sign in3"', 'Sign in4"');
  await until("the page", shows("/sign-in", "Sign in4<"));
});

test("nothing is left running five seconds after a kill -9 of any part", async () => {
  const parts = { make: () => make.pid, "dev.mjs": () => pidOf(/scripts\/dev\.mjs/), wrangler: () => pidOf(/bin\/wrangler\.js dev/) };
  for (const [name, pid] of Object.entries(parts)) {
    if (make.exitCode !== null || make.signalCode !== null) await start();
    assert.ok(left().length >= 5, "make, dev.mjs, wrangler, workerd and esbuild run");
    process.kill(pid(), "SIGKILL");
    await wait(5000);
    assert.deepEqual(left(), [], `after the end of ${name}`);
  }
  await start();
});

test("nothing is left running after a kill during a build", async () => {
  process.kill(make.pid, "SIGTERM");
  await until("the end", () => left().length === 0, 10_000);
  appendFileSync(join(clone, "src/lib.rs"), "// changed\n");
  rmSync(join(clone, "target/wasm32-unknown-unknown/worker-dev/incremental"), { recursive: true, force: true });
  for (const part of ["make", "bash"]) {
    make = spawn("make", ["--no-print-directory", "dev", `PORT=${port}`], { cwd: clone, stdio: "ignore", detached: true });
    await until("the compiler", () => left().some((line) => line.includes("rustc")));
    process.kill(part === "make" ? make.pid : pidOf(/bash scripts\/dev/), "SIGKILL");
    await wait(5000);
    assert.deepEqual(left(), [], `after the end of ${part}`);
    assert.ok(readdirSync(clone).includes("target"));
  }
  await start();
});
