// Everything that can be known before anything is made. Each look adds to the same list of faults, so that one run names
// them all; what is worth knowing but stops nobody is a note.
import { NO_DATABASE, orAbsent } from "./api.mjs";
import { namesOf, routesOf } from "./config.mjs";

/** The permissions of the token, the least that will do. What only a look needs is marked. */
export const RIGHTS = {
  scripts: "Account > Workers Scripts: Edit",
  d1: "Account > D1: Edit",
  kv: "Account > Workers KV Storage: Edit",
  routes: "Zone > Workers Routes: Edit",
  zones: "Zone > Zone: Read",
  billing: "Account > Billing: Read",
  email: "Account > Email Sending: Read",
};

const FREE_CRONS = 5;
export const STATEMENTS = { free: "50", paid: "1000" };
const AT_ONCE = 8;

/** Runs `look` for each, a few at a time. */
async function each(values, look) {
  const found = [];
  for (let at = 0; at < values.length; at += AT_ONCE) found.push(...(await Promise.all(values.slice(at, at + AT_ONCE).map(look))));
  return found;
}

/** The Worker as it is deployed: its bindings and secrets; null where there is none. */
async function deployedWorker(api, accountId, name) {
  const path = `/accounts/${accountId}/workers/scripts/${name}`;
  const options = { right: RIGHTS.scripts };
  const settings = await orAbsent(api.get(`${path}/settings`, options), null);
  if (!settings) return null;
  const secrets = await orAbsent(api.get(`${path}/secrets`, options), []);
  return { bindings: settings.bindings ?? [], secrets: secrets.map((one) => one.name) };
}

/** The database by its id or name; null only where the API itself says that there is none. */
export async function databaseAt(api, accountId, idOrName) {
  try {
    return await api.get(`/accounts/${accountId}/d1/database/${encodeURIComponent(idOrName)}`, { right: RIGHTS.d1 });
  } catch (error) {
    if (error.code === NO_DATABASE) return null;
    throw error;
  }
}

export const namespacesOf = (api, accountId) => api.list(`/accounts/${accountId}/storage/kv/namespaces`, { right: RIGHTS.kv, perPage: 100 });

/** The instance's database and namespace, where they are there: of the file, else as bound today, else by name. */
async function resourcesOf(api, accountId, config, worker, notes) {
  const names = namesOf(config);
  const bound = (type, name) => worker?.bindings.find((one) => one.type === type && one.name === name);
  const inUse = bound("d1", "DB");
  const databaseId = names.databaseId ?? inUse?.database_id ?? inUse?.id;
  const known = databaseId ? await databaseAt(api, accountId, databaseId) : null;
  if (databaseId && !known && !names.databaseId) notes.push(`The database that the Worker is bound to (${databaseId}) is gone: ${names.database} takes its place`);
  const database = known ?? (names.databaseId ? null : await databaseAt(api, accountId, names.database));
  const all = await namespacesOf(api, accountId);
  const namespaceId = names.namespaceId ?? bound("kv_namespace", "KV")?.namespace_id;
  const namespace = all.find((one) => one.id === namespaceId) ?? (names.namespaceId ? null : all.find((one) => one.title === names.namespace));
  return { names, database, namespace: namespace ?? null };
}

/** The names of other Workers that are bound to the database or the namespace. */
async function sharers(api, accountId, name, { database, namespace }, worker) {
  const isOurs = (one) => (database && one.type === "d1" && (one.database_id ?? one.id) === database.uuid) || (namespace && one.type === "kv_namespace" && one.namespace_id === namespace.id);
  // Who is bound already was asked when it was bound.
  const wanted = (database ? 1 : 0) + (namespace ? 1 : 0);
  if (wanted === 0 || worker?.bindings.filter(isOurs).length >= wanted) return [];
  const scripts = await api.get(`/accounts/${accountId}/workers/scripts`, { right: RIGHTS.scripts });
  const others = await each(scripts.filter((one) => one.id !== name), async ({ id }) => {
    const settings = await orAbsent(api.get(`/accounts/${accountId}/workers/scripts/${id}/settings`, { right: RIGHTS.scripts }), {});
    return settings.bindings?.some(isOurs) ? id : null;
  });
  return others.filter(Boolean);
}

/** The zone of each route; a fault for one that has none, or whose pattern is another Worker's. */
async function lookAtRoutes(api, accountId, config, faults) {
  const zones = new Map();
  const zoneNamed = async (host) => {
    for (let name = host; name.includes("."); name = name.slice(name.indexOf(".") + 1)) {
      if (!zones.has(name)) zones.set(name, (await api.list(`/zones?name=${encodeURIComponent(name)}&account.id=${accountId}`, { right: RIGHTS.zones }))[0] ?? null);
      if (zones.get(name)) return zones.get(name);
    }
    return null;
  };
  for (const route of routesOf(config)) {
    const host = route.pattern.replace(/^[a-z]+:\/\//, "").split("/")[0].replace(/^\*\.?/, "");
    const zone = route.zone_id ? { id: route.zone_id, name: route.zone_name } : await zoneNamed(route.zone_name ?? host);
    if (!zone) {
      faults.push(`routes: no zone ${route.zone_name ?? host} in this account that the token may see. Add the site to Cloudflare, or give the token ${RIGHTS.zones} for it`);
      continue;
    }
    if (zone.name && host !== zone.name && !host.endsWith(`.${zone.name}`)) faults.push(`routes: ${route.pattern} is not below the zone ${zone.name}`);
    if (zone.status && zone.status !== "active") faults.push(`routes: the zone ${zone.name} is ${zone.status}. Its name servers do not point to Cloudflare yet`);
    if (route.custom_domain) continue;
    const there = await api.get(`/zones/${zone.id}/workers/routes`, { right: RIGHTS.routes });
    const other = there.find((one) => one.pattern === route.pattern && one.script && one.script !== config.name);
    if (other) faults.push(`routes: ${route.pattern} belongs to the Worker ${other.script}. Remove it there first`);
  }
}

/** The workers.dev address, where that is what the Worker gets. */
async function lookAtSubdomain(api, accountId, config, faults) {
  const found = await orAbsent(api.get(`/accounts/${accountId}/workers/subdomain`, { right: RIGHTS.scripts }), null);
  if (!found?.subdomain) {
    faults.push(`The account has no workers.dev name yet. Choose one at https://dash.cloudflare.com/${accountId}/workers/onboarding, or set routes`);
    return null;
  }
  return `https://${config.name}.${found.subdomain}.workers.dev`;
}

/** The plan: as said by PLAN, else of the account where the token may know, else as it was at the last deployment, else asked. */
async function planOf(api, accountId, worker, { env, configured, notes, question }) {
  if (env.PLAN) {
    if (!(env.PLAN in STATEMENTS)) throw new Error(`PLAN is free or paid, not ${env.PLAN}`);
    return { plan: env.PLAN, statementsMax: STATEMENTS[env.PLAN] };
  }
  const last = worker?.bindings.find((one) => one.type === "plain_text" && one.name === "D1_STATEMENTS_MAX")?.text;
  const subscriptions = await api.get(`/accounts/${accountId}/subscriptions`, { right: RIGHTS.billing }).catch((error) => {
    if (error.kind === "down") throw error;
    return null;
  });
  const isPaid = (one) => /^workers_?(paid|standard|bundled|unbound|enterprise)|enterprise/i.test(one.rate_plan?.id ?? "");
  let plan = subscriptions ? (subscriptions.some(isPaid) ? "paid" : "free") : last === STATEMENTS.paid ? "paid" : null;
  // Fewer statements than the plan allows only take longer, so the small number stands for "not known", too.
  if (!plan && !last && question) plan = /^y/i.test(await question("Is the account on the Workers Paid plan? [y/N] ")) ? "paid" : "free";
  if (!plan) notes.push(`The plan is not known (${RIGHTS.billing} would tell), so an invocation sends at most ${STATEMENTS.free} statements, which every plan allows. On the paid plan run: PLAN=paid make deploy`);
  const statementsMax = configured || (plan ? STATEMENTS[plan] : STATEMENTS.free);
  if (plan === "free" && Number(statementsMax) > Number(STATEMENTS.free)) notes.push(`D1_STATEMENTS_MAX is ${statementsMax}, and the free plan allows ${STATEMENTS.free} statements an invocation: longer runs will fail`);
  return { plan, statementsMax };
}

/** The free plan has five cron triggers for the whole account. */
async function lookAtCrons(api, accountId, config, plan, faults, notes) {
  const wanted = config.triggers?.crons?.length ?? 0;
  if (wanted === 0 || plan === "paid") return;
  const scripts = await api.get(`/accounts/${accountId}/workers/scripts`, { right: RIGHTS.scripts });
  const counts = await each(scripts.filter((one) => one.id !== config.name), async ({ id }) => {
    const found = await orAbsent(api.get(`/accounts/${accountId}/workers/scripts/${id}/schedules`, { right: RIGHTS.scripts }), { schedules: [] });
    return [id, found.schedules.length];
  });
  const taken = counts.reduce((sum, [, count]) => sum + count, 0);
  if (taken + wanted <= FREE_CRONS) return;
  const who = counts.filter(([, count]) => count).map(([id, count]) => `${id} (${count})`).join(", ");
  const message = `The free plan has ${FREE_CRONS} cron triggers for the whole account: ${taken} are taken by ${who}, ${wanted} are needed. If the account is on the paid plan, run: PLAN=paid make deploy`;
  (plan === "free" ? faults : notes).push(message);
}

/** Whether mails will leave. They wait where not, so nothing of this stops a deployment. */
async function lookAtEmail(api, accountId, config, worker, plan, notes) {
  const from = config.vars?.MAIL_FROM ?? "";
  if (!from) return void notes.push("MAIL_FROM is not set: mails wait in the outbox, and /healthz says so");
  if (worker?.secrets.includes("MAIL_API_KEY")) return;
  if (!config.send_email?.length) return void notes.push("There is neither [[send_email]] nor MAIL_API_KEY: mails wait in the outbox");
  if (plan === "free") notes.push("On the free plan Email Service sends to the account's verified addresses alone: all other mails fail or wait. Use the paid plan or MAIL_API_KEY");
  const domain = /@([^@>\s]+)>?\s*$/.exec(from)?.[1]?.toLowerCase();
  const zones = await api.list(`/accounts/${accountId}/email/sending/zones`, { right: RIGHTS.email }).catch((error) => {
    if (error.kind === "down") throw error;
    return null;
  });
  if (!zones) notes.push(`Whether ${domain} may send by Email Service was not looked at (${RIGHTS.email} would tell)`);
  else if (!zones.some((one) => domain === one.name || domain?.endsWith(`.${one.name}`))) notes.push(`${domain} (MAIL_FROM) is not onboarded to Email Service: mails wait until it is`);
}

/** Settings that a deployment deletes or changes, since they were set in the dashboard or taken out of the file. */
function lookAtVars(config, worker, env, faults, notes) {
  const there = worker?.bindings.filter((one) => one.type === "plain_text" || one.type === "json") ?? [];
  const vars = { ...config.vars, D1_STATEMENTS_MAX: null };
  const gone = there.filter((one) => !(one.name in vars)).map((one) => one.name);
  const changed = there.filter((one) => one.name in vars && vars[one.name] !== null && one.type === "plain_text" && one.text !== String(vars[one.name]));
  for (const { name, text } of changed) notes.push(`${name} changes from ${JSON.stringify(text)} to ${JSON.stringify(config.vars[name])}`);
  if (gone.length === 0) return;
  const message = `These variables are set in the dashboard and not in the file: ${gone.join(", ")}. A deployment deletes them`;
  if (env.DELETE_VARS === "yes") notes.push(`${message}, as asked`);
  else faults.push(`${message}. Copy them to [vars], or run: DELETE_VARS=yes make deploy`);
}

/**
 * Looks at all of it. `found` is filled as it goes, so that whoever catches a failure still has what was seen.
 * Faults that the API itself raised (a right that is missing) are listed with the others; one that is down ends the look.
 */
export async function preflight({ api, accountId, config, env, found, question }) {
  const { faults, notes } = found;
  const looks = async (look) => {
    try {
      return await look();
    } catch (error) {
      if (error.kind === "down") throw error;
      faults.push(error.message);
      return undefined;
    }
  };
  found.worker = await looks(() => deployedWorker(api, accountId, config.name));
  found.resources = await looks(() => resourcesOf(api, accountId, config, found.worker, notes));
  if (found.resources) {
    const others = await looks(() => sharers(api, accountId, config.name, found.resources, found.worker));
    if (others?.length && env.SHARE_DATABASE !== "yes") {
      const { database, namespace } = found.resources;
      faults.push(`${[database && `the database ${database.name}`, namespace && `the namespace ${namespace.title}`].filter(Boolean).join(" or ")} is in use by another Worker: ${others.join(", ")}. Two instances need two names (name = "…" in the file). If sharing is what you want, run: SHARE_DATABASE=yes make deploy`);
    }
  }
  const routes = routesOf(config);
  if (routes.length) await looks(() => lookAtRoutes(api, accountId, config, faults));
  found.address = routes.length ? `https://${(routes.find((one) => !/^\*/.test(one.pattern)) ?? routes[0]).pattern.replace(/^[a-z]+:\/\//, "").split("/")[0]}` : await looks(() => lookAtSubdomain(api, accountId, config, faults));
  const plan = await looks(() => planOf(api, accountId, found.worker, { env, configured: config.vars?.D1_STATEMENTS_MAX, notes, question }));
  Object.assign(found, plan);
  await looks(() => lookAtCrons(api, accountId, config, plan?.plan, faults, notes));
  await looks(() => lookAtEmail(api, accountId, config, found.worker, plan?.plan, notes));
  lookAtVars(config, found.worker, env, faults, notes);
}
