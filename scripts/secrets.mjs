// Random secrets in the forms the Worker expects. Used by `make serve` (into STATE/credentials.json) and `make dev`
// (into .dev.vars).
import { createHash, randomBytes } from "node:crypto";
import { fileURLToPath } from "node:url";

/** A fresh set: the senders' secrets, and the keys that only the Worker has. */
export function newSecrets() {
  return {
    operator_token: `mop_${randomBytes(24).toString("hex")}`,
    webhook_secret: `whsec_${randomBytes(32).toString("base64")}`,
    emdash_token: randomBytes(24).toString("hex"),
    forms_secret: randomBytes(24).toString("hex"),
    cookie_keys: `k1:${randomBytes(32).toString("hex")}`,
    // Stripe creates its own secrets; these are the stand-in's.
    stripe_webhook_secret: `whsec_${randomBytes(24).toString("hex")}`,
    stripe_connect_webhook_secret: `whsec_${randomBytes(24).toString("hex")}`,
  };
}

/** The Worker's secrets for Stripe's webhooks. For `wrangler secret put`, use the ones that Stripe shows. */
export function stripeSecrets(secrets) {
  return {
    STRIPE_WEBHOOK_SECRETS: secrets.stripe_webhook_secret,
    STRIPE_CONNECT_WEBHOOK_SECRETS: secrets.stripe_connect_webhook_secret,
  };
}

/** The Worker's environment for a set. It contains only the hash of the operator's token. */
export function workerSecrets(secrets) {
  return {
    COOKIE_KEYS: secrets.cookie_keys,
    WEBHOOK_SECRETS: secrets.webhook_secret,
    EMDASH_TOKENS: secrets.emdash_token,
    FORMS_SECRETS: secrets.forms_secret,
    OPERATOR_BOOTSTRAP_TOKEN_SHA256: createHash("sha256").update(secrets.operator_token).digest("hex"),
  };
}

const lines = (values) => Object.entries(values).map(([name, value]) => `${name}="${value}"\n`).join("");

/** A complete .dev.vars. */
export function devVars() {
  const secrets = newSecrets();
  return `# Local secrets, made at random by make dev. Not for production, not for git.
# The operator's token, of which the Worker knows the hash: OPERATOR_TOKEN=${secrets.operator_token}
${lines(workerSecrets(secrets))}`;
}

/** What the Stripe stand-in adds to it. */
export function stripeVars() {
  return `# Of the Stripe stand-in. With STRIPE_API_KEY set, both become the secret that \`stripe listen\` prints.
${lines(stripeSecrets(newSecrets()))}`;
}

// As a command: node scripts/secrets.mjs NAME prints a fresh value for `wrangler secret put NAME` on stdout, and on
// stderr the value to keep, because it cannot be read back. `--names` prints the names.
if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [name] = process.argv.slice(2);
  const secrets = newSecrets();
  const values = workerSecrets(secrets);
  if (name === "--names") {
    console.log(Object.keys(values).join("\n"));
  } else if (name in values) {
    const keep = { WEBHOOK_SECRETS: "webhook_secret", EMDASH_TOKENS: "emdash_token", FORMS_SECRETS: "forms_secret", OPERATOR_BOOTSTRAP_TOKEN_SHA256: "operator_token" };
    if (keep[name]) console.error(`keep this (${keep[name].replace("_", " ")}): ${secrets[keep[name]]}`);
    process.stdout.write(values[name]);
  } else {
    console.error(`usage: node scripts/secrets.mjs ${Object.keys(values).join(" | ")}`);
    process.exit(2);
  }
}
