// Runs wrangler as a child process: with the account that was found, without questions, and always with a timeout.
import { spawn } from "node:child_process";
import { join } from "node:path";

const MINUTES_MAX = 10;

/**
 * Returns a function that runs wrangler with arguments and returns its exit status and output, all of it and that of
 * stdout. `accountId` may be set later.
 */
export function runner(root, env) {
  const run = (words) =>
    new Promise((done, failed) => {
      const child = spawn(process.execPath, [join(root, "node_modules/wrangler/bin/wrangler.js"), ...words], {
        cwd: root,
        stdio: ["ignore", "pipe", "pipe"],
        timeout: MINUTES_MAX * 60_000,
        env: { ...env, ...(run.accountId && { CLOUDFLARE_ACCOUNT_ID: run.accountId }), CI: "1", WRANGLER_SEND_METRICS: "false", WRANGLER_HIDE_BANNER: "true", NO_COLOR: "1" },
      });
      run.child = child;
      let output = "";
      let stdout = "";
      // As text: a character may arrive in two pieces.
      for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text) => (output += text));
      child.stdout.on("data", (text) => (stdout += text));
      child.once("error", failed);
      child.once("close", (status, signal) => {
        run.child = undefined;
        if (signal) output += `\nwrangler was ended by ${signal}${signal === "SIGTERM" ? ` (after ${MINUTES_MAX} minutes, or by hand)` : ""}`;
        done({ status: status ?? 1, output, stdout });
      });
    });
  return run;
}
