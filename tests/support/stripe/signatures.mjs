// Stripe's signature over a webhook's body.
import { createHmac } from "node:crypto";

/** Every currently valid secret signs. The key is the literal text of the secret, including `whsec_`. */
export function signature(body, secrets, at) {
  const sign = (secret) => createHmac("sha256", secret).update(`${at}.${body}`).digest("hex");
  // Test events also carry the scheme v0, which proves nothing and must not be accepted.
  return [`t=${at}`, ...secrets.map((secret) => `v1=${sign(secret)}`), `v0=${sign("not a secret")}`].join();
}
