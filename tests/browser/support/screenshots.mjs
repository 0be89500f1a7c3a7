// Takes screenshots of every page: node tests/browser/support/screenshots.mjs FOLDER
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { html } from "../../../scripts/demo-site/html.mjs";
import { Browser, DESKTOP, PHONE } from "./browser.mjs";
import { crawl, operatorsOthers, partnersOthers } from "./pages.mjs";
import { visitorsOfThePast } from "./past.mjs";
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
  server = Object.assign(await server.meanwhile(visitorsOfThePast), { preview: server.preview });
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
    await crawl(browser, "/operator", (shape, address) => picture(browser, "operator", shape, address), operatorsOthers(server));
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
