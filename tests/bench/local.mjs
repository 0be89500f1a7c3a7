// Workers on workerd with their own local D1, for benchmarks: the built product, or one in plain JavaScript.
import { createHash } from "node:crypto";
import { request } from "node:http";
import { cpSync, mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { fileURLToPath } from "node:url";
import { Miniflare, Log, LogLevel, convertV4MiniflareOptions } from "miniflare";
import { template } from "../../scripts/local-template.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, "../..");
const states = [];
process.on("exit", () => states.forEach((state) => rmSync(state, { recursive: true, force: true })));

/** A new folder for a database with the migrations applied. */
export async function newState() {
  const state = mkdtempSync(join(tmpdir(), "manicule-monthly-"));
  states.push(state);
  cpSync(join(await template(), "state"), state, { recursive: true });
  return state;
}

/**
 * One Worker on a database: the product (another build of it: `folder`, `main`), or `plain`, a file in workers/. Its log has the statements of cron runs and
 * pages.
 */
export async function start(state, { plain, bindings, folder = join(root, "target/worker/release"), main = "index.js", isDirect = false } = {}) {
  // The static files are not measured; see run.mjs.
  const { assets, ...options } = JSON.parse(readFileSync(join(await template(), "options.json"), "utf8"));
  const log = [];
  const modules = plain
    ? { modulesRoot: join(here, "workers"), modules: [{ type: "ESModule", path: join(here, "workers", plain) }] }
    : {
        modulesRoot: folder,
        modules: [
          ...[...new Set([main, "index.js"])].map((file) => ({ type: "ESModule", path: join(folder, file) })),
          { type: "CompiledWasm", path: join(folder, "index_bg.wasm") },
        ],
      };
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      host: "127.0.0.1",
      port: 0,
      cf: false,
      log: new Log(LogLevel.ERROR),
      resourcePersistencePath: join(state, "v3"),
      handleStructuredLogs: ({ message }) => take(log, message),
      workers: [{ ...options, name: "manicule", ...modules, bindings: { ...options.bindings, ...bindings }, ...(isDirect && { unsafeDirectSockets: [{ host: "127.0.0.1", port: 0 }] }) }],
    }),
  );
  // A direct socket has no proxy in between.
  const ready = await miniflare.ready;
  const url = isDirect ? await miniflare.unsafeGetDirectURL("manicule") : ready;
  return { miniflare, url: url.origin, log, db: await miniflare.getD1Database("DB", "manicule") };
}

function take(log, text) {
  try {
    const said = JSON.parse(text);
    if (["cron", "page", "call"].includes(said.message)) log.push(said);
    else console.error(text);
  } catch {
    console.error(text);
  }
}

/** The rows 0 to `count` - 1 as `n(i)`, before a SELECT. */
export const numbers = (count) => `WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ${count})`;

/** A preset, as an operator would save it. */
export function savePreset(database, id) {
  const text = readFileSync(join(root, `src/program/presets/${id}.json`), "utf8");
  const sha256 = createHash("sha256").update(text).digest("hex");
  database
    .prepare("INSERT INTO program_version (program_id, version, effective_from_ms, document, document_sha256, created_at_ms, actor) VALUES (?, 1, 0, ?, ?, 0, 'bench')")
    .run(id, JSON.stringify(JSON.parse(text)), sha256);
}

/** What a browser sends when a person opens a page. `fetch` sends its own, so this is a plain request. */
const NAVIGATION = { "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document", "Sec-Fetch-Site": "same-origin", "Sec-Fetch-User": "?1" };

/** Opens a page as a person does. */
export function navigate(address, cookie) {
  return new Promise((done, failed) => {
    const sent = request(address, { headers: { cookie, ...NAVIGATION } }, (answer) => {
      let bytes = 0;
      answer.on("data", (chunk) => (bytes += chunk.length));
      answer.on("end", () => done({ status: answer.statusCode, bytes }));
    });
    sent.on("error", failed).end();
  });
}

/** The file of the database that miniflare stores below `state`. */
export function databaseFile(state) {
  const folder = join(state, "v3/d1/miniflare-D1DatabaseObject");
  const [name, ...others] = readdirSync(folder).filter((file) => file.endsWith(".sqlite") && file !== "metadata.sqlite");
  if (!name || others.length > 0) throw new Error(`one database expected in ${folder}`);
  return join(folder, name);
}

/** Opens it. */
export const open = (state) => new DatabaseSync(databaseFile(state));
