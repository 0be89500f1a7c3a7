// Takes in whole blocks through the Worker's own API: enrollment and the webhook.
import { installPresets } from "../../scripts/presets.mjs";
import { newSecrets, workerSecrets } from "../../scripts/secrets.mjs";
import { signed } from "../../scripts/sign.mjs";
import { start } from "./local.mjs";
import { block, enrolment, events } from "./world.mjs";

/** What posts JSON as an operator, or sends an event to the webhook. An answer that is no success stops the bench. */
export function sender(url, secrets) {
  const request = async (path, body, headers) => {
    const text = JSON.stringify(body);
    const answer = await fetch(url + path, { method: "POST", body: text, headers: { "content-type": "application/json", ...headers(text) } });
    const reply = await answer.text();
    if (!answer.ok) throw new Error(`${path} answered ${answer.status}: ${reply}\n${text}`);
    return JSON.parse(reply);
  };
  return {
    post: (path, body, key) => request(path, body, () => ({ authorization: `Bearer ${secrets.operator_token}`, ...(key && { "idempotency-key": key }) })),
    send: (event) => request("/v1/webhooks/events", event, (text) => signed(secrets.webhook_secret, text)),
  };
}

/** Enrolls the partners of the blocks and sends their events. Returns the number of events. */
export async function takeIn(state, size, names) {
  const secrets = newSecrets();
  const { miniflare, url } = await start(state, { bindings: workerSecrets(secrets) });
  const { post, send } = sender(url, secrets);
  await installPresets(url, secrets.operator_token);
  let sent = 0;
  for (const name of names) {
    const partners = block(name, size);
    const codes = new Map();
    for (const partner of partners) {
      const enrolled = await post("/v1/partners", enrolment(partner), partner.name);
      codes.set(partner.name, enrolled.code);
    }
    for (const event of events(partners, codes)) {
      await send(event);
      sent += 1;
    }
  }
  await miniflare.dispose();
  return sent;
}
