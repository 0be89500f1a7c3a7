// A visitor without a browser: cookies, the headers that a browser sends, and what a person does at EmDash.
import assert from "node:assert/strict";
import { Agent, request as open } from "node:http";
import { Readable } from "node:stream";
import { Passkey } from "./passkey.mjs";

const CHROMIUM = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/150.0.0.0 Safari/537.36";
const AUTH = "/_emdash/api/auth";
const agent = new Agent({ keepAlive: true, maxSockets: 256 });
/** Statuses without a body. */
const EMPTY = new Set([204, 205, 304]);

/**
 * One request, as it is: `fetch` would add headers that say it is no browser's navigation. `body`: text, bytes or a
 * stream. Redirects are returned, and nothing is decompressed.
 */
export function exchange(url, { method = "GET", headers = {}, body } = {}) {
  const length = body === undefined || body instanceof Readable ? {} : { "content-length": Buffer.byteLength(body) };
  return new Promise((done, failed) => {
    const asked = open(url, { method, headers: { ...length, ...headers }, agent, family: 4 }, (answer) => {
      const received = new Headers();
      for (let at = 0; at < answer.rawHeaders.length; at += 2) received.append(answer.rawHeaders[at], answer.rawHeaders[at + 1]);
      if (EMPTY.has(answer.statusCode)) answer.resume();
      done(new Response(EMPTY.has(answer.statusCode) ? null : Readable.toWeb(answer), { status: answer.statusCode, headers: received }));
    });
    asked.once("error", failed);
    if (body instanceof Readable) body.once("error", failed).pipe(asked);
    else asked.end(body);
  });
}

export class Visitor {
  constructor(base) {
    Object.assign(this, { base, cookies: new Map(), passkey: new Passkey(base) });
  }

  /** One request. Redirects are returned. */
  async ask(path, { method = "GET", headers = {}, body } = {}) {
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join("; ");
    const own = { "user-agent": CHROMIUM, ...(cookie && { cookie }), ...(method !== "GET" && { origin: this.base }), ...headers };
    const answer = await exchange(new URL(path, this.base), { method, headers: own, body });
    this.keep(answer);
    return answer;
  }

  keep(answer) {
    for (const line of answer.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(line);
      if (value === "" || value === "deleted" || /max-age=0/i.test(line)) this.cookies.delete(name);
      else this.cookies.set(name, value);
    }
  }

  /** A call of EmDash's API as its own pages make it. */
  send(path, body = {}) {
    const headers = { "content-type": "application/json", "x-emdash-request": "1" };
    return this.ask(path, { method: "POST", headers, body: JSON.stringify(body) });
  }

  /** The same, with the data of its success. */
  async told(path, body) {
    const answer = await this.send(path, body);
    const text = await answer.text();
    assert.equal(answer.status, 200, `${path}: ${text}`);
    return JSON.parse(text).data;
  }

  /** Follows a ref link, to the page where it leads. */
  async follow(path) {
    const answer = await this.ask(path, { headers: { "sec-fetch-mode": "navigate", "sec-fetch-dest": "document" } });
    assert.equal(answer.status, 302, `${path} answered ${answer.status}`);
    return answer.headers.get("location");
  }

  /** Opens a page, wherever it leads on this host: the last answer. */
  async open(path) {
    const headers = { accept: "text/html", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document", "sec-fetch-site": "none" };
    for (let at = path, hops = 0; ; hops += 1) {
      const answer = await this.ask(at, { headers });
      at = answer.headers.get("location");
      if (!at?.startsWith("/") || hops === 5) return answer;
    }
  }

  /** What Manicule knows of this visitor. */
  async attribution() {
    return (await this.ask("/v1/attribution")).json();
  }

  /** EmDash's set-up: this visitor is its first administrator. */
  async setUp(email) {
    await this.told("/_emdash/api/setup", { title: "Inkwell", tagline: "", includeContent: false });
    const { options } = await this.told("/_emdash/api/setup/admin", { email, name: "Ada" });
    await this.told("/_emdash/api/setup/admin/verify", { credential: this.passkey.register(options) });
    return this.signIn();
  }

  async signIn() {
    const { options } = await this.told(`${AUTH}/passkey/options`);
    const { user } = await this.told(`${AUTH}/passkey/verify`, { credential: this.passkey.sign(options) });
    return user;
  }

  /** Invites an address, as an administrator: the token of the link. */
  async invite(email, role = 10) {
    const { inviteUrl } = await this.told(`${AUTH}/invite`, { email, role });
    return new URL(inviteUrl).searchParams.get("token");
  }

  /** Accepts an invitation: the answer of its completion. */
  async accept(token, name = "Fay") {
    const { options } = await this.told(`${AUTH}/invite/register-options`, { token, name });
    return this.send(`${AUTH}/invite/complete`, { token, name, credential: this.passkey.register(options) });
  }

  /** Signs in, or up, at GitHub's stand-in: the answer of the callback. `invite`: the token of an invitation. */
  async byGithub(email, invite) {
    const away = await this.ask(`${AUTH}/oauth/github${invite ? `?invite=${invite}` : ""}`);
    const state = new URL(away.headers.get("location")).searchParams.get("state");
    return this.ask(`${AUTH}/oauth/github/callback?code=${Buffer.from(email).toString("base64url")}&state=${state}`);
  }

  async me() {
    return (await this.ask(`${AUTH}/me`)).json();
  }
}
