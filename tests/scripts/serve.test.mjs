// However `make serve` ends, nothing of it is left five seconds later. Run by `make test` with the built Worker.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const GONE_WITHIN_MS = 5000;

/** Every process as { pid, parent, group }. */
function processes() {
  const { stdout } = spawnSync("ps", ["-eo", "pid=,ppid=,pgid=,stat="], { encoding: "utf8" });
  const rows = stdout.trim().split("\n").map((line) => line.trim().split(/\s+/));
  // An ended process stays in the list until its parent has read its status.
  return rows.filter(([, , , state]) => !state.startsWith("Z")).map(([pid, parent, group]) => ({ pid: Number(pid), parent: Number(parent), group: Number(group) }));
}

/** The process ids of make, the shell and node, and the group that node leads. */
async function served(state) {
  const make = spawn("make", ["--no-print-directory", "serve", "PORT=0", `STATE=${state}`], { cwd: root, stdio: ["ignore", "pipe", "ignore"] });
  let said = "";
  for await (const text of make.stdout) if ((said += text).includes("ready ")) break;
  assert.match(said, /^ready http/);
  const node = Number(readFileSync(join(state, "serve.pid"), "utf8"));
  const all = processes();
  const shell = all.find((one) => one.pid === node).parent;
  assert.ok(all.filter((one) => one.group === node).length >= 2, "node and workerd");
  return { make: make.pid, shell, node };
}

for (const victim of ["make", "shell", "node"]) {
  test(`nothing is left after a kill -9 of ${victim}`, async () => {
    const state = mkdtempSync(join(tmpdir(), "manicule-serve-"));
    const parts = await served(state);
    process.kill(parts[victim], "SIGKILL");
    const began = Date.now();
    const left = () => processes().filter(({ pid, group }) => group === parts.node || Object.values(parts).includes(pid));
    while (left().length > 0 && Date.now() - began < GONE_WITHIN_MS) await new Promise((done) => setTimeout(done, 100));
    assert.deepEqual(left(), []);
    rmSync(state, { recursive: true, force: true });
  });
}
