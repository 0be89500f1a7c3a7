// The demo site's requests to the Worker: as an operator's script, as a sender of events, and as Cloudflare's cron.
import { randomUUID } from "node:crypto";
import { ask } from "../ask.mjs";
import { signed } from "../sign.mjs";

/** A run of several months may take a while. */
const CRON_SECONDS_MAX = 900;

export class Worker {
  /** `cronPath`: where the local runtime accepts cron triggers. */
  constructor({ url, cronPath, operatorToken, webhookSecret }) {
    Object.assign(this, { url, cronPath, operatorToken, webhookSecret });
  }

  async #call(path, init, seconds) {
    const answer = await ask(`${this.url}${path}`, { redirect: "manual", ...init }, seconds);
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${init?.method ?? "GET"} ${path} answered ${answer.status}: ${text.slice(0, 400)}`);
    return text;
  }

  /** Reads as an operator. */
  async read(path) {
    return JSON.parse(await this.#call(path, { headers: { authorization: `Bearer ${this.operatorToken}` } }));
  }

  /** Writes as an operator. */
  async #operate(path, body) {
    const headers = { authorization: `Bearer ${this.operatorToken}`, "content-type": "application/json" };
    return JSON.parse(await this.#call(path, { method: "POST", headers, body: JSON.stringify(body) }));
  }

  /** Enrolls a partner. */
  enrol(partner) {
    return this.#operate("/v1/partners", { ...partner, disclosure_accepted: true });
  }

  /** Adds to a partner's balance, or takes from it. */
  adjust(request) {
    return this.#operate("/v1/adjustments", request);
  }

  /** What a monthly run would do. */
  preview(program, period) {
    return this.#operate("/v1/runs", { program, cadence: "monthly", period, preview: true });
  }

  /** Approves the payouts of a run. */
  approve(run) {
    return this.#operate(`/v1/runs/${encodeURIComponent(run)}/approve`, {});
  }

  /** Sends a signed event, as a shop's server does. The response reports the result. */
  async tell(event) {
    const id = `evt_shop_${randomUUID()}`;
    const body = JSON.stringify({ id, occurred_at: new Date().toISOString(), ...event });
    const headers = { "content-type": "application/json", ...signed(this.webhookSecret, body, { id }) };
    return JSON.parse(await this.#call("/v1/webhooks/events", { method: "POST", headers, body }));
  }

  /** The partner who referred the visitor with these cookies. */
  async attribution(cookie) {
    return JSON.parse(await this.#call("/v1/attribution", { headers: cookie ? { cookie } : {} }));
  }

  /** Fires a cron trigger as of `time`. */
  async cron(cron, time) {
    await this.#call(`${this.cronPath}?cron=${encodeURIComponent(cron)}&time=${time}`, {}, CRON_SECONDS_MAX);
  }
}
