// Webhooks: posts events one after the other and records the results. Events can be held back, and released in another
// order, several times, or never.
import { signature } from "./signatures.mjs";

const TIMEOUT_MS = 20_000;

export class Deliveries {
  #last = Promise.resolve();

  constructor(store, { url, secrets = [], connectSecrets = [] } = {}) {
    this.store = store;
    this.held = [];
    this.set({ url: url ?? null, secrets, connect_secrets: connectSecrets, signature_clock: "real", mode: "now", by_type: {} });
  }

  /** `mode` is now, hold or never; `by_type` overrides it for some types. */
  set(settings) {
    this.settings = { ...this.settings, ...settings };
  }

  /** Drops waiting events and delivers again. */
  clear() {
    this.held = [];
    this.set({ mode: "now", by_type: {} });
  }

  /** Accepts an event. Resolves when it has been posted, is held, or stays undelivered. */
  async take(event, { deliver, repeat = 1, sign } = {}) {
    const mode = deliver ?? this.settings.by_type[event.type] ?? this.settings.mode;
    const endpoint = event.account ? "connect" : "platform";
    const record = { endpoint, state: this.settings.url ? "pending" : "no_endpoint", attempts: [] };
    this.store.deliveries.set(event.id, record);
    if (!this.settings.url) return record;
    if (mode === "never") record.state = "failed";
    else if (mode === "hold") this.held.push({ id: event.id, repeat, sign });
    else await this.send(event.id, { times: repeat, sign });
    return record;
  }

  /** Posts an event after all that are queued before it. */
  send(id, { times = 1, sign } = {}) {
    const turn = this.#last.then(async () => {
      for (let time = 0; time < times; time += 1) await this.#post(id, sign);
    });
    this.#last = turn;
    return turn;
  }

  /** Resolves when nothing is being posted any more. */
  async settled() {
    let last;
    do {
      last = this.#last;
      await last;
    } while (last !== this.#last);
  }

  /** Releases the held events: all of them in an order, or those in `ids` in the order of that list. */
  async release({ order = "forward", ids, seed = 1 } = {}) {
    const going = ids ? ids.map((id) => this.held.find((one) => one.id === id)).filter(Boolean) : ordered(this.held, order, seed);
    this.held = this.held.filter((one) => !going.includes(one));
    for (const { id, repeat, sign } of going) await this.send(id, { times: repeat, sign });
    return going.map(({ id }) => id);
  }

  /** Posts every event again that its endpoint has not accepted. */
  async retry() {
    const waiting = new Set(this.held.map(({ id }) => id));
    const ids = [...this.store.deliveries].filter(([id, { state }]) => state !== "succeeded" && !waiting.has(id)).map(([id]) => id);
    for (const id of ids) await this.send(id);
    return ids;
  }

  /** An outgoing request. `sign` may set another secret or instant, or change the body after signing. */
  request(event, { secret, offset = 0, tamper = false } = {}) {
    const { secrets, connect_secrets, signature_clock } = this.settings;
    const keys = secret ? [secret] : event.account ? connect_secrets : secrets;
    const at = (signature_clock === "own" ? this.store.now() : Math.floor(Date.now() / 1000)) + offset;
    const body = JSON.stringify({ ...event, pending_webhooks: 1 }, null, 2);
    return {
      url: `${this.settings.url}/v1/webhooks/${event.account ? "stripe-connect" : "stripe"}`,
      headers: {
        "content-type": "application/json; charset=utf-8",
        "user-agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
        "stripe-signature": signature(body, keys, at),
      },
      body: tamper ? body.replace(/}\s*$/, ', "tampered": true}') : body,
    };
  }

  async #post(id, sign) {
    const record = this.store.deliveries.get(id);
    // The state may have been reset meanwhile, or the URL is not known yet.
    if (!record || !this.settings.url) return;
    const { url, headers, body } = this.request(this.store.get("event", id), sign);
    const attempt = { at: this.store.now() };
    try {
      const answer = await fetch(url, { method: "POST", headers, body, redirect: "manual", signal: AbortSignal.timeout(TIMEOUT_MS) });
      attempt.status = answer.status;
      attempt.body = (await answer.text()).slice(0, 2000);
    } catch (error) {
      attempt.error = error.cause?.code ?? error.name;
    }
    record.attempts.push(attempt);
    // One acceptance is enough, because Stripe would not have retried.
    if (record.state !== "succeeded") record.state = attempt.status >= 200 && attempt.status < 300 ? "succeeded" : "failed";
    this.store.changed();
  }
}

/** A list forward, in reverse, or shuffled by a seed. */
export function ordered(list, order, seed) {
  if (order === "reverse") return list.toReversed();
  if (order !== "shuffle") return [...list];
  const shuffled = [...list];
  let state = seed >>> 0;
  for (let index = shuffled.length - 1; index > 0; index -= 1) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const other = Math.floor((state / 2 ** 32) * (index + 1));
    [shuffled[index], shuffled[other]] = [shuffled[other], shuffled[index]];
  }
  return shuffled;
}
