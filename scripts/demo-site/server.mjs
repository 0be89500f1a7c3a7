// The demo site: a small site behind the Worker, which forwards requests that are not for itself. It has the first page
// of `make dev`, a mailbox, a shop, and buttons that let time pass. A deployed Worker has none of it.
import { randomBytes } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import * as emdash from "./emdash.mjs";
import { page, privately } from "./frame.mjs";
import { OPERATOR, home, safariNotice } from "./home.mjs";
import * as mail from "./mail.mjs";
import { clock, happened, passings } from "./passing.mjs";
import * as shop from "./shop.mjs";
import { State } from "./state.mjs";
import { Worker } from "./worker.mjs";
import { textOf } from "../../tests/support/stripe/server.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, "../..");
const HOST = "127.0.0.1";

const see = (path, headers) => [303, { location: path, ...privately, ...headers }, ""];
const json = (status, value) => [status, { "content-type": "application/json", ...privately }, JSON.stringify(value)];

class Site {
  constructor({ worker, stateFile, memoryFile, isEmdash, assets }) {
    Object.assign(this, { worker, memoryFile, isEmdash, assets, state: new State(stateFile), mailKey: randomBytes(24).toString("hex") });
  }

  /** The codes of data.mjs, once it has loaded its data. */
  codes() {
    return existsSync(this.memoryFile ?? "") ? JSON.parse(readFileSync(this.memoryFile, "utf8")).codes : undefined;
  }

  page(fields) {
    return page(root, this.assets, fields);
  }

  missing() {
    return this.page({ status: 404, title: "Not here", content: "The demo has no such page." });
  }

  async get(path, query, headers) {
    const { state } = this;
    if (path === "/") return this.page({ title: "The demo", lead: "A partner earns a commission, and an operator pays it.", here: "/", notice: safariNotice(headers["user-agent"]), content: home(this.codes(), this.isEmdash) });
    if (path === "/dev/demo.css") return [200, { "content-type": "text/css; charset=utf-8", "cache-control": "no-cache" }, readFileSync(join(here, "demo.css"), "utf8")];
    if (path === "/dev/mail") return this.page({ title: "Post box", lead: "Every mail of the demo, the newest first.", here: "/dev/mail", content: mail.box(state) });
    const [, id, raw] = /^\/dev\/mail\/(\d+)(\/html)?$/.exec(path) ?? [];
    const letter = id && state.known.mails.find((one) => one.id === Number(id));
    if (letter && raw) return [200, { "content-type": "text/html; charset=utf-8", "content-security-policy": mail.FRAME_CSP, ...privately }, mail.framed(letter)];
    if (letter) return this.page({ title: letter.subject, here: "/dev/mail", content: mail.one(letter) });
    if (path === "/shop") {
      const attribution = await this.worker.attribution(headers.cookie);
      const counter = shop.counter(state, shop.customerOf(state, headers.cookie), attribution);
      const lead = `A writing tool for small teams, ${shop.usd(shop.PRICE_CENTS)} a month.`;
      return this.page({ title: "Inkwell", lead, here: "/shop", notice: happened(state), content: [counter, clock(state)] });
    }
    if (this.isEmdash && path === "/_emdash/api/auth/me") return json(...emdash.me(headers));
    if (this.isEmdash && path === "/_emdash/admin/login") return this.page({ title: "Sign in to the site", content: emdash.signInPage(query.get("redirect")) });
    return this.missing();
  }

  async post(path, headers, text) {
    const { state, worker } = this;
    if (path === "/dev/mails") {
      if (headers.authorization !== `Bearer ${this.mailKey}`) return json(401, { name: "missing_api_key", message: "the key is wrong" });
      return json(200, { id: String(mail.take(state, text, headers["idempotency-key"]).id) });
    }
    if (!["same-origin", undefined].includes(headers["sec-fetch-site"])) return this.page({ status: 403, title: "Not sent", content: "The demo’s buttons are pressed on its own pages." });
    const form = new URLSearchParams(text);
    if (this.isEmdash && path === "/_emdash/admin/login") {
      const [to, cookie] = emdash.signIn(form);
      return see(to, { "set-cookie": cookie });
    }
    const [, passing] = /^\/shop\/time\/([a-z]+)$/.exec(path) ?? [];
    if (passing && Object.hasOwn(passings, passing)) {
      await passings[passing](worker, state);
      return see("/shop");
    }
    const [, deed] = /^\/shop\/([a-z-]+)$/.exec(path) ?? [];
    const customer = shop.customerOf(state, headers.cookie);
    if (!deed || !Object.hasOwn(shop.deeds, deed)) return this.missing();
    // The button's page was open for too long.
    if (!shop.mayDo(deed, customer)) return see("/shop");
    const now = await shop.deeds[deed](worker, state, customer, form);
    return see("/shop", { "set-cookie": shop.customerCookie(now?.id) });
  }

  async answer(request, url) {
    const { pathname, search, searchParams } = new URL(request.url, url);
    // Only under its own name, because another site may point its own name here.
    if (request.headers.host !== new URL(url).host) return [421, {}, ""];
    // The Worker adds this header to the requests that it forwards. A request without it came directly to the site.
    if (!request.headers["cf-worker"]) {
      return ["GET", "HEAD"].includes(request.method) ? [302, { location: `${this.worker.url}${pathname}${search}`, ...privately }, ""] : [403, privately, ""];
    }
    if (request.method === "POST") return this.post(pathname, request.headers, await textOf(request));
    if (!["GET", "HEAD"].includes(request.method)) return [405, { allow: "GET, POST", ...privately }, ""];
    return this.get(pathname, searchParams, request.headers);
  }
}

/**
 * Starts the site on localhost. `vars` are the Worker's settings for it; `close` stops it. `worker` is defined in
 * worker.mjs, and `assets` is where the Worker serves its static files.
 */
export async function start({ worker: given, stateFile, memoryFile, emdash: isEmdash = false, assets = "" }) {
  const worker = new Worker(given);
  const site = new Site({ worker, stateFile, memoryFile, isEmdash, assets });
  let url;
  const server = createServer(async (request, response) => {
    let found;
    try {
      found = await site.answer(request, url);
    } catch (error) {
      console.error(error);
      found = site.page({ status: 500, title: "That did not work", content: error.message });
    }
    response.writeHead(found[0], found[1]).end(request.method === "HEAD" ? "" : found[2]);
  });
  // An idle connection must not close during the Worker's next request.
  server.keepAliveTimeout = 0;
  await new Promise((listening, failed) => server.once("error", failed).listen(0, HOST, listening));
  url = `http://${HOST}:${server.address().port}`;
  const vars = {
    // Links without a destination lead to the shop.
    SITE_URL: `${url}/shop`,
    SITE_NAME: "Inkwell",
    PUBLIC_URL: worker.url,
    MAIL_FROM: "Inkwell partners <partners@inkwell.example>",
    MAIL_API_URL: `${url}/dev/mails`,
    MAIL_API_KEY: site.mailKey,
    OPERATOR_EMAIL: OPERATOR,
    // The story ends with an approval, even if an earlier run was approved.
    PAYOUT_APPROVAL: "manual",
    ...(isEmdash && { EMDASH_ORIGIN: url }),
  };
  const close = () => {
    server.closeAllConnections();
    return new Promise((closed) => server.close(closed));
  };
  return { url, vars, close };
}
