// Deploys the Worker with wrangler: its code, files, settings, routes and cron triggers.
import { cpSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Copies the upload into a separate folder, so that a build meanwhile does not change it. */
export function layOut({ built, folder, config }) {
  rmSync(join(folder, "worker"), { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  cpSync(built, join(folder, "worker"), { recursive: true, filter: (path) => !path.endsWith(".inputs") });
  writeFileSync(join(folder, "wrangler.json"), `${JSON.stringify(config, null, 2)}\n`);
}

/** The last lines of wrangler's output, without decoration. */
const tail = (output) => output.split("\n").map((line) => line.trimEnd()).filter((line) => line && !/^[─—]+$/.test(line)).slice(-25).join("\n");

/** Uploads it. */
export async function upload({ wrangler, folder, message, isDry }) {
  const words = ["deploy", "--config", join(folder, "wrangler.json"), ...(isDry ? ["--dry-run", "--outdir", join(folder, "dry-run")] : ["--message", message])];
  const { status, output } = await wrangler(words);
  if (status === 0) return { output, said: /Current Version ID: (\S+)/.exec(output)?.[1] ?? "" };
  const hint = /send_email|binding EMAIL|email sending/i.test(output) ? "\nIf this is about mail: remove the two lines of [[send_email]] from the file. Mails then wait in the outbox, or leave by MAIL_API_KEY." : "";
  throw new Error(`wrangler did not deploy (status ${status}):\n${tail(output)}${hint}`);
}
