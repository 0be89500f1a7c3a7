// The command: its output line, its options, its end.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const script = fileURLToPath(new URL("serve.mjs", import.meta.url));

function run(t, words) {
  const child = spawn(process.execPath, [script, ...words], { stdio: ["ignore", "pipe", "pipe"] });
  t.after(() => child.kill("SIGKILL"));
  const ended = new Promise((done) => child.once("exit", done));
  const text = (stream) => new Promise((done) => stream.once("data", (chunk) => done(chunk.toString())));
  return { child, ended, line: text(child.stdout), complaint: text(child.stderr) };
}

test("it prints its URL, and saves its state when it stops", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "standin-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const state = join(folder, "state.json");
  const { child, ended, line } = run(t, ["--port", "0", "--state", state, "--balance", "4200", "--rate-limit", "off"]);
  const { url } = JSON.parse(await line);
  assert.match(url, /^http:\/\/127\.0\.0\.1:\d+$/);
  assert.equal((await (await fetch(`${url}/_test/state`)).json()).balances.usd, 4200);
  await fetch(`${url}/_test/balance`, { method: "POST", body: '{"add":1}' });
  child.kill("SIGTERM");
  assert.equal(await ended, 0);
  assert.equal(JSON.parse(readFileSync(state, "utf8")).balances.usd, 4201);
});

test("it refuses options that make no sense", async (t) => {
  for (const words of [["--port", "x"], ["--webhooks", "http://127.0.0.1:1"], ["--rate-limit", "maybe"], ["--colour"]]) {
    const { ended, complaint } = run(t, words);
    assert.match(await complaint, /^error: /);
    assert.equal(await ended, 2);
  }
});
