// A stand-in for the part of Cloudflare's API that a deployment needs. Strict: an unknown call is answered with 501 and
// recorded in `unknown`, which every test checks.
import { createServer } from "node:http";
import * as accounts from "./accounts.mjs";
import * as d1 from "./d1.mjs";
import { refuse } from "./envelope.mjs";
import { Faults, KINDS } from "./faults.mjs";
import * as kv from "./kv.mjs";
import * as workers from "./workers.mjs";
import * as zones from "./zones.mjs";

const PREFIX = "/client/v4";
/** The permissions that README.md lists. */
export const RIGHTS = ["scripts:edit", "d1:edit", "kv:edit", "routes:edit", "zones:read", "account:read"];
export const ACCOUNT = "0123456789abcdef0123456789abcdef";
export const TOKEN = "cf-test-token-0123456789abcdefghijklmnop";

const table = [...accounts.routes, ...d1.routes, ...kv.routes, ...workers.routes, ...zones.routes].map(([method, path, right, handler]) => ({
  method,
  pattern: new RegExp(`^${path.replaceAll("*", "([^/]+)").replace(":account", "(?<account>[^/]+)")}$`),
  right,
  handler,
}));

const allows = (token, right) => !right || token.rights.has(right) || (right.endsWith(":read") && token.rights.has(right.replace(":read", ":edit")));

async function answer(world, call) {
  if (call.pathname.startsWith("/export/")) return d1.download({ ...call, world, params: [call.pathname.slice("/export/".length)] });
  if (call.pathname.startsWith("/upload/")) return d1.upload({ ...call, world, params: [call.pathname.slice("/upload/".length)] });
  const path = call.pathname.slice(PREFIX.length);
  const found = table.filter((route) => route.method === call.method && route.pattern.test(path));
  if (!call.pathname.startsWith(PREFIX) || found.length !== 1) {
    world.unknown.push(`${call.method} ${call.pathname}`);
    return refuse(501, 7003, "the stand-in does not know this call");
  }
  const [{ pattern, right, handler }] = found;
  // An upload of files shows its session's JWT instead of a token.
  const isSession = path.endsWith("/workers/assets/upload");
  if (!isSession && call.headers.authorization !== `Bearer ${world.token.value}`) return refuse(401, 1000, "Invalid API Token");
  if (!isSession && !path.endsWith("/tokens/verify") && world.token.status !== "active") return refuse(403, 10000, "Authentication error");
  const match = pattern.exec(path);
  const account = match.groups?.account;
  if (account && !world.accounts.some((one) => one.id === account)) return refuse(403, 10000, "Authentication error");
  if (!allows(world.token, right)) return refuse(403, 10000, "Authentication error");
  const params = [...match].slice(1).filter((_, at) => !(account && at === 0)).map(decodeURIComponent);
  const body = call.headers["content-type"]?.startsWith("application/json") && call.raw.length ? JSON.parse(call.raw.toString("utf8")) : {};
  return handler({ ...call, world, account, params, body });
}

/** A world: an empty account on the free plan, and a token with the permissions that README.md lists. */
export function newWorld(more = {}) {
  return {
    token: { value: TOKEN, status: "active", owner: "user", allZones: false, rights: new Set(RIGHTS) },
    accounts: [{ id: ACCOUNT, name: "Example", type: "standard" }],
    plan: "free",
    subdomain: "example",
    zones: [],
    routes: [],
    databases: [],
    namespaces: [],
    scripts: new Map(),
    uploads: new Map(),
    exports: new Map(),
    assets: new Map(),
    assetSessions: new Map(),
    assetPending: new Map(),
    email: "accepted",
    emailZones: [],
    splitter: "reported",
    atomic: true,
    stopBefore: null,
    faults: new Faults(),
    calls: [],
    unknown: [],
    onCall: null,
    ...more,
  };
}

/** Serves a world on localhost. `use` replaces it with another. */
export async function start(first = newWorld()) {
  const served = { world: first };
  const server = createServer(async (request, response) => {
    const { world } = served;
    try {
      const raw = Buffer.concat(await request.toArray());
      const { pathname, searchParams } = new URL(request.url, served.origin);
      const call = { method: request.method, pathname, query: searchParams, headers: request.headers, raw, origin: served.origin, number: world.calls.length };
      world.calls.push(`${request.method} ${pathname.replace(PREFIX, "")}`);
      world.onCall?.(call);
      const kind = world.faults.take({ method: call.method, path: pathname.replace(PREFIX, ""), number: call.number });
      const fault = kind && KINDS[kind]();
      const found = fault && !fault.isDone ? fault : await answer(world, call);
      if (fault?.hangUp) return request.socket.destroy();
      const text = found.text ?? JSON.stringify(found.body);
      response.writeHead(found.status, { "content-type": "application/json", ...found.headers }).end(text);
    } catch (error) {
      // A bug in the stand-in must not look like a planned failure.
      world.unknown.push(`${request.method} ${request.url}: ${error.stack}`);
      response.writeHead(500, { "content-type": "text/plain" }).end(`the stand-in failed: ${error.stack}`);
    }
  });
  server.keepAliveTimeout = 0;
  await new Promise((done, failed) => server.once("error", failed).listen(0, "127.0.0.1", done));
  served.origin = `http://127.0.0.1:${server.address().port}`;
  served.base = `${served.origin}${PREFIX}`;
  served.use = (world) => (served.world = world);
  /** The environment in which wrangler and the scripts use this stand-in. */
  served.env = { CLOUDFLARE_API_BASE_URL: served.base, CLOUDFLARE_API_TOKEN: TOKEN, CLOUDFLARE_ACCOUNT_ID: ACCOUNT };
  served.close = () => {
    server.closeAllConnections();
    return new Promise((done) => server.close(done));
  };
  return served;
}
