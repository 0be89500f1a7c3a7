// Runs the Stripe stand-in until it receives a signal.
//   node tests/support/stripe/serve.mjs [--port N] [--state file.json] [--balance cents] [--rate-limit off]
//     [--webhooks http://127.0.0.1:8787] [--secret whsec_…] [--connect-secret whsec_…] [--until-parent-ends]
// Prints {"url": …} as one line when it is ready. A secret that is given twice signs twice, as during a rotation at
// Stripe.
import { parseArgs } from "node:util";
import { start } from "./server.mjs";

function options() {
  const text = { type: "string" };
  const several = { type: "string", multiple: true };
  const { values } = parseArgs({
    options: { port: text, state: text, balance: text, webhooks: text, "rate-limit": text, secret: several, "connect-secret": several, "until-parent-ends": { type: "boolean" } },
  });
  const whole = (name) => {
    if (values[name] !== undefined && !/^\d+$/.test(values[name])) throw new Error(`--${name} is not a whole number: ${values[name]}`);
    return Number(values[name] ?? 0);
  };
  if (values.webhooks && !(values.secret && values["connect-secret"])) throw new Error("--webhooks needs --secret and --connect-secret");
  if (![undefined, "on", "off"].includes(values["rate-limit"])) throw new Error("--rate-limit is on or off");
  return {
    port: whole("port"),
    balance: whole("balance"),
    state: values.state,
    webhooks: values.webhooks?.replace(/\/$/, ""),
    secrets: values.secret,
    connectSecrets: values["connect-secret"],
    rateLimit: values["rate-limit"] !== "off",
    untilParentEnds: values["until-parent-ends"] === true,
  };
}

try {
  const { untilParentEnds, ...given } = options();
  const standIn = await start(given);
  const end = async () => {
    // Saves what is known by now, even if deliveries are still in progress.
    setTimeout(() => {
      standIn.world.store.flush();
      process.exit(0);
    }, 2000).unref();
    await standIn.close();
    process.exit(0);
  };
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"]) process.once(signal, end);
  // The process that started it may be killed without a chance to send a signal.
  const parent = process.ppid;
  if (untilParentEnds) setInterval(() => process.ppid !== parent && end(), 300).unref();
  console.log(JSON.stringify({ url: standIn.url }));
} catch (error) {
  console.error(`error: ${error.message}`);
  process.exit(2);
}
