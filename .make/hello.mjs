// Prints what `make dev` ends with: the address, and what to click.
//   node .make/hello.mjs BASE_URL OPERATOR_TOKEN MEMORY_FILE (of demo.mjs) [STRIPE_STAND_IN_URL]
import { existsSync, readFileSync } from "node:fs";

/** The lines; `isLoaded`: the demo data is there; without `stripe` Stripe's own test mode is used. */
export function greeting(url, token, isLoaded, stripe) {
  const atStripe = stripe
    ? `Payouts go to a stand-in for Stripe: ${stripe}/_test/state/transfer`
    : `Payouts go to Stripe's test mode. Its webhooks, with the secret that this prints in .dev.vars as STRIPE_WEBHOOK_SECRETS
and STRIPE_CONNECT_WEBHOOK_SECRETS:
  stripe listen --forward-to ${url}/v1/webhooks/stripe --forward-connect-to ${url}/v1/webhooks/stripe-connect`;
  return `
Manicule runs${isLoaded ? " with demo data" : ""}. Ctrl-C ends it.

  Open ${url}/

  The page says what to click: join as a partner, earn a commission in the shop, approve its payout.
  Mails are at ${url}/dev/mail, the shop is at ${url}/shop.

The operator's token, for the API: ${token}
${atStripe}
`;
}

if (process.argv[1] === import.meta.filename) {
  const [url, token, memoryFile, stripe] = process.argv.slice(2);
  const isLoaded = existsSync(memoryFile) && JSON.parse(readFileSync(memoryFile, "utf8")).done === true;
  console.log(greeting(url, token, isLoaded, stripe));
}
