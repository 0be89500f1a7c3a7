// The product with a database and a KV that are slow or refuse, as told by `POST /faulted?d1=MS&kv=MS&refuses=yes`. For the
// burst benchmark, in a folder with the built Worker.
import worker from "./index.js";

export * from "./index.js";

const fault = { d1: 0, kv: 0, refuses: false };
const pause = (ms) => (ms > 0 ? new Promise((done) => setTimeout(done, ms)) : undefined);

/** The binding with some of its methods replaced. It stays what it is for who asks for its class. */
const instead = (binding, methods) =>
  new Proxy(binding, {
    get(target, name) {
      if (Object.hasOwn(methods, name)) return methods[name];
      const value = Reflect.get(target, name);
      return typeof value === "function" && name !== "constructor" ? value.bind(target) : value;
    },
  });

const faulted = (env) => ({
  ...env,
  DB: instead(env.DB, {
    async batch(statements) {
      if (fault.refuses) throw new Error("D1_ERROR: D1 DB is overloaded. Too many requests queued.");
      await pause(fault.d1);
      return env.DB.batch(statements);
    },
  }),
  KV: instead(env.KV, {
    async get(...asked) {
      await pause(fault.kv);
      return env.KV.get(...asked);
    },
  }),
});

export default {
  fetch(request, env, ctx) {
    if (request.method === "POST" && request.url.includes("/faulted?")) {
      const asked = new URL(request.url).searchParams;
      Object.assign(fault, { d1: Number(asked.get("d1") ?? 0), kv: Number(asked.get("kv") ?? 0), refuses: asked.get("refuses") === "yes" });
      return new Response("");
    }
    return worker.fetch(request, faulted(env), ctx);
  },
  scheduled: (event, env, ctx) => worker.scheduled(event, env, ctx),
};
