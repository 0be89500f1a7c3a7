// The built EmDash site on its Node. EMDASH_SITE is its folder, as scripts/setup-emdash prints it; what changes is in
// `folder`.
import { spawn } from "node:child_process";
import { mkdirSync, openSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "../../..");
const READY_WITHIN_MS = 60_000;

/** Ports that were free a moment ago. */
export async function freePorts(count) {
  const sockets = await Promise.all(
    Array.from({ length: count }, () => new Promise((done, failed) => {
      const socket = createServer().once("error", failed);
      socket.listen(0, "127.0.0.1", () => done(socket));
    })),
  );
  const ports = sockets.map((socket) => socket.address().port);
  await Promise.all(sockets.map((socket) => new Promise((done) => socket.close(done))));
  return ports;
}

export class Site {
  /** `base`: the address that visitors see, which is the Worker's. */
  constructor({ port, base, folder, env = {} }) {
    mkdirSync(folder, { recursive: true });
    Object.assign(this, { port, base, folder, env, address: `http://127.0.0.1:${port}` });
  }

  async start() {
    const { EMDASH_SITE } = process.env;
    if (!EMDASH_SITE) throw new Error("EMDASH_SITE is not set; scripts/setup-emdash prints it");
    const log = openSync(join(this.folder, "log"), "a");
    const loaded = ["scripts/end-with-parent.mjs", "tests/emdash/support/github.mjs"].flatMap((file) => ["--import", join(root, file)]);
    this.process = spawn(join(EMDASH_SITE, "node_modules/.bin/node"), [...loaded, join(EMDASH_SITE, "dist/server/entry.mjs")], {
      cwd: this.folder,
      // A group of its own, which ends with this process.
      detached: true,
      env: { PATH: process.env.PATH, HOST: "127.0.0.1", PORT: String(this.port), EMDASH_SITE_URL: this.base, ...this.env },
      stdio: ["ignore", log, log],
    });
    this.ended = new Promise((done) => this.process.once("exit", done));
    let over = false;
    this.ended.then(() => (over = true));
    for (const until = Date.now() + READY_WITHIN_MS; ; ) {
      const answer = await fetch(`${this.address}/_emdash/api/setup/status`).catch(() => undefined);
      if (answer?.ok) return this;
      if (over || Date.now() > until) throw new Error(`the site did not start:\n${this.log()}`);
      await new Promise((done) => setTimeout(done, 50));
    }
  }

  async stop() {
    this.process?.kill("SIGKILL");
    await this.ended;
  }

  log() {
    return readFileSync(join(this.folder, "log"), "utf8");
  }
}
