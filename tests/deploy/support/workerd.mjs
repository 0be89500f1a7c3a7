// Runs what was uploaded to the stand-in on workerd: the deployed version with its bindings and secrets, and the
// database in its present state. `close` copies the database back, so that a later migration finds the rows.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { Log, LogLevel, Miniflare, convertV4MiniflareOptions } from "miniflare";
import { online } from "../../support/cloudflare/workers.mjs";

// Tables first, because views and triggers may depend on any of them, and a trigger might reject the rows.
const OBJECTS = "SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' AND name NOT LIKE '_cf_%'";
const ORDER = ["table", "index", "view", "trigger"];
const inOrder = (rows) => [...rows].sort((a, b) => ORDER.indexOf(a.type) - ORDER.indexOf(b.type));
const insertion = (table, row) => `INSERT INTO "${table}" (${Object.keys(row).map((name) => `"${name}"`).join(", ")}) VALUES (${Object.keys(row).map((_, at) => `?${at + 1}`).join(", ")})`;

/** Copies a whole database to another, each given as `read(sql)` and `write([[sql, values], …])`. */
async function copy(from, to) {
  const objects = inOrder(await from.read(OBJECTS));
  const tables = objects.filter((one) => one.type === "table");
  const writes = tables.map((one) => [one.sql, []]);
  for (const { name } of tables) for (const row of await from.read(`SELECT * FROM "${name}"`)) writes.push([insertion(name, row), Object.values(row)]);
  writes.push(...objects.filter((one) => one.type !== "table").map((one) => [one.sql, []]));
  await to.write(writes);
}

const ofSqlite = (database) => ({
  read: async (sql) => database.prepare(sql).all(),
  write: async (writes) => {
    database.exec("PRAGMA foreign_keys = OFF");
    for (const [sql, values] of writes) database.prepare(sql).run(...values);
    database.exec("PRAGMA foreign_keys = ON");
  },
});
const ofD1 = (database) => ({
  read: async (sql) => (await database.prepare(sql).all()).results,
  write: async (writes) => void (await database.batch(["PRAGMA defer_foreign_keys = on", ...writes].map((one) => (typeof one === "string" ? database.prepare(one) : database.prepare(one[0]).bind(...one[1]))))),
});

/** Starts it. `vars` override settings, and `log` receives the Worker's output. */
export async function run(served, name, { vars = {}, log = [] } = {}) {
  const version = online(served.world, name);
  const folder = mkdtempSync(join(served.folder, "run-"));
  const put = (path, bytes) => (mkdirSync(dirname(join(folder, path)), { recursive: true }), writeFileSync(join(folder, path), bytes));
  const modules = [];
  for (const [path, { type, bytes }] of version.modules) {
    if (path.endsWith(".map")) continue;
    put(path, bytes);
    modules.push({ type: type === "application/wasm" ? "CompiledWasm" : "ESModule", path: join(folder, path) });
  }
  modules.sort((one) => (one.path.endsWith(version.metadata.main_module) ? -1 : 1));
  for (const [path, { hash }] of Object.entries(version.files ?? {})) put(join("assets", path), served.world.assets.get(hash));
  if (version.metadata.assets?.config?._headers) put("assets/_headers", version.metadata.assets.config._headers);
  const of = (type) => version.bindings.filter((one) => one.type === type);
  const base = served.world.databases.find((one) => one.uuid === (of("d1")[0].database_id ?? of("d1")[0].id));
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      host: "127.0.0.1",
      port: 0,
      cf: false,
      log: new Log(LogLevel.ERROR),
      handleStructuredLogs: ({ message }) => log.push(message),
      unsafeTriggerHandlers: true,
      workers: [
        {
          name,
          rootPath: folder,
          modulesRoot: folder,
          modules,
          compatibilityDate: version.metadata.compatibility_date,
          compatibilityFlags: version.metadata.compatibility_flags ?? [],
          bindings: { ...Object.fromEntries(of("plain_text").map((one) => [one.name, one.text])), ...version.secrets, ...vars },
          d1Databases: { DB: "DB" },
          kvNamespaces: { KV: "KV" },
          email: { send_email: of("send_email").map((one) => ({ name: one.name })) },
          ratelimits: Object.fromEntries(of("ratelimit").map((one) => [one.name, { name: one.name, type: "ratelimit", namespace_id: one.namespace_id, simple: one.simple }])),
          ...(version.files && { assets: { directory: join(folder, "assets"), routerConfig: { has_user_worker: true }, assetConfig: {} } }),
        },
      ],
    }),
  );
  const url = (await miniflare.ready).origin;
  const d1 = await miniflare.getD1Database("DB", name);
  await copy(ofSqlite(base.sqlite), ofD1(d1));
  return {
    url,
    log,
    /** Fires a cron trigger as of a time. */
    cron: (text, atMs) => fetch(`${url}/cdn-cgi/local/scheduled?cron=${encodeURIComponent(text)}&time=${atMs}`),
    async close() {
      const back = new DatabaseSync(":memory:");
      await copy(ofD1(d1), ofSqlite(back));
      base.sqlite.close();
      base.sqlite = back;
      await miniflare.dispose();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
