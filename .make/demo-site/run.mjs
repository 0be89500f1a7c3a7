// Runs the demo site until it is told to end, or until whoever started it ends; for .make/dev.
//   node .make/demo-site/run.mjs WORKER_URL OPERATOR_TOKEN WEBHOOK_SECRET MEMORY_FILE STATE_FILE [emdash]
// Prints the Worker's settings, a line NAME:VALUE each, then an empty line.
import { start } from "./server.mjs";

const [url, operatorToken, webhookSecret, memoryFile, stateFile, emdash] = process.argv.slice(2);
const worker = { url, operatorToken, webhookSecret, cronPath: "/cdn-cgi/handler/scheduled" };
const site = await start({ worker, memoryFile, stateFile, emdash: emdash === "emdash" });
const end = () => process.exit(0);
for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"]) process.once(signal, end);
const parent = process.ppid;
setInterval(() => process.ppid !== parent && end(), 300).unref();
for (const [name, value] of Object.entries(site.vars)) console.log(`${name}:${value}`);
console.log("");
