// wrangler.toml as written, and the configuration that is deployed, with the ids of resources that were found or
// created.
import { createHash } from "node:crypto";

const NAME = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

/** The file's content, unchecked. wrangler's own reader takes a second, so it is loaded only here. */
export async function readConfig(path) {
  const wrangler = await import("wrangler");
  const { experimental_readRawConfig: read } = wrangler.default ?? wrangler;
  return read({ config: path }).rawConfig;
}

const written = (config) => config.routes ?? (config.route === undefined ? [] : [config.route]);

/** The routes of a configuration as objects. */
export const routesOf = (config) => written(config).map((one) => (typeof one === "string" ? { pattern: one } : one)).filter((one) => typeof one.pattern === "string");

/** Every nested table of the file, as [name, table]. */
function* tablesOf(config) {
  for (const [name, value] of Object.entries(config)) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one && typeof one === "object" && name !== "routes" && name !== "route") yield [Array.isArray(value) ? `[[${name}]]` : `[${name}]`, one];
    }
  }
}

/** Errors in the file itself, one line each. wrangler only warns about some of them, and deploys to another address. */
export function faultsOf(config, file) {
  const found = [];
  if (!NAME.test(config.name ?? "")) found.push(`${file}: name must be 1 to 63 lowercase letters, digits and dashes, not "${config.name ?? ""}"`);
  for (const [table, value] of tablesOf(config)) {
    for (const key of ["routes", "route", "workers_dev", "account_id"]) {
      if (key in value) found.push(`${file}: ${key} is below ${table}, so it belongs to that section. Move it above the first [section] of the file`);
    }
  }
  if (!config.d1_databases?.some((one) => one.binding === "DB")) found.push(`${file}: [[d1_databases]] with binding = "DB" is missing`);
  if (!config.kv_namespaces?.some((one) => one.binding === "KV")) found.push(`${file}: [[kv_namespaces]] with binding = "KV" is missing`);
  if (config.env) found.push(`${file}: [env] is not supported. Copy the file, give the copy another name, and run: CONFIG=wrangler.staging.toml make deploy`);
  if (routesOf(config).length < written(config).length) found.push(`${file}: a route must be a string or have a pattern`);
  return found;
}

/** The names of the instance's database and namespace: based on the instance's name, unless the file has them. */
export function namesOf(config) {
  const database = config.d1_databases?.find((one) => one.binding === "DB");
  const namespace = config.kv_namespaces?.find((one) => one.binding === "KV");
  return {
    database: database?.database_name ?? config.name,
    databaseId: database?.database_id,
    namespace: `${config.name}-kv`,
    namespaceId: namespace?.id,
  };
}

/**
 * Rate limit counters belong to the account, so each instance has its own. The first instance keeps those in the file.
 */
function counterOf(instance, configured) {
  if (instance === "manicule") return configured;
  return String((createHash("sha256").update(`${instance} ${configured}`).digest().readUInt32BE() % 2_000_000_000) + 1);
}

/** The configuration for wrangler, in a folder that contains the Worker in `worker/`. */
export function generated(config, { databaseId, databaseName, namespaceId, statementsMax }) {
  const { build: _, routes: _routes, route: _route, ...rest } = config;
  const routes = routesOf(config);
  return {
    ...rest,
    main: "worker/index.js",
    assets: { ...config.assets, directory: "worker/assets" },
    ...(routes.length && { routes }),
    // The second address would serve the same data under a name that gets none of the first one's cookies.
    workers_dev: config.workers_dev ?? routes.length === 0,
    d1_databases: config.d1_databases.map(({ migrations_dir: _dir, ...one }) => (one.binding === "DB" ? { ...one, database_name: databaseName, database_id: databaseId } : one)),
    kv_namespaces: config.kv_namespaces.map((one) => (one.binding === "KV" ? { ...one, id: namespaceId } : one)),
    ...(config.ratelimits && { ratelimits: config.ratelimits.map((one) => ({ ...one, namespace_id: counterOf(config.name, one.namespace_id) })) }),
    vars: { ...config.vars, D1_STATEMENTS_MAX: statementsMax },
  };
}
