// Failures on demand: the nth call from now, or the calls that a function selects, fail.
import { refuse } from "./envelope.mjs";

export const KINDS = {
  // Server errors.
  "5xx": () => refuse(502, 10013, "workers.api.error.unknown"),
  // A missing permission, whatever the call.
  "4xx": () => refuse(403, 10000, "Authentication error"),
  // The connection closes before the call is processed.
  "cut before": () => ({ hangUp: true }),
  // The call is processed, but its response is lost.
  "cut after": () => ({ hangUp: true, isDone: true }),
};

export class Faults {
  constructor() {
    this.planned = [];
  }

  /** The next call that `picks` selects (`call` has method, path and its number) fails with `kind`, `times` times. */
  plan(picks, kind, times = 1) {
    this.planned.push({ picks, kind, times });
  }

  /** The kind of failure planned for this call. */
  take(call) {
    const found = this.planned.find((one) => one.times > 0 && one.picks(call));
    if (!found) return null;
    found.times -= 1;
    return found.kind;
  }
}
