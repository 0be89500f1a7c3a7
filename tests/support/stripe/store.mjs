// The stand-in's whole state: objects by kind, balances, saved responses, deliveries, its clock and its counters.
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";

const SAVE_AFTER_MS = 50;

export class Store {
  #file;
  #timer;

  constructor({ file, balance = 0 } = {}) {
    this.#file = file;
    this.initialBalance = balance;
    this.clear();
    if (file && existsSync(file)) this.#load(JSON.parse(readFileSync(file, "utf8")));
  }

  /** Resets everything, including the clock. */
  clear(balance = this.initialBalance) {
    this.clock = { offset: 0, frozen: null };
    this.counters = {};
    this.balances = { usd: balance };
    this.platform = { id: "acct_platform", country: "US" };
    this.kinds = new Map();
    // By account and currency: its balance, which limits reversals.
    this.destinations = new Map();
    this.answers = new Map();
    this.deliveries = new Map();
    this.links = new Map();
  }

  /** Unix seconds on the stand-in's own clock. */
  now() {
    return this.clock.frozen ?? Math.floor(Date.now() / 1000) + this.clock.offset;
  }

  setClock(now, frozen) {
    this.clock = { offset: now - Math.floor(Date.now() / 1000), frozen: frozen ? now : null };
  }

  /** Deterministic ids: the same calls create the same ids. */
  nextId(prefix) {
    this.counters[prefix] = (this.counters[prefix] ?? 0) + 1;
    return `${prefix}_${String(this.counters[prefix]).padStart(8, "0")}`;
  }

  put(kind, object) {
    if (!this.kinds.has(kind)) this.kinds.set(kind, new Map());
    this.kinds.get(kind).set(object.id, object);
    return object;
  }

  get(kind, id) {
    return this.kinds.get(kind)?.get(id);
  }

  remove(kind, id) {
    this.kinds.get(kind)?.delete(id);
  }

  /** In order of creation. */
  all(kind) {
    return [...(this.kinds.get(kind)?.values() ?? [])];
  }

  /** An account's balance in a currency, after adding to it. */
  holds(account, currency, add = 0) {
    const held = this.destinations.get(account) ?? {};
    held[currency] = (held[currency] ?? 0) + add;
    this.destinations.set(account, held);
    return held[currency];
  }

  toJSON() {
    return {
      clock: this.clock,
      counters: this.counters,
      balances: this.balances,
      platform: this.platform,
      kinds: Object.fromEntries([...this.kinds].map(([kind, objects]) => [kind, [...objects.values()]])),
      destinations: [...this.destinations],
      answers: [...this.answers],
      deliveries: [...this.deliveries],
      links: [...this.links],
    };
  }

  #load(saved) {
    this.clock = saved.clock;
    this.counters = saved.counters;
    this.balances = saved.balances;
    this.platform = saved.platform ?? this.platform;
    this.kinds = new Map(
      Object.entries(saved.kinds).map(([kind, objects]) => [kind, new Map(objects.map((object) => [object.id, object]))]),
    );
    for (const name of ["destinations", "answers", "deliveries", "links"]) this[name] = new Map(saved[name]);
  }

  /** Saves soon, and once for a burst of changes: otherwise a thousand transfers would write a thousand files. */
  changed() {
    if (this.#file) this.#timer ??= setTimeout(() => this.flush(), SAVE_AFTER_MS);
  }

  /** Saves now, completely or not at all. */
  flush() {
    if (!this.#file) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    writeFileSync(`${this.#file}.new`, JSON.stringify(this));
    renameSync(`${this.#file}.new`, this.#file);
  }
}
