// Workers: scripts, their versions, deployments, settings, files, secrets, addresses and cron triggers.
import { randomUUID } from "node:crypto";
import { ok, refuse } from "./envelope.mjs";

const NO_WORKER = refuse(404, 10007, "This Worker does not exist on your account.");
const NO_SERVICE = refuse(404, 10090, "workers.api.error.service_not_found");
const NO_VERSION = refuse(404, 10021, "workers.api.error.version_not_found");
const script = (world, name) => world.scripts.get(name);
const current = (one) => one.versions.find((version) => version.id === one.deployments[0]?.versions[0].version_id);
const BINDINGS = new Set(["d1", "kv_namespace", "plain_text", "json", "send_email", "ratelimit", "secret_text", "service", "assets", "inherit"]);

/** The parts of an upload: its metadata, and each module as bytes. Null if it is not an upload. */
async function partsOf({ raw, headers }) {
  const form = await new Response(raw, { headers: { "content-type": headers["content-type"] } }).formData();
  const metadata = JSON.parse(form.get("metadata"));
  const modules = new Map();
  for (const [name, value] of form) if (name !== "metadata") modules.set(name, { type: value.type, bytes: Buffer.from(await value.arrayBuffer()) });
  return { metadata, modules };
}

/** Cloudflare's checks of an upload. Returns a response if it is refused. */
function faultOf(world, one, { metadata, modules }) {
  if (!modules.has(metadata.main_module)) return refuse(400, 10021, `No such module: ${metadata.main_module}`);
  if (!/^\d{4}-\d\d-\d\d$/.test(metadata.compatibility_date ?? "")) return refuse(400, 10021, "compatibility_date is missing");
  for (const binding of metadata.bindings) {
    if (!BINDINGS.has(binding.type)) return refuse(400, 10021, `binding ${binding.name} has a type that the stand-in does not know: ${binding.type}`);
    if (binding.type === "d1" && !world.databases.some((db) => db.uuid === (binding.database_id ?? binding.id))) return refuse(400, 10181, `D1 binding '${binding.name}' references database '${binding.id}' which was not found.`);
    if (binding.type === "kv_namespace" && !world.namespaces.some((ns) => ns.id === binding.namespace_id)) return refuse(400, 10041, `KV namespace '${binding.namespace_id}' not found.`);
    if (binding.type === "send_email" && world.email === "refused") return refuse(400, 10021, "binding EMAIL of type send_email requires Email Service");
    if (binding.type === "inherit" && !(one && secretsOf(one).has(binding.name))) return refuse(400, 10057, `there is nothing to inherit for ${binding.name}`);
  }
  if (metadata.assets && !world.assetSessions.has(metadata.assets.jwt)) return refuse(400, 100_304, "the assets were not uploaded");
  return null;
}

function newVersion(world, name, { metadata, modules }) {
  const one = script(world, name) ?? { name, versions: [], deployments: [], schedules: [], subdomain: { enabled: false, previews_enabled: false }, settings: {}, tag: randomUUID().replaceAll("-", "") };
  world.scripts.set(name, one);
  const keepsSecrets = metadata.keep_bindings?.includes("secret_text");
  const version = {
    id: randomUUID(),
    number: one.versions.length + 1,
    secrets: new Map(keepsSecrets ? one.versions[0]?.secrets : []),
    metadata,
    modules,
    files: metadata.assets ? world.assetSessions.get(metadata.assets.jwt) : null,
    annotations: metadata.annotations ?? {},
    created_on: new Date(Date.now() + one.versions.length).toISOString(),
  };
  one.versions.unshift(version);
  return [one, version];
}

function newDeployment(one, versions, annotations = {}) {
  const deployment = { id: randomUUID(), source: "wrangler", strategy: "percentage", author_email: "", annotations, versions, created_on: new Date().toISOString() };
  one.deployments.unshift(deployment);
  return deployment;
}

const shownVersion = (one) => ({
  id: one.id,
  number: one.number,
  metadata: { created_on: one.created_on, modified_on: one.created_on, source: "wrangler", author_email: "" },
  annotations: one.annotations,
  resources: { script: { etag: one.id, handlers: ["fetch", "scheduled"] }, bindings: one.metadata.bindings, script_runtime: { compatibility_date: one.metadata.compatibility_date } },
  startup_time_ms: 20,
});

const secretsOf = (one) => current(one)?.secrets ?? new Map();

/** A secret is a separate version that is deployed immediately. */
export function putSecret(one, name, text) {
  const version = { ...one.versions[0], id: randomUUID(), number: one.versions.length + 1, secrets: new Map(one.versions[0].secrets).set(name, text), annotations: { "workers/triggered_by": "secret" } };
  one.versions.unshift(version);
  newDeployment(one, [{ version_id: version.id, percentage: 100 }]);
}

/** Bindings as shown in the settings: secrets by name only. */
const bindingsOf = (one) => [...(current(one)?.metadata.bindings ?? []).filter((binding) => binding.type !== "inherit"), ...[...secretsOf(one).keys()].map((name) => ({ type: "secret_text", name }))];

/** Deploys a version directly, for a test without wrangler. */
export function install(world, name, metadata) {
  const [one, version] = newVersion(world, name, { metadata, modules: new Map() });
  newDeployment(one, [{ version_id: version.id, percentage: 100 }]);
  return version;
}

async function putScript(call) {
  const { world, params, query } = call;
  if (query.get("bindings_inherit") !== "strict") return refuse(400, 10021, "the stand-in knows bindings_inherit=strict alone");
  const parts = await partsOf(call);
  const fault = faultOf(world, script(world, params[0]), parts);
  if (fault) return fault;
  const [one, version] = newVersion(world, params[0], parts);
  newDeployment(one, [{ version_id: version.id, percentage: 100 }]);
  return ok({ id: params[0], tag: one.tag, etag: version.id, deployment_id: version.id.replaceAll("-", ""), startup_time_ms: 20, handlers: ["fetch", "scheduled"] });
}

async function postVersion(call) {
  const { world, params } = call;
  const one = script(world, params[0]);
  if (!one) return NO_WORKER;
  const parts = await partsOf(call);
  const fault = faultOf(world, one, parts);
  if (fault) return fault;
  const [, version] = newVersion(world, params[0], parts);
  return ok(shownVersion(version));
}

function postDeployment({ world, params, body }) {
  const one = script(world, params[0]);
  if (!one) return NO_WORKER;
  if (body.versions.some(({ version_id }) => !one.versions.some((version) => version.id === version_id))) return NO_VERSION;
  return ok(newDeployment(one, body.versions, body.annotations));
}

/** Starts an upload of files: lists the files that the store lacks, and returns the JWT for them. */
function assetSession({ world, params, body }) {
  const wanted = [...new Set(Object.values(body.manifest).map((file) => file.hash))].filter((hash) => !world.assets.has(hash));
  // wrangler reads none of the claims; it only requires the form of a JWT.
  const jwt = (more) => `${Buffer.from("{}").toString("base64url")}.${Buffer.from(JSON.stringify({ session: randomUUID(), ...more })).toString("base64url")}.x`;
  const word = jwt({});
  if (wanted.length === 0) {
    world.assetSessions.set(word, body.manifest);
    return ok({ jwt: word, buckets: [] }, { status: 201 });
  }
  world.assetPending.set(word, { script: params[0], manifest: body.manifest, wanted: new Set(wanted) });
  return ok({ jwt: word, buckets: [wanted] }, { status: 201 });
}

async function assetUpload(call) {
  const { world, headers, query } = call;
  const word = headers.authorization?.replace(/^Bearer /, "");
  const session = world.assetPending.get(word);
  if (!session) return refuse(401, 10000, "no such upload session");
  if (query.get("base64") !== "true") return refuse(400, 10021, "base64=true is the only way");
  const form = await new Response(call.raw, { headers: { "content-type": headers["content-type"] } }).formData();
  for (const [hash, value] of form) {
    if (!session.wanted.has(hash)) return refuse(400, 10021, `nobody asked for ${hash}`);
    world.assets.set(hash, Buffer.from(await (typeof value === "string" ? value : value.text()), "base64"));
    session.wanted.delete(hash);
  }
  if (session.wanted.size) return ok({ jwt: null }, { status: 202 });
  const done = `${word}.done`;
  world.assetSessions.set(done, session.manifest);
  return ok({ jwt: done }, { status: 201 });
}

const withScript = (handler) => (call) => {
  const one = script(call.world, call.params[0]);
  return one ? handler({ ...call, one }) : NO_WORKER;
};
const at = "/accounts/:account/workers/scripts/*";

export const routes = [
  ["GET", "/accounts/:account/workers/scripts", "scripts:read", ({ world }) => ok([...world.scripts.values()].map((one) => ({ id: one.name, etag: one.tag, created_on: "", modified_on: "" })))],
  ["PUT", at, "scripts:edit", putScript],
  ["GET", `${at}/settings`, "scripts:read", withScript(({ one }) => ok({ bindings: bindingsOf(one), compatibility_date: current(one)?.metadata.compatibility_date, ...one.settings }))],
  ["PATCH", `${at}/script-settings`, "scripts:edit", withScript(({ one, body }) => ok(Object.assign(one.settings, body)))],
  ["GET", `${at}/script-settings`, "scripts:read", withScript(({ one }) => ok(one.settings))],
  ["GET", `${at}/secrets`, "scripts:read", withScript(({ one }) => ok([...secretsOf(one).keys()].map((name) => ({ name, type: "secret_text" }))))],
  ["PUT", `${at}/secrets`, "scripts:edit", withScript(({ one, body }) => {
    if (body.type !== "secret_text" || !body.name || !body.text) return refuse(400, 10021, "a secret is a name and a text");
    putSecret(one, body.name, body.text);
    return ok({ name: body.name, type: "secret_text" });
  })],
  ["GET", `${at}/deployments`, "scripts:read", withScript(({ one }) => ok({ deployments: one.deployments.slice(0, 10) }))],
  ["POST", `${at}/deployments`, "scripts:edit", postDeployment],
  ["POST", `${at}/versions`, "scripts:edit", postVersion],
  ["GET", `${at}/versions`, "scripts:read", withScript(({ one }) => ok({ items: one.versions.slice(0, 10).map(shownVersion) }))],
  ["GET", `${at}/versions/*`, "scripts:read", withScript(({ one, params }) => {
    const version = one.versions.find(({ id }) => id === params[1]);
    return version ? ok(shownVersion(version)) : NO_VERSION;
  })],
  ["POST", `${at}/assets-upload-session`, "scripts:edit", assetSession],
  ["POST", "/accounts/:account/workers/assets/upload", null, assetUpload],
  ["POST", `${at}/subdomain`, "scripts:edit", withScript(({ one, body }) => ok(Object.assign(one.subdomain, { enabled: body.enabled, previews_enabled: body.previews_enabled })))],
  ["GET", `${at}/schedules`, "scripts:read", withScript(({ one }) => ok({ schedules: one.schedules }))],
  ["PUT", `${at}/schedules`, "scripts:edit", withScript(({ world, one, body }) => {
    const others = [...world.scripts.values()].filter((other) => other !== one).reduce((sum, other) => sum + other.schedules.length, 0);
    if (world.plan === "free" && others + body.length > 5) return refuse(400, 10072, "You have exceeded the limit of 5 cron triggers.");
    one.schedules = body.map(({ cron }) => ({ cron, created_on: "", modified_on: "" }));
    return ok({ schedules: one.schedules });
  })],
  ["GET", "/accounts/:account/workers/services/*", "scripts:read", ({ world, params }) => {
    const one = script(world, params[0]);
    if (!one) return NO_SERVICE;
    return ok({ id: one.name, default_environment: { environment: "production", script: { id: one.name, tag: one.tag, tags: one.settings.tags ?? null, last_deployed_from: "wrangler" } } });
  }],
  ["GET", "/accounts/:account/workers/workers/*", "scripts:read", ({ world, params }) => {
    const one = script(world, params[0]);
    return one ? ok({ id: one.tag, name: one.name, subdomain: one.subdomain }) : NO_WORKER;
  }],
  ["GET", "/accounts/:account/workers/subdomain", "scripts:read", ({ world }) => (world.subdomain ? ok({ subdomain: world.subdomain }) : refuse(404, 10007, "workers.dev subdomain does not exist"))],
];

/** The deployed version: its modules, bindings, files and secrets, for code that runs it. */
export function online(world, name) {
  const one = script(world, name);
  const version = current(one);
  return { ...version, bindings: version.metadata.bindings, secrets: Object.fromEntries(version.secrets) };
}
