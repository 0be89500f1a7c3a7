// What a click leaves behind in D1: rows written for each click, as D1 counts and bills them, and for its removal, and what a
// million clicks cost by Cloudflare's list prices.
//   node tests/bench/clicks.mjs
// Fails if a click that is written alone takes more than two rows (three with a fingerprint), a bot more than two, or a click
// among a thousand more than 1.1 (2.1).
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { randomBytes } from "node:crypto";
import { newState, open, savePreset, start } from "./local.mjs";
import { CHROME, sleep, visiting } from "./measured.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
const ALONE = 20;
const MANY = 4_000;
const AT_ONCE = 200;
/** Clicks are written 100 ms after the first. */
const SETTLED_MS = 700;
const BOT = "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)";
/** Dollars for a million, beyond what the paid plan includes. */
const ROW_WRITTEN = 1.0;
const ROW_READ = 0.001;
const REQUEST = 0.3;
const DAYS_LATER = 500;

/** A copy of the built Worker that logs what D1 says of each statement. */
function telling() {
  const folder = mkdtempSync(join(tmpdir(), "manicule-clicks-"));
  cpSync(join(root, "target/worker/release"), folder, { recursive: true });
  const file = join(folder, "index.js");
  const code = readFileSync(file, "utf8");
  const told = code.replace(/(\w+)\?\.rows_written\?\?0/, '(console.log(JSON.stringify({message:"call",written:$1?.rows_written??0,read:$1?.rows_read??0})),$1?.rows_written??0)');
  if (told === code) throw new Error("the built Worker does not count rows as expected");
  writeFileSync(file, told);
  return folder;
}

let network = 0;

/** A visit from a network of its own. */
function visit(url, code, agent) {
  network += 1;
  const headers = visiting(network, agent);
  return new Promise((done, failed) => {
    const sent = request(`${url}/r/${code}`, { headers }, (answer) => {
      answer.resume();
      answer.on("end", () => (answer.statusCode === 302 ? done() : failed(new Error(`status ${answer.statusCode}`))));
    });
    sent.on("error", failed).end();
  });
}

const folder = telling();
const state = await newState();
const database = open(state);
for (const [program, code] of [["user-referral", "plain"], ["tiered-credits", "printed"]]) {
  savePreset(database, program);
  database.exec(`INSERT INTO partner (id, program_id, external_id, code, disclosure_accepted_at_ms, created_at_ms) VALUES ('ptn_${code}', '${program}', '${code}', '${code}', 1, 0);
    INSERT INTO link (code, partner_id, program_id, created_at_ms) VALUES ('${code}', 'ptn_${code}', '${program}', 0);`);
}
database.close();
const { miniflare, url, log, db } = await start(state, { folder, bindings: { COOKIE_KEYS: `k1:${randomBytes(32).toString("hex")}`, D1_STATEMENTS_MAX: "1000" } });

/** The rows since the last call. */
function rows() {
  const sum = (part) => log.reduce((all, one) => all + (one[part] ?? 0), 0);
  const found = { written: sum("written"), read: sum("read") };
  log.length = 0;
  return found;
}

const stored = async () => (await db.prepare("SELECT COUNT(*) AS clicks FROM click").first()).clicks;
const failures = [];

async function measured(name, code, agent, many, atOnce, most) {
  await visit(url, code, agent);
  await sleep(2 * SETTLED_MS);
  rows();
  const before = await stored();
  for (let sent = 0; sent < many; sent += atOnce) {
    await Promise.all(Array.from({ length: Math.min(atOnce, many - sent) }, () => visit(url, code, agent)));
    if (atOnce === 1) await sleep(SETTLED_MS);
  }
  await sleep(3 * SETTLED_MS);
  const clicks = agent === BOT ? many : (await stored()) - before;
  if (clicks !== many) failures.push(`${name}: ${clicks} of ${many} clicks stored`);
  const { written, read } = rows();
  const each = { written: written / many, read: read / many };
  const isMet = each.written <= most;
  if (!isMet) failures.push(name);
  console.log(`${isMet ? "PASS" : "FAIL"}  ${name.padEnd(44)} ${each.written.toFixed(2)} rows written (at most ${most}), ${each.read.toFixed(1)} read`);
  return each;
}

const sweep = async () => (await miniflare.getWorker("manicule")).scheduled({ cron: "*/10 * * * *", scheduledTime: new Date() });

/** The sweeps' rows for what is to be removed of so many clicks. */
async function removed(name, code, sql) {
  const many = (await db.prepare(`SELECT COUNT(*) AS clicks FROM click WHERE code = '${code}'`).first()).clicks;
  await sweep();
  rows();
  await sweep();
  const idle = rows();
  await db.prepare(sql).run();
  await sweep();
  const { written } = rows();
  const each = (written - idle.written) / many;
  console.log(`      ${name.padEnd(44)} ${each.toFixed(2)} rows written, of ${many} clicks`);
  return each;
}

try {
  const alone = await measured("a click alone", "plain", CHROME, ALONE, 1, 2);
  const printedAlone = await measured("a click alone, with a fingerprint", "printed", CHROME, ALONE, 1, 3);
  await measured("a bot's request alone", "plain", BOT, ALONE, 1, 2);
  const among = await measured("a click among many", "plain", CHROME, MANY, AT_ONCE, 1.1);
  const printedAmong = await measured("a click among many, with a fingerprint", "printed", CHROME, MANY, AT_ONCE, 2.1);
  await measured("a bot's request among many", "plain", BOT, MANY, AT_ONCE, 0.2);
  const later = `hour = hour - 24 * ${DAYS_LATER}, clicked_at_ms = clicked_at_ms - 86400000 * ${DAYS_LATER}`;
  const erased = await removed("removing a fingerprint", "printed", "UPDATE click SET fingerprint = 'fp_202001' || substr(fingerprint, 10) WHERE fingerprint IS NOT NULL");
  const gone = await removed("removing a click", "plain", `UPDATE click SET ${later} WHERE code = 'plain'`);
  if ((await db.prepare("SELECT COUNT(*) AS clicks FROM click WHERE code = 'plain'").first()).clicks > 0) failures.push("old clicks are left");
  const kept = await db.prepare("SELECT SUM(clicks) AS clicks FROM channel_sum").first();
  console.log(`      ${kept.clicks} clicks in the sums that stay`);
  console.log("\na million clicks, in dollars (rows written, their removal, rows read, requests):");
  const cost = (name, each, removal) => {
    const parts = [each.written * ROW_WRITTEN, removal * ROW_WRITTEN, each.read * ROW_READ, REQUEST];
    console.log(`  ${name.padEnd(36)} ${parts.map((part) => part.toFixed(2)).join(" + ")} = ${parts.reduce((sum, part) => sum + part, 0).toFixed(2)}`);
  };
  cost("each alone", alone, gone);
  cost("each alone, with a fingerprint", printedAlone, gone + erased);
  cost("many at once", among, gone);
  cost("many at once, with a fingerprint", printedAmong, gone + erased);
} finally {
  await miniflare.dispose();
  rmSync(folder, { recursive: true, force: true });
}
if (failures.length > 0) console.error(`missed: ${failures.join(", ")}`);
process.exit(failures.length > 0 ? 1 : 0);
