// Failures on demand: the nth call from now, or the calls that a function picks, are not answered as they should be.
import { refuse } from "./envelope.mjs";

export const KINDS = {
  // The API is failing.
  "5xx": () => refuse(502, 10013, "workers.api.error.unknown"),
  // It is a right that is missing, whatever the call.
  "4xx": () => refuse(403, 10000, "Authentication error"),
  // The connection ends before the call is heard.
  "cut before": () => ({ hangUp: true }),
  // The call is done, and its answer lost.
  "cut after": () => ({ hangUp: true, isDone: true }),
};

export class Faults {
  constructor() {
    this.planned = [];
  }

  /** The next call that `picks` says yes to (`call` has method, path and its number) fails like `kind`, `times` times. */
  plan(picks, kind, times = 1) {
    this.planned.push({ picks, kind, times });
  }

  /** The kind of failure that is planned for this call. */
  take(call) {
    const found = this.planned.find((one) => one.times > 0 && one.picks(call));
    if (!found) return null;
    found.times -= 1;
    return found.kind;
  }
}
