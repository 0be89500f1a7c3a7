// How the demo site asks the Worker in front of it: as an operator's script, as a sender of events, and as Cloudflare's cron.
import { randomUUID } from "node:crypto";
import { ask } from "../ask.mjs";
import { signed } from "../sign.mjs";

/** A run of months may take its time. */
const CRON_SECONDS_MAX = 900;

export class Worker {
  /** `cronPath`: where the local runtime takes the triggers of cron. */
  constructor({ url, cronPath, operatorToken, webhookSecret }) {
    Object.assign(this, { url, cronPath, operatorToken, webhookSecret });
  }

  async #call(path, init, seconds) {
    const answer = await ask(`${this.url}${path}`, { redirect: "manual", ...init }, seconds);
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${init?.method ?? "GET"} ${path} answered ${answer.status}: ${text.slice(0, 400)}`);
    return text;
  }

  /** What an operator may read. */
  async read(path) {
    return JSON.parse(await this.#call(path, { headers: { authorization: `Bearer ${this.operatorToken}` } }));
  }

  /** What an operator may do. */
  async #operate(path, body) {
    const headers = { authorization: `Bearer ${this.operatorToken}`, "content-type": "application/json" };
    return JSON.parse(await this.#call(path, { method: "POST", headers, body: JSON.stringify(body) }));
  }

  /** Enrols a partner. */
  enrol(partner) {
    return this.#operate("/v1/partners", { ...partner, disclosure_accepted: true });
  }

  /** Lets the payouts of a run go. */
  approve(run) {
    return this.#operate(`/v1/runs/${encodeURIComponent(run)}/approve`, {});
  }

  /** A signed event, as a shop's server sends it; the answer says what came of it. */
  async tell(event) {
    const id = `evt_shop_${randomUUID()}`;
    const body = JSON.stringify({ id, occurred_at: new Date().toISOString(), ...event });
    const headers = { "content-type": "application/json", ...signed(this.webhookSecret, body, { id }) };
    return JSON.parse(await this.#call("/v1/webhooks/events", { method: "POST", headers, body }));
  }

  /** Who referred the visitor whose cookies these are. */
  async attribution(cookie) {
    return JSON.parse(await this.#call("/v1/attribution", { headers: cookie ? { cookie } : {} }));
  }

  /** A trigger of cron, as if it were `time`. */
  async cron(cron, time) {
    await this.#call(`${this.cronPath}?cron=${encodeURIComponent(cron)}&time=${time}`, {}, CRON_SECONDS_MAX);
  }
}
