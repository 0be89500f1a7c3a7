// Checks every page, as each role sees it: axe, light and dark, on a desktop and a phone; no horizontal scrolling at
// 360 pixels, no layout shifts, nothing in the console, one style sheet, and less than 60 KB of HTML.
// This file covers operators' pages, keyboard use, and pages that are reached through emails and forms.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Key } from "selenium-webdriver";
import { accessibility } from "./support/checks.mjs";
import { NARROW, WIDE, crawled, inBrowser, servedPages } from "./support/looking.mjs";
import { operatorsOthers } from "./support/pages.mjs";
import { OPERATOR, mailed, signIn, signInAsOperator } from "./support/people.mjs";
import { text } from "./support/text.mjs";

let server;
before(async () => {
  server = await servedPages();
});
after(() => server?.close());

test("an operator's pages", () =>
  inBrowser(server, async (browser) => {
    await signInAsOperator(browser);
    await crawled(browser, "/operator", operatorsOthers(server));
  }));

/** The elements that the Tab key reaches, one by one: their names, and whether they are visible. */
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

test("the keyboard reaches only visible elements", () =>
  inBrowser(server, async (browser) => {
    await signIn(browser, "hello@north.example", "/partner");
    for (const size of [WIDE, NARROW]) {
      await browser.resize(size);
      await browser.go("/partner");
      const met = await tabbed(browser, 16);
      assert.deepEqual(met.filter(({ seen }) => !seen), [], JSON.stringify(met));
      assert.equal(met[0].name, "Skip to content");
      assert.equal(met.some(({ name }) => name === "menu"), size === NARROW);
    }
    // The menu on a phone opens by keyboard.
    await browser.go("/partner");
    await tabbed(browser, 3);
    await browser.driver.actions().sendKeys(Key.SPACE).perform();
    assert.equal(await (await browser.find("nav.main a[href='/partner/earnings']")).isDisplayed(), true);
  }));

test("pages reached through an email or a form", () =>
  inBrowser(server, async (browser) => {
    const wrong = [];
    const look = async (what) => wrong.push(...(await accessibility(browser)).map((finding) => `${what}: ${finding}`));
    await browser.go("/unsubscribe?type=referral.joined&to=x&mac=y");
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
      await browser.press("Email me a link");
    });
    await look("signing in by mail");
    await browser.press("Sign in");
    await browser.go("/operator/runs/preview?program=agency-partner&period=2026-11");
    await browser.press(text("operator/settlement", "PREVIEW_BUTTON"));
    assert.ok((await browser.text()).includes(text("operator/settlement", "PREVIEWED_LEAD")));
    await look("the preview of a run");
    await browser.go("/operator/tokens");
    await browser.fill({ name: "axe" });
    await browser.press(text("operator/token", "CREATE"));
    assert.ok((await browser.text()).includes(text("operator/token", "COPY_NOW")));
    await look("a token that was made");
    assert.equal(wrong.join("\n"), "");
  }));
