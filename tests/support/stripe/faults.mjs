// Planned failures for future requests: "the next N matching requests fail like this".

/** The kinds of failures. Each says what the request has done when its sender gets the response, or gets none. */
export const KINDS = [
  "drop_before", // the connection closes before anything happens
  "drop_after", // it happens, and the connection closes without a response
  "delay", // it happens, and the response takes `ms`
  "429", // refused, not saved
  "503", // refused before it began, not saved
  "500_no_effect", // it began, failed, and the failure is saved
  "500_effect", // it happened, but a failure is saved
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

  /** `skip` matching requests pass first; `where` has the parameters that a request must have. */
  add({ method = "POST", path, kind, times = 1, skip = 0, ms = 0, effect = "first", where = {} }) {
    this.plan.push({ method, path, kind, times, skip, ms, effect, where });
  }

  clear() {
    this.plan = [];
  }

  /** Resolves after a while, or when the delayed requests are released. */
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

  /** Releases every delayed request. */
  release() {
    for (const end of [...this.#delayed]) end();
  }

  /** The fault for this request, if any: the earliest one planned. */
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
