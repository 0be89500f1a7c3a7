// The EmDash site as a Worker beside ours, bound to it as EMDASH. Loaded by scripts/serve.mjs (BESIDE).
// EMDASH_SITE is the site's folder, EMDASH_VARS its settings as JSON.
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";

const { EMDASH_SITE, EMDASH_VARS = "{}" } = process.env;
const server = join(EMDASH_SITE, "dist-workers/server");
const { main, compatibility_date: compatibilityDate, compatibility_flags: compatibilityFlags } = JSON.parse(readFileSync(join(server, "wrangler.json"), "utf8"));
const others = readdirSync(server, { recursive: true }).filter((name) => name.endsWith(".mjs") && name !== main);

export const workers = [
  {
    name: "emdash",
    modulesRoot: server,
    modules: [main, ...others].map((name) => ({ type: "ESModule", path: join(server, name) })),
    compatibilityDate,
    compatibilityFlags,
    bindings: JSON.parse(EMDASH_VARS),
    d1Databases: { DB: { id: "emdash" } },
    r2Buckets: { MEDIA: { id: "emdash" } },
    kvNamespaces: { SESSION: { id: "emdash" } },
    assets: {
      directory: join(EMDASH_SITE, "dist-workers/client"),
      binding: "ASSETS",
      routerConfig: { has_user_worker: true },
      assetConfig: { compatibility_date: compatibilityDate, compatibility_flags: compatibilityFlags },
    },
  },
];

export const serviceBindings = { EMDASH: "emdash" };
