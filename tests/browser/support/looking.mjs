// Shared by the page tests: a served Worker with data, a browser, and all checks of a page.
import assert from "node:assert/strict";
import { withBrowsers } from "./browser.mjs";
import { COLOURS, accessibility, illegible, layoutShift, sideways, weight } from "./checks.mjs";
import { crawl, tabled } from "./pages.mjs";
import { visitorsOfThePast } from "./past.mjs";
import { signIn, signInAsOperator } from "./people.mjs";
import { prepare, writeGuide } from "./prepare.mjs";
import { serve } from "./server.mjs";
import { text } from "./text.mjs";

/** The largest layout shift: nothing that anybody sees. A good page has less than 0.1, and a busy machine reports up to 0.0007 now and then. */
const SHIFT_MAX = 0.001;

export const NARROW = { width: 360, height: 740 };
export const WIDE = { width: 1280, height: 900 };
const HTML_BYTES_MAX = 60_000;

/** The Worker with the demo site and with data on every page. */
export async function servedPages() {
  const first = await serve();
  await prepare(first);
  const server = Object.assign(await first.meanwhile(visitorsOfThePast), { preview: first.preview });
  await inBrowser(server, async (browser) => {
    await signInAsOperator(browser);
    await writeGuide(browser);
  });
  await inBrowser(server, askWhy);
  return server;
}

/** A partner looks up why a customer is not theirs, and asks. */
async function askWhy(browser) {
  await signIn(browser, "hello@north.example", "/partner/why-not");
  await browser.fill({ code: "NORTH", customer: "nobody.example" });
  await browser.press(text("partner/why_not", "LOOK_UP"));
  await browser.fill({ message: "They say that they used my link." });
  await browser.press(text("partner/why_not", "SEND"));
}

/** Everything that is wrong with the page at a URL. */
export async function faults(browser, address) {
  const wrong = [];
  const note = (what, list) => wrong.push(...list.map((one) => `${address}, ${what}: ${one}`));
  for (const [size, name] of [[WIDE, "desktop"], [NARROW, "phone"]]) {
    await browser.resize(size);
    await browser.scheme("light");
    await browser.go(address);
    const moved = await layoutShift(browser);
    if (moved > SHIFT_MAX) note(name, [`the layout shifts by ${moved}`]);
    note(`${name}, sideways`, await sideways(browser));
    note(`${name}, too small`, await illegible(browser));
    note(`${name}, light`, await accessibility(browser));
    await browser.scheme("dark");
    note(`${name}, dark`, await accessibility(browser, COLOURS));
  }
  const { bytes, sheets } = await weight(browser);
  const isDemo = /^\/($|shop|dev)/.test(address);
  if (bytes > HTML_BYTES_MAX) note("weight", [`${bytes} bytes of HTML`]);
  if (!isDemo && sheets !== 1) note("weight", [`${sheets} style sheets`]);
  note("console", await browser.complaints());
  await browser.resize(WIDE);
  return wrong;
}

/** Checks every page of an area, which links must lead to. */
export async function crawled(browser, start, others) {
  const wrong = [];
  const shapes = await crawl(browser, start, async (_shape, address) => wrong.push(...(await faults(browser, address))), others);
  assert.equal(wrong.join("\n"), "");
  const missing = tabled(start.slice(1)).filter((shape) => !shapes.includes(shape));
  assert.deepEqual(missing, [], `found: ${shapes.join(" ")}`);
}

export const inBrowser = (server, story) => withBrowsers(server.base, 1, story);
