// "Why not credited?" in Chromium: a partner looks up a customer who came by another's link and one of its own, asks the
// program about it, and reads the operator's reply.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { withBrowsers } from "./support/browser.mjs";
import { accessibility } from "./support/checks.mjs";
import { becomeCustomer, join, signInAsOperator } from "./support/people.mjs";
import { serve } from "./support/server.mjs";
import { text } from "./support/text.mjs";

const why = (name) => text("partner/why_not", name);

let server;
before(async () => {
  server = await serve();
});
after(() => server?.close());

const inBrowsers = (count, story) => withBrowsers(server.base, count, story);

/** Joins the program and returns the partner's link. */
async function linkOf(browser, person) {
  await join(browser, person);
  await browser.go("/partner");
  return browser.run("return [...document.querySelectorAll('input[readonly]')].map((one) => one.value).find((value) => value.includes('/r/'))");
}

async function lookUp(browser, values) {
  await browser.go("/partner/clients");
  await browser.press(why("LINK"));
  await browser.fill(values);
  await browser.press(why("LOOK_UP"));
  return browser.text();
}

test("a partner looks up why a customer is not theirs, asks, and reads the reply", () =>
  inBrowsers(4, async (first, second, customer, operator) => {
    const mine = await linkOf(first, { name: "First Look", email: "me@first-look.example" });
    const theirs = await linkOf(second, { name: "Second Look", email: "me@second-look.example" });
    // The last touch counts: the customer is the second partner's.
    await customer.go(mine);
    await customer.go(theirs);
    await becomeCustomer(customer, { company: "Acme", email: "owner@acme.example" });

    const shown = await lookUp(first, { code: mine, customer: "acme.example" });
    assert.ok(shown.includes(why("CODE_WORKS")), shown);
    assert.ok(shown.includes(why("NOT_CREDITED")), shown);
    assert.match(shown, /used another link later/);
    assert.ok(!shown.includes("Second Look") && !shown.includes(new URL(theirs).pathname.split("/").pop()), shown);
    assert.deepEqual(await accessibility(first), []);
    await first.resize({ width: 360, height: 740 });
    assert.deepEqual(await accessibility(first), []);
    await first.resize({ width: 1280, height: 900 });

    await first.fill({ message: "They say that they used my link." });
    await first.press(why("SEND"));
    assert.ok((await first.text()).includes(text("partner/notice", "QUESTION_SENT")));
    const question = await first.path();

    assert.ok((await lookUp(second, { code: theirs, customer: "acme.example" })).includes(why("CREDITED")));
    // Nobody's customer, and the first partner's code: both answers name nothing of others.
    assert.ok((await lookUp(second, { code: mine, customer: "nobody.example" })).includes(why("NOT_YOUR_CODE")));
    assert.ok((await second.text()).includes(why("NOTHING")));

    await signInAsOperator(operator);
    await operator.press(text("operator/home", "REPLY_TO_QUESTIONS"));
    assert.deepEqual(await accessibility(operator), []);
    await operator.go(question.split("?")[0].replace("/partner/why-not", "/operator/questions"));
    await operator.fill({ reply: "They clicked another link afterwards." });
    await operator.press(text("operator/question", "SEND_REPLY"));
    assert.ok((await operator.text()).includes(text("operator/notice", "QUESTION_REPLIED")));

    // The operator's own search: both links, and which of them was credited.
    await operator.go("/operator/attribution");
    await operator.fill({ code: mine, email_domain: "acme.example" });
    await operator.press(text("operator/common", "SEARCH"));
    const found = await operator.text();
    for (const link of [mine, theirs]) assert.ok(found.includes(new URL(link).pathname.split("/").pop()), found);
    assert.ok(found.includes(text("operator/attribution_search", "CREDITED")), found);
    assert.deepEqual(await accessibility(operator), []);

    await first.go(question.split("?")[0]);
    assert.ok((await first.text()).includes("They clicked another link afterwards."));
    if (process.env.PICTURES) await pictures(first);
    assert.deepEqual(await first.complaints(), []);
  }));

/** For people who change the pages: what they look like. */
async function pictures(browser) {
  const { writeFile } = await import("node:fs/promises");
  await writeFile(`${process.env.PICTURES}/why-not-reply.png`, await browser.driver.takeScreenshot(), "base64");
  await browser.go("/partner/why-not");
  await writeFile(`${process.env.PICTURES}/why-not.png`, await browser.driver.takeScreenshot(), "base64");
}
