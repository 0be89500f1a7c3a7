// Stripe's rate limits: 25 requests per second in a sandbox, in total and per endpoint. Buckets refill steadily, by the
// machine's clock, because the stand-in's own clock may be stopped.

export class Limits {
  constructor(clock = () => performance.now()) {
    this.clock = clock;
    this.set({ all: 25, endpoint: 25 });
  }

  /** Requests per second, for all endpoints together and for each; 0 is no limit. */
  set({ all = this.all, endpoint = this.endpoint }) {
    this.all = all;
    this.endpoint = endpoint;
    this.buckets = new Map();
  }

  /** Whether one more request is allowed now. */
  allows(route, at = this.clock()) {
    const wanted = [
      ["", this.all],
      [route, this.endpoint],
    ].filter(([, rate]) => rate > 0);
    const levels = wanted.map(([name, rate]) => {
      const balance = this.buckets.get(name) ?? { level: rate, at };
      return { name, at, level: Math.min(rate, balance.level + ((at - balance.at) / 1000) * rate) };
    });
    const allowed = levels.every(({ level }) => level >= 1);
    for (const { name, level } of levels) this.buckets.set(name, { at, level: allowed ? level - 1 : level });
    return allowed;
  }
}
