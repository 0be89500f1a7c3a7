// The tests' controls, under /_test/, which Stripe does not have. Bodies are JSON. Unknown fields are refused, so that
// a misspelled field is not silently replaced by its default.
import { KINDS } from "./faults.mjs";
import { EVENT_OPTIONS } from "./events.mjs";
import { change, deauthorize, onboarded, restricted } from "./api/accounts.mjs";
import { SCENARIOS } from "./scenarios/index.mjs";
import { Misuse, eventsDone, only } from "./scenarios/parts.mjs";
import { isVersion } from "./versions.mjs";

function accountNamed({ store }, id) {
  const account = store.get("account", id);
  if (!account) throw new Misuse(`no account ${id}`);
  return account;
}

function options(body) {
  if (body.api_version !== undefined && !isVersion(body.api_version)) throw new Misuse(`api_version is not a version: ${body.api_version}`);
  if (body.deliver !== undefined && !["now", "hold", "never"].includes(body.deliver)) throw new Misuse("deliver is now, hold or never");
  if (body.sign !== undefined) only(body.sign, ["secret", "offset", "tamper"]);
  return Object.fromEntries(EVENT_OPTIONS.filter((name) => name in body).map((name) => [name, body[name]]));
}

const wholeNumber = (value, name) => {
  if (!Number.isSafeInteger(value)) throw new Misuse(`${name} is a whole number`);
  return value;
};

/** By method and path. Each takes the world, the body, and the path's parameters. */
const CONTROLS = {
  "GET /_test/state": ({ store }) => store,
  "GET /_test/state/:kind": ({ store }, body, { kind }) => store.all(kind),
  "GET /_test/requests": ({ log }) => log,
  "DELETE /_test/requests"({ log }) {
    log.length = 0;
  },
  "GET /_test/faults": ({ faults }) => faults.plan.filter((fault) => fault.times > 0),
  "DELETE /_test/faults": ({ faults }) => faults.clear(),
  "POST /_test/faults/release"({ faults }, body) {
    only(body, []);
    faults.release();
  },

  "POST /_test/reset"(world, body) {
    only(body, ["balance"]);
    world.store.clear(body.balance);
    world.faults.clear();
    world.deliveries.clear();
    world.idempotency.underWay.clear();
    world.limits.set({});
    world.log.length = 0;
  },

  "GET /_test/clock": ({ store }) => ({ now: store.now(), frozen: store.clock.frozen !== null }),
  "POST /_test/clock"({ store }, body) {
    only(body, ["advance", "set", "frozen"]);
    const base = body.set === undefined ? store.now() : wholeNumber(body.set, "set");
    store.setClock(base + wholeNumber(body.advance ?? 0, "advance"), body.frozen ?? store.clock.frozen !== null);
    return { now: store.now(), frozen: store.clock.frozen !== null };
  },

  "POST /_test/balance"({ store }, body) {
    only(body, ["currency", "add", "set"]);
    const currency = body.currency ?? "usd";
    store.balances[currency] = wholeNumber(body.set ?? store.balances[currency] ?? 0, "set") + wholeNumber(body.add ?? 0, "add");
    return store.balances;
  },

  async "POST /_test/accounts/:id/onboard"(world, body, { id }) {
    only(body, ["payouts_enabled", ...EVENT_OPTIONS]);
    const account = accountNamed(world, id);
    const changes = { ...onboarded(account), ...(body.payouts_enabled === false && { payouts_enabled: false }) };
    return eventsDone(world, [change(world, account, changes, options(body))], { account: id });
  },
  async "POST /_test/accounts/:id/restrict"(world, body, { id }) {
    only(body, ["currently_due", "disabled_reason", ...EVENT_OPTIONS]);
    const account = accountNamed(world, id);
    return eventsDone(world, [change(world, account, restricted(account, body), options(body))], { account: id });
  },
  async "POST /_test/accounts/:id/deauthorize"(world, body, { id }) {
    only(body, EVENT_OPTIONS);
    return eventsDone(world, [deauthorize(world, accountNamed(world, id), options(body))], { account: id });
  },
  "POST /_test/platform"({ store }, body) {
    only(body, ["id", "country"]);
    return Object.assign(store.platform, body);
  },
  // The money is at the bank, so a reversal cannot take it.
  "POST /_test/accounts/:id/pay_out"(world, body, { id }) {
    only(body, []);
    accountNamed(world, id);
    world.store.destinations.set(id, {});
  },

  "POST /_test/faults"({ faults }, body) {
    only(body, ["method", "path", "kind", "times", "skip", "ms", "effect", "where"]);
    if (!KINDS.includes(body.kind)) throw new Misuse(`kind is one of ${KINDS.join(", ")}`);
    if (!body.path?.startsWith("/v1/")) throw new Misuse("path is one of the API's, with * for a part that may be anything");
    if (body.effect !== undefined && !["first", "last"].includes(body.effect)) throw new Misuse("effect is first or last");
    faults.add(body);
  },
  "POST /_test/limits"({ limits }, body) {
    only(body, ["all", "endpoint"]);
    limits.set(body);
    return { all: limits.all, endpoint: limits.endpoint };
  },

  "POST /_test/webhooks"({ deliveries }, body) {
    only(body, ["url", "secrets", "connect_secrets", "signature_clock", "mode", "by_type"]);
    const modes = [body.mode ?? "now", ...Object.values(body.by_type ?? {})];
    if (modes.some((mode) => !["now", "hold", "never"].includes(mode))) throw new Misuse("a mode is now, hold or never");
    if (body.signature_clock !== undefined && !["real", "own"].includes(body.signature_clock))
      throw new Misuse("signature_clock is real or own");
    deliveries.set(body);
    return deliveries.settings;
  },
  "GET /_test/webhooks/held": ({ deliveries }) => deliveries.held.map(({ id }) => id),
  async "POST /_test/webhooks/release"({ deliveries }, body) {
    only(body, ["order", "ids", "seed"]);
    return { released: await deliveries.release(body) };
  },
  async "POST /_test/webhooks/redeliver"(world, body) {
    only(body, ["ids", "times", "sign"]);
    for (const id of body.ids) {
      if (!world.store.get("event", id)) throw new Misuse(`no event ${id}`);
      await world.deliveries.send(id, body);
    }
    return Object.fromEntries(body.ids.map((id) => [id, world.store.deliveries.get(id)]));
  },
  async "POST /_test/webhooks/retry"({ deliveries }, body) {
    only(body, []);
    return { retried: await deliveries.retry() };
  },
  "POST /_test/webhooks/settle": ({ deliveries }) => deliveries.settled(),
  // The request as it would be posted now, without posting it.
  "POST /_test/webhooks/preview"({ store, deliveries }, body) {
    only(body, ["id", "sign"]);
    const event = store.get("event", body.id);
    if (!event) throw new Misuse(`no event ${body.id}`);
    return deliveries.request(event, body.sign);
  },

  async "POST /_test/scenarios/:name"(world, body, { name }) {
    const scenario = Object.hasOwn(SCENARIOS, name) ? SCENARIOS[name] : undefined;
    if (!scenario) throw new Misuse(`scenario is one of ${Object.keys(SCENARIOS).join(", ")}`);
    const { emitted, ...made } = scenario(world, body, options(body));
    return eventsDone(world, emitted, made);
  },
};

const ROUTES = Object.entries(CONTROLS).map(([name, run]) => {
  const [method, path] = name.split(" ");
  return { method, pattern: new RegExp(`^${path.replaceAll(/:(\w+)/g, "(?<$1>[^/]+)")}$`), run };
});

function bodyOf(text) {
  if (text.trim() === "") return {};
  let body;
  try {
    body = JSON.parse(text);
  } catch (error) {
    throw new Misuse(`the body is not JSON: ${error.message}`);
  }
  if (body === null || typeof body !== "object" || Array.isArray(body)) throw new Misuse("the body is not an object");
  return body;
}

const json = (status, value) => ({ status, headers: { "content-type": "application/json" }, body: JSON.stringify(value ?? {}) });

/** The response to a control. Misuse is reported in plain words. */
export async function control(world, { method, path, text }) {
  for (const route of ROUTES) {
    const found = route.method === method && route.pattern.exec(path);
    if (!found) continue;
    try {
      return json(200, await route.run(world, bodyOf(text), { ...found.groups }));
    } catch (error) {
      if (!(error instanceof Misuse)) throw error;
      return json(400, { error: error.message });
    } finally {
      world.store.changed();
    }
  }
  return json(404, { error: `no control ${method} ${path}` });
}
