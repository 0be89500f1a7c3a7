// Takes a picture of every page: node tests/browser/support/screenshots.mjs FOLDER
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { html } from "../../../.make/demo-site/html.mjs";
import { Browser, DESKTOP, PHONE } from "./browser.mjs";
import { OPERATORS_OTHERS, crawl, partnersOthers } from "./pages.mjs";
import { becomeCustomer, signIn, signInAsOperator } from "./people.mjs";
import { prepare, writeGuide } from "./prepare.mjs";
import { serve } from "./server.mjs";

const OPEN = ["/", "/shop", "/dev/mail", "/sign-in", "/sign-in/sent", "/sign-in/token", "/partner/join", "/sign-out", "/partner/nowhere"];
const SIZES = { desktop: DESKTOP, phone: PHONE };
const SCHEMES = ["light", "dark"];

const [folder] = process.argv.slice(2);
const taken = [];

async function picture(browser, role, shape, address) {
  const page = { role, shape, files: {} };
  for (const [size, box] of Object.entries(SIZES)) {
    await browser.resize(box);
    await browser.go(address);
    for (const scheme of SCHEMES) {
      await browser.scheme(scheme);
      const { data } = await browser.send("Page.captureScreenshot", { captureBeyondViewport: true });
      const name = `${shape.startsWith(`/${role}`) ? "" : role}${shape.replaceAll(/[^a-z]+/g, "-").replace(/-$/, "").replace(/^-/, "")}-${size}-${scheme}.png`;
      writeFileSync(join(folder, name), Buffer.from(data, "base64"));
      page.files[`${size} ${scheme}`] = name;
    }
  }
  await browser.scheme("light");
  await browser.resize(DESKTOP);
  taken.push(page);
}

/** Clicks of a month: they are dated by the Worker's clock alone, so for the pictures the books of clicks are made older. */
function clicksOfAMonth(database) {
  const today = Math.floor(Date.now() / 86_400_000);
  const link = database.prepare("SELECT partner_id, code FROM link_day WHERE signups > 0 ORDER BY signups DESC LIMIT 1").get();
  const add = database.prepare(
    "INSERT INTO link_day (partner_id, code, day, clicks) VALUES (?, ?, ?, ?) ON CONFLICT (partner_id, code, day) DO UPDATE SET clicks = clicks + excluded.clicks",
  );
  for (let ago = 29; ago >= 0; ago -= 1) {
    const clicks = Math.max(0, Math.round(9 + 6 * Math.sin(ago / 3) + 3 * Math.cos(ago * 1.7)));
    add.run(link.partner_id, link.code, today - ago, clicks);
  }
}

/** Visitors of last week, in the books of the funnel: for the same reason. [campaign, clicks, landings, leads, demos, activations] */
const FUNNEL = [["migration-playbook", 240, 216, 66, 22, 5], ["content-qa-checklist", 130, 104, 17, 9, 1]];
const STAGES = [["landing", "page.viewed"], ["lead", "lead_magnet.downloaded"], ["demo", "demo.requested"], ["activation", "activation.reached"]];

function weekOfAFunnel(database) {
  const { week, at } = lastWeek();
  const { id, code } = database.prepare("SELECT id, code FROM partner WHERE program_id = 'partner-funnel'").get();
  const click = database.prepare(
    "INSERT INTO click (id, code, program_id, partner_id, campaign, visitor, clicked_at_ms, hour, kind, dedupe) VALUES (?, ?, 'partner-funnel', ?, ?, ?, ?, ?, 'visit', ?)",
  );
  const event = database.prepare(
    "INSERT INTO funnel_event (id, program_id, partner_id, code, campaign, stage, event, visitor, at_ms, week) VALUES (?, 'partner-funnel', ?, ?, ?, ?, ?, ?, ?, ?)",
  );
  let number = 0;
  for (const [campaign, clicks, ...reached] of FUNNEL) {
    for (let visitor = 0; visitor < clicks; visitor += 1) {
      number += 1;
      const moment = at + visitor * 1_500_000;
      click.run(`clk_picture_${number}`, code, id, campaign, `vis_${number}`, moment, Math.floor(moment / 3_600_000), number);
      for (const [stage, [name, type]] of STAGES.entries()) {
        if (visitor < reached[stage]) event.run(`fev_picture_${number}_${stage}`, id, code, campaign, name, type, `vis_${number}`, moment, week);
      }
    }
  }
}

/** The last ISO week that is over, and an instant at its beginning. */
function lastWeek() {
  const now = new Date();
  const monday = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth(), now.getUTCDate() - ((now.getUTCDay() + 6) % 7) - 7));
  const thursday = new Date(monday.getTime() + 3 * 86_400_000);
  const first = Date.UTC(thursday.getUTCFullYear(), 0, 1);
  const number = Math.floor((thursday.getTime() - first) / (7 * 86_400_000)) + 1;
  return { week: `${thursday.getUTCFullYear()}-W${String(number).padStart(2, "0")}`, at: monday.getTime() };
}

const section = ({ role, shape, files }) => html`<section><h2>${role}: ${shape}</h2>
  <div>${Object.entries(files).map(([what, name]) => html`<a href="${name}"><img src="${name}" alt="${what}" loading="lazy"></a>`)}</div></section>`;

const index = () => html`<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Manicule, every page</title>
<style>body{font:16px system-ui;margin:2rem;background:#888}section div{display:flex;gap:1rem;align-items:flex-start;overflow-x:auto}img{height:30rem;width:auto}</style>
<h1>Every page</h1>${taken.map(section)}</html>`;

async function main() {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  let server = await serve();
  await prepare(server);
  server = await server.meanwhile((database) => {
    clicksOfAMonth(database);
    weekOfAFunnel(database);
  });
  const browser = await Browser.open(server.base);
  try {
    await browser.send("Emulation.setScrollbarsHidden", { hidden: true });
    await signInAsOperator(browser);
    await writeGuide(browser);
    await browser.forget();
    await browser.go(`/r/${server.codes.ink}`);
    for (const address of OPEN) await picture(browser, "open", address, address);
    await becomeCustomer(browser, { company: "Harbour Books", email: "owner@harbour-books.example" });
    await picture(browser, "customer", "/shop", "/shop");
    await signIn(browser, "hello@north.example", "/partner");
    await crawl(browser, "/partner", (shape, address) => picture(browser, "partner", shape, address), partnersOthers(server));
    await browser.forget();
    await signInAsOperator(browser);
    await crawl(browser, "/operator", (shape, address) => picture(browser, "operator", shape, address), OPERATORS_OTHERS);
  } finally {
    writeFileSync(join(folder, "index.html"), String(index()));
    await browser.close();
    await server.close();
  }
  console.error(`✓ ${taken.length} pages, each four times: ${join(folder, "index.html")}`);
}

main().catch((error) => {
  console.error(`error: ${error.stack}`);
  process.exit(1);
});
