// Signs a webhook's body according to Standard Webhooks, and sends it or prints the headers.
//   node scripts/sign.mjs SECRET BODY               prints curl's -H options, one per line, for: curl … $(…)
//   node scripts/sign.mjs --send URL SECRET BODY    sends it and prints the response
// SECRET is whsec_<base64>, or @FILE: the webhook_secret of a credentials.json, or WEBHOOK_SECRETS of a .dev.vars.
import { createHmac, randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { ask } from "./ask.mjs";

/** The three headers for a body; `at` is in milliseconds. The secret after whsec_ is base64 and is decoded first. */
export function signed(secret, body, { id = `msg_${randomUUID()}`, at = Date.now() } = {}) {
  const timestamp = Math.floor(at / 1000);
  const key = Buffer.from(secret.replace(/^whsec_/, ""), "base64");
  const signature = createHmac("sha256", key).update(`${id}.${timestamp}.${body}`).digest("base64");
  return { "webhook-id": id, "webhook-timestamp": String(timestamp), "webhook-signature": `v1,${signature}` };
}

/** The secret itself, or the one in the file named after the @. */
export function secretOf(argument) {
  if (!argument.startsWith("@")) return argument;
  const text = readFileSync(argument.slice(1), "utf8");
  const found = text.match(/whsec_[A-Za-z0-9+/=]+/);
  if (!found) throw new Error(`no whsec_… in ${argument.slice(1)}`);
  return found[0];
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const words = process.argv.slice(2);
  const url = words[0] === "--send" ? words.splice(0, 2)[1] : null;
  const [secret, body] = words;
  if (!secret || body === undefined) {
    console.error("usage: node scripts/sign.mjs [--send URL] SECRET BODY");
    process.exit(2);
  }
  const headers = signed(secretOf(secret), body);
  if (url) {
    const answer = await ask(url, { method: "POST", headers: { ...headers, "content-type": "application/json" }, body });
    console.log(`${answer.status} ${await answer.text()}`);
    process.exit(answer.ok ? 0 : 1);
  }
  // No value contains a space, so the shell may split the lines into words.
  for (const [name, value] of Object.entries(headers)) console.log(`-H ${name}:${value}`);
}
