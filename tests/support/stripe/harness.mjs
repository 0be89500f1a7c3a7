// Shared by the tests: a stand-in per test, the official library configured for it, and an endpoint for webhooks.
import { createServer } from "node:http";
import Stripe from "stripe";
import { start } from "./server.mjs";
import { API_VERSION } from "./versions.mjs";

export const SECRETS = ["whsec_platform"];
export const CONNECT_SECRETS = ["whsec_connect"];
export const KEY = "sk_test_standin";

/** A stand-in that stops with the test, the official client, and its controls. */
export async function standIn(t, options = {}) {
  const running = await start({ balance: 1_000_000, rateLimit: false, ...options });
  t.after(() => running.close());
  const { hostname: host, port } = new URL(running.url);
  const stripe = new Stripe(KEY, { apiVersion: API_VERSION, host, port, protocol: "http", maxNetworkRetries: 0, telemetry: false });
  return { ...running, stripe, control: controls(running.url), post: (path, body, headers) => post(running.url, path, body, headers) };
}

function controls(url) {
  return async (path, body, method = body === undefined ? "GET" : "POST") => {
    const answer = await fetch(`${url}/_test/${path}`, { method, ...(body && { body: JSON.stringify(body) }) });
    const value = await answer.json();
    if (!answer.ok) throw new Error(value.error);
    return value;
  };
}

/** A request written by hand, because the official library retries some failures and corrects some mistakes. */
async function post(url, path, body, headers = {}) {
  const answer = await fetch(url + path, {
    method: body === undefined ? "GET" : "POST",
    headers: {
      authorization: `Bearer ${KEY}`,
      "stripe-version": API_VERSION,
      ...(body !== undefined && { "content-type": "application/x-www-form-urlencoded" }),
      ...headers,
    },
    body,
  });
  return { status: answer.status, headers: answer.headers, body: await answer.json() };
}

/** An account that can be paid. */
export async function payable({ stripe, control }) {
  const account = await stripe.accounts.create({
    controller: { stripe_dashboard: { type: "express" }, fees: { payer: "application" }, losses: { payments: "application" } },
    capabilities: { transfers: { requested: true } },
  });
  await control(`accounts/${account.id}/onboard`, {});
  return account.id;
}

/** A webhook endpoint: the requests it received, and its responses. */
export async function endpoint(t) {
  const received = [];
  const state = { status: 200 };
  const server = createServer(async (request, response) => {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    received.push({ path: request.url, headers: request.headers, body: Buffer.concat(chunks).toString() });
    response.writeHead(state.status).end("{}");
  });
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${server.address().port}`, received, state };
}
