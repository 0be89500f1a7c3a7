// A request's way through the API: authentication, the endpoint, planned faults, saved responses, parameters, and the
// effect.
import { Refusal, failed, invalid, rateLimited } from "./errors.mjs";
import { canonical, decode } from "./form.mjs";
import { expanded } from "./lists.mjs";
import { read } from "./shape.mjs";
import { API_VERSION } from "./versions.mjs";
import { routes as accounts } from "./api/accounts.mjs";
import { routes as billing } from "./api/billing.mjs";
import { routes as customers } from "./api/customers.mjs";
import { routes as discounts } from "./api/discounts.mjs";
import { routes as transfers } from "./api/transfers.mjs";

const ROUTES = [...accounts, ...billing, ...customers, ...discounts, ...transfers].map((route) => ({
  ...route,
  name: `${route.method} ${route.path}`,
  pattern: new RegExp(`^${route.path.replaceAll(/:(\w+)/g, "(?<$1>[^/]+)")}$`),
}));
const LOG_MAX = 20_000;

function authenticate(headers) {
  const given = headers.authorization;
  if (!given)
    throw new Refusal(
      401,
      "invalid_request_error",
      "You did not provide an API key. You need to provide your API key in the Authorization header, using Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY').",
    );
  if (!/^Bearer sk_test_[A-Za-z0-9_]+$/.test(given)) throw new Refusal(401, "invalid_request_error", "Invalid API Key provided.");
  // Stripe would fall back to the account's default version, but code that pins one must always send it.
  const version = headers["stripe-version"];
  if (version !== API_VERSION)
    throw invalid(version ? `Invalid Stripe API version: ${version}` : `The header Stripe-Version is missing: ${API_VERSION} is wanted.`);
}

function routeOf(method, path) {
  for (const route of ROUTES) {
    const found = route.method === method && route.pattern.exec(path);
    if (found) return { route, ids: { ...found.groups } };
  }
  throw invalid(
    `Unrecognized request URL (${method}: ${path}). Please see https://stripe.com/docs or we can help at https://support.stripe.com/.`,
    { status: 404 },
  );
}

/** The account in the header Stripe-Account, if the endpoint supports it. */
function accountOf(route, headers) {
  const account = headers["stripe-account"];
  if (account && !route.forAccount) throw invalid(`The stand-in does not answer ${route.name} for a connected account.`);
  return account;
}

function paramsOf({ method, query, headers, text }) {
  if (method === "POST" && text !== "" && !/^application\/x-www-form-urlencoded\s*(;|$)/i.test(headers["content-type"] ?? ""))
    throw invalid(
      "Invalid request (check that your POST content type is application/x-www-form-urlencoded). If you have any questions, we can help at https://support.stripe.com/.",
    );
  if (method === "GET" && text !== "") throw invalid("A GET request has its parameters in the query.");
  return decode(method === "GET" ? query : [query, text].filter(Boolean).join("&"));
}

/** Runs the endpoint with parameters that were already read. A refusal is a response too. */
function execute(world, { route, params, ids, context }) {
  const { expand, ...rest } = params;
  try {
    const answer = route.run(world, rest, ids, context);
    return { status: 200, body: JSON.stringify(expanded(world.store, answer, expand)) };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return { status: error.status, body: JSON.stringify(error.body), headers: error.headers };
  }
}

/** The result of a request that has begun, with its fault. */
async function attempt(world, { fault, ...work }) {
  const failure = () => {
    const refusal = failed();
    return { status: refusal.status, body: JSON.stringify(refusal.body), headers: refusal.headers };
  };
  if (fault?.kind === "500_no_effect") return failure();
  // The worst delay: meanwhile nothing can be found, and then it happens anyway.
  if (fault?.kind === "delay" && fault.effect === "last") await world.faults.wait(fault.ms);
  const outcome = execute(world, work);
  if (fault?.kind === "delay" && fault.effect !== "last") await world.faults.wait(fault.ms);
  return fault?.kind === "500_effect" ? failure() : outcome;
}

async function answerOf(world, call, entry) {
  authenticate(call.headers);
  const { route, ids } = routeOf(call.method, call.path);
  const account = accountOf(route, call.headers);
  const raw = paramsOf(call);
  entry.params = raw;
  const fault = world.faults.take(call.method, call.path, raw);
  entry.fault = fault?.kind;
  if (fault?.kind === "drop_before") return { hangUp: true };
  if (fault?.kind === "429" || !world.limits.allows(route.name)) throw rateLimited();
  if (fault?.kind === "503") throw failed(503);
  const key = call.method === "POST" ? call.headers["idempotency-key"] : undefined;
  const context = { request: { id: entry.id, idempotency_key: key ?? null }, account };
  const locked = key !== undefined;
  if (locked) {
    const saved = world.idempotency.begin(key, call.path, canonical(raw));
    entry.replayed = Boolean(saved);
    if (saved && fault?.kind === "delay") await world.faults.wait(fault.ms);
    if (saved)
      return {
        ...saved,
        hangUp: fault?.kind === "drop_after",
        headers: { "idempotent-replayed": "true", "original-request": saved.request },
      };
  }
  try {
    // A request refused here never began, so it is not saved.
    const params = read(route.shape, raw);
    const outcome = await attempt(world, { route, params, ids, context, fault });
    if (locked) world.idempotency.save(key, { ...outcome, request: entry.id });
    return { ...outcome, hangUp: fault?.kind === "drop_after" };
  } finally {
    if (locked) world.idempotency.release(key);
    world.store.changed();
  }
}

/** The result of one request to /v1/…: status, body and headers, or a closed connection. */
export async function answer(world, call) {
  const entry = {
    id: world.store.nextId("req"),
    at: world.store.now(),
    method: call.method,
    path: call.path,
    key: call.headers["idempotency-key"],
  };
  world.log.push(entry);
  if (world.log.length > LOG_MAX) world.log.shift();
  let outcome;
  try {
    outcome = await answerOf(world, call, entry);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    outcome = { status: error.status, body: JSON.stringify(error.body), headers: error.headers };
  }
  entry.status = outcome.hangUp ? "connection closed" : outcome.status;
  const headers = {
    "content-type": "application/json",
    "request-id": entry.id,
    "stripe-version": API_VERSION,
    ...(entry.key && { "idempotency-key": entry.key }),
  };
  return { ...outcome, headers: { ...headers, ...outcome.headers } };
}
