// Prints what `make dev` ends with: the address, and curl lines to paste that show a click, a webhook and a cron run.
//   node .make/hello.mjs BASE_URL OPERATOR_TOKEN MEMORY_FILE (of demo.mjs)
import { existsSync, readFileSync } from "node:fs";

const [url, token, memoryFile] = process.argv.slice(2);
const memory = existsSync(memoryFile) ? JSON.parse(readFileSync(memoryFile, "utf8")) : {};
const code = memory.codes?.ada ?? "CODE";

// The last Monday, 09:00 UTC, that has passed: the run takes its period from this, not from the clock.
const now = new Date();
const monday = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth(), now.getUTCDate() - ((now.getUTCDay() + 6) % 7), 9));
if (monday > now) monday.setUTCDate(monday.getUTCDate() - 7);

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
  curl -s ${url}/v1/ledger/transfers -H 'Authorization: Bearer ${token}'
`);
