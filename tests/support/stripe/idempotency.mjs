// Idempotency as in Stripe's v1. The first response of a request that began is kept for 24 hours, failures included,
// and returned again for the same key. The same key with other parameters, or while the first request is in progress,
// is refused.
import { Refusal, invalid } from "./errors.mjs";

const KEPT_SECONDS = 24 * 3600;

export class Idempotency {
  constructor(store) {
    this.store = store;
    this.underWay = new Map();
  }

  /** The saved response of this key. If there is none, the key is locked until `release`. */
  begin(key, endpoint, fingerprint) {
    if (key === "" || key.length > 255) throw invalid("Idempotency keys must have 1 to 255 characters.");
    const saved = this.store.answers.get(key);
    const known = saved && this.store.now() - saved.at < KEPT_SECONDS ? saved : undefined;
    const first = known ?? this.underWay.get(key);
    if (first && first.endpoint !== endpoint)
      throw this.#mismatch(
        `Keys for idempotent requests can only be used for the same endpoint they were first used for ('${endpoint}' vs '${first.endpoint}'). Try using a key other than '${key}' if you meant to execute a different request.`,
      );
    if (first && first.fingerprint !== fingerprint)
      throw this.#mismatch(
        `Keys for idempotent requests can only be used with the same parameters they were first used with. Try using a key other than '${key}' if you meant to execute a different request.`,
      );
    if (known) return { status: known.status, body: known.body, request: known.request };
    if (this.underWay.has(key))
      throw new Refusal(
        409,
        "idempotency_error",
        `There is currently another in-progress request using this Idempotent Key (that probably means you submitted twice, and the other request is still going through): ${key}. Please try again later.`,
        {
          code: "idempotency_key_in_use",
          headers: { "stripe-should-retry": "true" },
        },
      );
    this.underWay.set(key, { endpoint, fingerprint });
    return undefined;
  }

  #mismatch(message) {
    return new Refusal(400, "idempotency_error", message);
  }

  /** Saves the response of the request that holds the key. */
  save(key, { status, body, request }) {
    // Kept as text, because the objects in it continue to change.
    this.store.answers.set(key, { ...this.underWay.get(key), at: this.store.now(), status, body, request });
  }

  release(key) {
    this.underWay.delete(key);
  }
}
