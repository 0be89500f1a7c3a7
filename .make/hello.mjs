// Prints what `make dev` ends with: the address, and curl lines to paste that show a click, a webhook and a cron run.
//   node .make/hello.mjs BASE_URL OPERATOR_TOKEN MEMORY_FILE (of demo.mjs) [STRIPE_STAND_IN_URL]
import { existsSync, readFileSync } from "node:fs";

const [url, token, memoryFile, stripe] = process.argv.slice(2);
const memory = existsSync(memoryFile) ? JSON.parse(readFileSync(memoryFile, "utf8")) : {};
const code = memory.codes?.ada ?? "CODE";

// The last Monday, 09:00 UTC, that has passed: the run takes its period from this, not from the clock.
const now = new Date();
const monday = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth(), now.getUTCDate() - ((now.getUTCDay() + 6) % 7), 9));
if (monday > now) monday.setUTCDate(monday.getUTCDate() - 7);

// The first of this month, 06:00 UTC.
const first = Date.UTC(now.getUTCFullYear(), now.getUTCMonth(), 1, 6);
const operator = `-H 'Authorization: Bearer ${token}'`;
const moneyOut = `A payout: the monthly run plans it, you approve the run, ${stripe ? "the stand-in for Stripe has the transfer" : "Stripe moves it"}:
  curl -i '${url}/cdn-cgi/handler/scheduled?cron=0+6+1+*+*&time=${first}'
  RUN=$(curl -s '${url}/v1/payouts?state=planned' ${operator} | node -p 'JSON.parse(require("fs").readFileSync(0)).data[0].run')
  curl -s -X POST ${url}/v1/runs/$RUN/approve ${operator}
  curl -s '${url}/v1/payouts?state=paid' ${operator}`;
const atStripe = stripe
  ? `  curl -s ${stripe}/_test/state/transfer`
  : `Stripe's own test mode is used. Its webhooks, with the secret that this prints in .dev.vars as STRIPE_WEBHOOK_SECRETS and
STRIPE_CONNECT_WEBHOOK_SECRETS:
  stripe listen --forward-to ${url}/v1/webhooks/stripe --forward-connect-to ${url}/v1/webhooks/stripe-connect`;

const event = JSON.stringify({
  id: `evt_hello_${Math.floor(now / 1000)}`,
  type: "account.signed_up",
  occurred_at: `${now.toISOString().slice(0, 19)}Z`,
  account: { id: "acct_you", email: "you@example.com" },
  attribution: { code },
});

console.log(`
Manicule runs at ${url}${memory.done ? ", with demo data" : ""}. Ctrl-C ends it.

A click (answers 302 and sets the signed cookie):
  curl -i ${url}/r/${code} -H 'Sec-Fetch-Mode: navigate' -H 'Sec-Fetch-Dest: document' -A 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0'

A signed webhook (a sign-up that carries the code):
  BODY='${event}'; curl -i ${url}/v1/webhooks/events -H 'content-type: application/json' $(node .make/sign.mjs @.dev.vars "$BODY") -d "$BODY"

The Monday run (of ${monday.toISOString().slice(0, 10)}, 09:00 UTC):
  curl -i '${url}/cdn-cgi/handler/scheduled?cron=0+9+*+*+MON&time=${monday.getTime()}'

What it did to the ledger:
  curl -s ${url}/v1/ledger/transfers ${operator}

${moneyOut}
${atStripe}
`);
