// Stripe's signature over a webhook's body.
import { createHmac } from "node:crypto";

/** Each secret that is valid now signs; the key is the literal text of the secret, `whsec_` included. */
export function signature(body, secrets, at) {
  const sign = (secret) => createHmac("sha256", secret).update(`${at}.${body}`).digest("hex");
  // Test events also carry the scheme v0, which proves nothing and which nobody may accept.
  return [`t=${at}`, ...secrets.map((secret) => `v1=${sign(secret)}`), `v0=${sign("not a secret")}`].join();
}
