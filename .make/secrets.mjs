// Random secrets in the forms the Worker expects. Used by `make serve` (into STATE/credentials.json) and `make dev`
// (into .dev.vars).
import { createHash, randomBytes } from "node:crypto";

/** A fresh set: what the senders hold, and the keys only the Worker holds. */
export function newSecrets() {
  return {
    operator_token: `mop_${randomBytes(24).toString("hex")}`,
    webhook_secret: `whsec_${randomBytes(32).toString("base64")}`,
    emdash_token: randomBytes(24).toString("hex"),
    forms_secret: randomBytes(24).toString("hex"),
    cookie_keys: `k1:${randomBytes(32).toString("hex")}`,
  };
}

/** The Worker's environment for a set. Of the operator's token it only ever sees the hash. */
export function workerSecrets(secrets) {
  return {
    COOKIE_KEYS: secrets.cookie_keys,
    WEBHOOK_SECRETS: secrets.webhook_secret,
    EMDASH_TOKENS: secrets.emdash_token,
    FORMS_SECRETS: secrets.forms_secret,
    OPERATOR_BOOTSTRAP_TOKEN_SHA256: createHash("sha256").update(secrets.operator_token).digest("hex"),
  };
}
