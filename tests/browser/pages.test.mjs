// Every page, as each role sees it: axe, light and dark, on a desktop and a phone; nothing that scrolls sideways at 360
// pixels, nothing that moves, nothing in the console, one style sheet, and less than 60 KB of HTML.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Key } from "selenium-webdriver";
import { Browser } from "./support/browser.mjs";
import { COLOURS, accessibility, illegible, layoutShift, sideways, weight } from "./support/checks.mjs";
import { visitorsOfThePast } from "./support/past.mjs";
import { OPERATORS_OTHERS, crawl, partnersOthers } from "./support/pages.mjs";
import { OPERATOR, mailed, signIn, signInAsOperator } from "./support/people.mjs";
import { prepare, writeGuide } from "./support/prepare.mjs";
import { serve } from "./support/server.mjs";

const NARROW = { width: 360, height: 740 };
const WIDE = { width: 1280, height: 900 };
const HTML_BYTES_MAX = 60_000;

let server;
before(async () => {
  server = await serve();
  await prepare(server);
  server = await server.meanwhile(visitorsOfThePast);
  await inBrowser(async (browser) => {
    await signInAsOperator(browser);
    await writeGuide(browser);
  });
});
after(() => server?.close());

/** Everything that is wrong with the page at an address. */
async function faults(browser, address) {
  const wrong = [];
  const note = (what, list) => wrong.push(...list.map((one) => `${address}, ${what}: ${one}`));
  for (const [size, name] of [[WIDE, "desktop"], [NARROW, "phone"]]) {
    await browser.resize(size);
    await browser.scheme("light");
    await browser.go(address);
    const moved = await layoutShift(browser);
    if (moved !== 0) note(name, [`the layout shifts by ${moved}`]);
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

async function crawled(browser, start, expected, others) {
  const wrong = [];
  const shapes = await crawl(browser, start, async (_shape, address) => wrong.push(...(await faults(browser, address))), others);
  assert.equal(wrong.join("\n"), "");
  const missing = expected.filter((shape) => !shapes.includes(shape));
  assert.deepEqual(missing, [], `found: ${shapes.join(" ")}`);
}

async function inBrowser(story) {
  const browser = await Browser.open(server.base);
  try {
    await story(browser);
  } finally {
    await browser.close();
  }
}

const BROKEN = `<!doctype html><title>x</title><style>p{color:#bbb;background:#fff}</style><main><img src="x.png"><p>Too pale.</p><p style="font-size:5px">Too small.</p>
  <div style="width:1400px">Too wide.</div><div id="late"></div><p>Moved.</p></main><script>
  const afterFrame = (deed) => requestAnimationFrame(() => requestAnimationFrame(deed)); // nothing moves that was not shown yet
  // What moves at once is put down to whoever has just changed the window.
  afterFrame(() => setTimeout(() => {
    document.getElementById("late").style.height = "300px";
    console.error("broken");
    afterFrame(() => { window.isBroken = true; });
  }, 1000));</script>`;

test("the checks see what they look for", () =>
  inBrowser(async (browser) => {
    await browser.resize(NARROW);
    await browser.driver.get(`data:text/html,${encodeURIComponent(BROKEN)}`);
    await browser.until("return window.isBroken");
    assert.match((await accessibility(browser, COLOURS)).join("\n"), /serious color-contrast/);
    const found = (await accessibility(browser)).join("\n");
    assert.match(found, /critical image-alt/);
    assert.match(found, /serious color-contrast/);
    assert.ok((await sideways(browser)).length > 0);
    assert.match((await illegible(browser)).join("\n"), /5\.0 px: .*Too small/);
    assert.ok((await layoutShift(browser)) > 0);
    assert.ok((await weight(browser)).bytes > 100);
    assert.match((await browser.complaints()).join("\n"), /broken/);
  }));

test("pages for everybody", () =>
  inBrowser(async (browser) => {
    const wrong = [];
    for (const address of ["/", "/shop", "/dev/mail", "/sign-in", "/sign-in/sent", "/sign-in/token", "/sign-in?to=/operator", "/partner/join", "/partner/join/sent", "/sign-out"]) {
      wrong.push(...(await faults(browser, address)));
    }
    assert.equal(wrong.join("\n"), "");
  }));

test("a partner's pages", () =>
  inBrowser(async (browser) => {
    await signIn(browser, "hello@north.example", "/partner");
    await crawled(browser, "/partner", [
      "/partner",
      "/partner/clients",
      "/partner/clients/:id",
      "/partner/earnings",
      "/partner/earnings/:id",
      "/partner/leaderboard",
      "/partner/links",
      "/partner/links/:id",
      "/partner/links/:id/disable",
      "/partner/payouts",
      "/partner/payouts/:id",
      "/partner/payouts/setup",
      "/partner/programs",
      "/partner/resources",
      "/partner/resources/:id",
      "/partner/settings",
      "/partner/settings/mails",
      "/partner/share",
    ], partnersOthers(server));
  }));

test("nothing moves when the script comes late", () =>
  inBrowser(async (browser) => {
    await signIn(browser, "hello@north.example", "/partner");
    await browser.send("Network.enable");
    await browser.send("Network.setBlockedURLs", { urls: ["*/script.js"] });
    const places = () => browser.run("return [...document.querySelectorAll('main *')].map((one) => { const { x, y, width, height } = one.getBoundingClientRect(); return [one.outerHTML.slice(0, 60).replace(' hidden', ''), x, y, width, height].join(' '); })");
    for (const size of [WIDE, NARROW]) {
      await browser.resize(size);
      for (const address of ["/partner", "/partner/share"]) {
        await browser.go(address);
        const before = await places();
        const shown = await browser.run("const all = [...document.querySelectorAll('button[data-copy][hidden]')]; for (const button of all) button.hidden = false; return all.length;");
        assert.ok(shown > 0, `${address} has copy buttons that only the script shows`);
        const moved = (await places()).filter((place, number) => place !== before[number]);
        assert.deepEqual(moved, [], address);
      }
    }
  }));

test("an operator's pages", () =>
  inBrowser(async (browser) => {
    await signInAsOperator(browser);
    await crawled(browser, "/operator", [
      "/operator",
      "/operator/accounts",
      "/operator/accounts/:id",
      "/operator/audit",
      "/operator/economics",
      "/operator/funnel",
      "/operator/ledger",
      "/operator/ledger/faults",
      "/operator/ledger/transfers",
      "/operator/outbox",
      "/operator/partners",
      "/operator/partners/:id",
      "/operator/payouts",
      "/operator/payouts/:id",
      "/operator/programs",
      "/operator/programs/:id",
      "/operator/programs/:id/edit",
      "/operator/programs/:id/resources/:id",
      "/operator/programs/:id/resources/new",
      "/operator/reviews",
      "/operator/reviews/:id",
      "/operator/runs",
      "/operator/runs/:id",
      "/operator/runs/:id/plan",
      "/operator/runs/preview",
      "/operator/tokens",
    ], OPERATORS_OTHERS);
  }));

/** What a keyboard comes to, press by press: what it is called, and whether it can be seen. */
async function tabbed(browser, presses) {
  const met = [];
  for (let press = 0; press < presses; press += 1) {
    await browser.driver.actions().sendKeys(Key.TAB).perform();
    met.push(
      await browser.run(`
        const one = document.activeElement;
        const mark = one.labels?.[0] ?? one;
        const { width, height } = mark.getBoundingClientRect();
        return { name: one.id || one.textContent.trim(), seen: width > 0 && height > 0 && (mark !== one || getComputedStyle(one).opacity !== "0") };`),
    );
  }
  return met;
}

test("a keyboard comes to nothing that cannot be seen", () =>
  inBrowser(async (browser) => {
    await signIn(browser, "hello@north.example", "/partner");
    for (const size of [WIDE, NARROW]) {
      await browser.resize(size);
      await browser.go("/partner");
      const met = await tabbed(browser, 16);
      assert.deepEqual(met.filter(({ seen }) => !seen), [], JSON.stringify(met));
      assert.equal(met[0].name, "Skip to the content");
      assert.equal(met.some(({ name }) => name === "menu"), size === NARROW);
    }
    // The menu of a phone opens by the keyboard.
    await browser.go("/partner");
    await tabbed(browser, 3);
    await browser.driver.actions().sendKeys(Key.SPACE).perform();
    assert.equal(await (await browser.find("nav.main a[href='/partner/earnings']")).isDisplayed(), true);
  }));

test("pages behind a mail or a form", () =>
  inBrowser(async (browser) => {
    const wrong = [];
    const look = async (what) => wrong.push(...(await accessibility(browser)).map((finding) => `${what}: ${finding}`));
    await browser.go("/unsubscribe?kind=referral.joined&to=x&mac=y");
    await look("the end of mails");
    await mailed(browser, "me@axe.example", async () => {
      await browser.go("/partner/join");
      await browser.fill({ name: "Axe & Co", email: "me@axe.example", website: "https://axe.example", country: "US", disclosure: true });
      await browser.press("Join");
    });
    await look("joining by mail");
    await mailed(browser, OPERATOR, async () => {
      await browser.go("/sign-in?to=/operator");
      await browser.fill({ email: OPERATOR });
      await browser.press("Mail me a link");
    });
    await look("signing in by mail");
    await browser.press("Sign in");
    await browser.go("/operator/runs/preview?program=agency-partner&period=2026-11");
    await browser.press("Show the preview");
    assert.match(await browser.text(), /Nothing of this is booked/);
    await look("the preview of a run");
    await browser.go("/operator/tokens");
    await browser.fill({ name: "axe" });
    await browser.press("Make the token");
    assert.match(await browser.text(), /Copy it now/);
    await look("a token that was made");
    assert.equal(wrong.join("\n"), "");
  }));
