// Failures planned for coming requests: "the next N requests that match meet this".

/** What can happen; each says what the request has done when its sender learns, or does not learn, of it. */
export const KINDS = [
  "drop_before", // the connection closes, nothing happened
  "drop_after", // it happened, and the connection closes without an answer
  "delay", // it happens, and the answer takes `ms`
  "429", // refused, not saved
  "503", // refused before it began, not saved
  "500_no_effect", // it began, failed, and the failure is saved
  "500_effect", // it happened, and a failure is saved all the same
];

const matchesPath = (pattern, path) => {
  const wanted = pattern.split("/");
  const given = path.split("/");
  return wanted.length === given.length && wanted.every((part, index) => part === "*" || part === given[index]);
};

export class Faults {
  #delayed = new Set();

  constructor() {
    this.plan = [];
  }

  /** `skip` requests that match pass first; `where` holds the parameters a request must have. */
  add({ method = "POST", path, kind, times = 1, skip = 0, ms = 0, effect = "first", where = {} }) {
    this.plan.push({ method, path, kind, times, skip, ms, effect, where });
  }

  clear() {
    this.plan = [];
  }

  /** Ends after a while, or when the delayed are let go. */
  wait(ms) {
    return new Promise((done) => {
      const end = () => {
        clearTimeout(timer);
        this.#delayed.delete(end);
        done();
      };
      const timer = setTimeout(end, ms);
      this.#delayed.add(end);
    });
  }

  /** Lets every delayed request go on. */
  release() {
    for (const end of [...this.#delayed]) end();
  }

  /** The fault that this request meets, if any: the earliest planned one. */
  take(method, path, params) {
    for (const fault of this.plan) {
      if (fault.times === 0 || fault.method !== method || !matchesPath(fault.path, path)) continue;
      if (Object.entries(fault.where).some(([key, value]) => params[key] !== String(value))) continue;
      if (fault.skip > 0) {
        fault.skip -= 1;
        continue;
      }
      fault.times -= 1;
      return fault;
    }
    return null;
  }
}
