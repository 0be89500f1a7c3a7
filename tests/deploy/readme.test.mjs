// README's steps 4 to 8, word for word, against the uploaded Worker: the commands are taken from the file itself. Only
// the URL, which nobody here owns, is replaced.
import { settle } from "./support/journey.mjs";
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { config, deployed, root, standIn } from "./support/harness.mjs";
import { run } from "./support/workerd.mjs";

/** The text of a numbered step of "Deploy". */
export function stepOf(number) {
  const deploy = /\n## Deploy\n([^]*?)\n### /.exec(readFileSync(join(root, "README.md"), "utf8"))[1];
  return new RegExp(`\\n${number}\\. [^]*?(?=\\n${number + 1}\\. |$)`).exec(`\n${deploy}`)[0];
}
const blocks = (text) => [...text.matchAll(/```\n([^]*?)```/g)].map(([, block]) => block.replace(/^ {3}/gm, "").trim());
const inline = (text, start) => new RegExp(`\`(${start}[^\`]*)\``).exec(text)[1];

/** Runs a command of the README in bash. */
function shell(command, env) {
  return new Promise((done) => {
    execFile("bash", ["-c", `set -eo pipefail\n${command}`], { cwd: root, env: { ...process.env, PATH: `${join(root, "node_modules/.bin")}:${process.env.PATH}`, ...env } }, (error, stdout, stderr) => done({ status: error ? (error.code ?? 1) : 0, stdout, stderr }));
  });
}
async function works(command, env) {
  const found = await shell(command, env);
  assert.equal(found.status, 0, `${command}\n${found.stdout}${found.stderr}`);
  return found;
}

test("from a deployment to the reward", async (t) => {
  const served = await standIn(t);
  const zones = [{ id: "z1", name: "example.com", status: "active" }];
  Object.assign(served.world, { zones });
  // Step 2's settings, as the README has them.
  const [route] = blocks(stepOf(2).replace("```toml", "```"));
  assert.equal(route, 'routes = [{ pattern = "example.com/*", zone_name = "example.com" }]');
  const settings = config({ routes: [{ pattern: "example.com/*", zone_name: "example.com" }], vars: { ...config().vars, SITE_URL: "https://example.com" } });
  const { output } = await deployed(served, { config: settings, real: true });

  // 4. Secrets: the commands that the deployment prints are those in the README.
  const [secret] = blocks(stepOf(4));
  assert.ok(output.includes(`  ${secret}\n`), output);
  const kept = {};
  const commands = [...output.matchAll(/^ {2}(node scripts\/secrets\.mjs \S+ \| npx wrangler secret put .*)$/gm)].map(([, one]) => one);
  assert.equal(commands.length, 5);
  for (const command of commands) {
    const { stderr } = await works(command, served.env);
    const [, name, value] = /keep this \(([^)]*)\): (\S+)/.exec(stderr) ?? [];
    if (name) kept[name] = value;
  }
  const again = await deployed(served, { config: settings, real: true });
  assert.doesNotMatch(again.output, /secret put/);
  assert.match(again.output, /\/healthz shows whether everything works/);

  const log = [];
  const worker = await run(served, "manicule", { log });
  t.after(() => worker.close().catch(() => {}));
  const here = (text) => text.replaceAll("https://example.com", worker.url);
  const env = { OPERATOR_TOKEN: kept["operator token"], WEBHOOK_SECRET: kept["webhook secret"] };
  const ask = async (path) => {
    const answer = await fetch(`${worker.url}${path}`, { headers: { authorization: `Bearer ${env.OPERATOR_TOKEN}` } });
    assert.equal(answer.status, 200, `${path}: ${await answer.clone().text()}`);
    return answer.json();
  };

  // 5. Programs. The URL may end with a slash, and the result is printed.
  const install = here(inline(stepOf(5), "node scripts/presets")).replace("OPERATOR_TOKEN", env.OPERATOR_TOKEN);
  const first = await works(install.replace(worker.url, `${worker.url}/`), env);
  for (const id of ["agency-partner", "developer-affiliate", "partner-funnel", "tiered-credits", "user-referral"]) assert.match(first.stdout, new RegExp(`^${id}: version \\d+ saved$`, "m"));
  assert.match((await works(install, env)).stdout, /^user-referral: version 1 is there already$/m);

  // 6. A partner and a link.
  const [curl] = blocks(stepOf(6));
  const partner = JSON.parse((await works(here(curl).replace("curl ", "curl -sS --fail-with-body "), env)).stdout);
  assert.ok(partner.url, JSON.stringify(partner));
  // "Open it in a browser": Node's fetch does not identify itself as a browser.
  const click = (await works(`curl -sSi ${worker.url}${new URL(partner.url).pathname} -A 'Mozilla/5.0 Firefox/140' -H 'Sec-Fetch-Mode: navigate' -H 'Sec-Fetch-Dest: document'`, env)).stdout;
  assert.match(click, /^HTTP\/1\.1 302 /);
  assert.match(click, /^location: https:\/\/example\.com\/?\r$/im);
  assert.match(click, /^set-cookie: __Host-manicule=v1\./im);

  // 7. Events.
  const [events] = blocks(stepOf(7));
  const sent = await works(here(events).replaceAll('"CODE"', `"${partner.code}"`), env);
  assert.deepEqual(sent.stdout.match(/^2\d\d /gm)?.length, 2, sent.stdout);

  // 8. The reward: the next Monday run after 14 days and a month.
  const monday = new Date(Date.now() + 40 * 86_400_000);
  monday.setUTCDate(monday.getUTCDate() + ((8 - monday.getUTCDay()) % 7));
  monday.setUTCHours(9, 0, 0, 0);
  await settle(worker, env.OPERATOR_TOKEN, monday.getTime());
  const [, transfers, receipt] = /`GET (\S+)` shows it, `GET (\S+)` explains why/.exec(stepOf(8));
  assert.match(JSON.stringify(await ask(transfers)), /"[a-z_]*cents":5000[,}]/, "no credit of $50");
  const why = await ask(receipt);
  assert.match(JSON.stringify(why), new RegExp(partner.id));
  assert.deepEqual(log.filter((line) => /panic|error/i.test(line)), []);
});
