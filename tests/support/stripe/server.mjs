// The stand-in's HTTP server: Stripe's API, the pages behind its links, and the tests' controls.
import { createServer } from "node:http";
import { control } from "./controls.mjs";
import { Deliveries } from "./delivery.mjs";
import { Faults } from "./faults.mjs";
import { Idempotency } from "./idempotency.mjs";
import { Limits } from "./limits.mjs";
import { pageAt } from "./pages.mjs";
import { answer } from "./pipeline.mjs";
import { Store } from "./store.mjs";

const BODY_MAX = 1024 * 1024;

/** The body of a request, up to a megabyte. */
export async function textOf(request) {
  const chunks = [];
  let size = 0;
  for await (const chunk of request) {
    size += chunk.length;
    if (size > BODY_MAX) throw new Error("the body is longer than a megabyte");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

async function respond(world, request, response) {
  const text = await textOf(request);
  const { pathname: path, search } = new URL(request.url, world.origin);
  const call = { method: request.method, path, query: search.slice(1), headers: request.headers, text };
  const found = path.startsWith("/_test/")
    ? await control(world, call)
    : (pageAt(world, request.method, path) ?? (await answer(world, call)));
  if (found.hangUp) return request.socket.destroy();
  response.writeHead(found.status, found.headers).end(found.body);
}

/** Starts a stand-in on localhost; `close` stops it. */
export async function start({ port = 0, state, balance, webhooks, secrets, connectSecrets, rateLimit = true } = {}) {
  const store = new Store({ file: state, balance });
  const world = {
    store,
    faults: new Faults(),
    limits: new Limits(),
    idempotency: new Idempotency(store),
    deliveries: new Deliveries(store, { url: webhooks, secrets, connectSecrets }),
    log: [],
  };
  if (!rateLimit) world.limits.set({ all: 0, endpoint: 0 });
  const server = createServer((request, response) => {
    respond(world, request, response).catch((error) => {
      // A bug in the stand-in must not look like a planned failure.
      console.error(error);
      if (!response.headersSent) response.writeHead(500, { "content-type": "text/plain" });
      response.end(`the stand-in failed: ${error.stack}`);
    });
  });
  // An idle connection that closes during a client's request would be an unplanned failure.
  server.keepAliveTimeout = 0;
  await new Promise((listening, failed) => server.once("error", failed).listen(port, "127.0.0.1", listening));
  world.origin = `http://127.0.0.1:${server.address().port}`;
  const end = async () => {
    server.closeAllConnections();
    await new Promise((closed) => server.close(closed));
    await world.deliveries.settled();
    store.flush();
  };
  let ending;
  return { url: world.origin, world, close: () => (ending ??= end()) };
}
