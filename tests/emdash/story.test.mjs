// The story of an owner who runs EmDash, in Chromium with real passkeys: the set-up, an invitation, a friend who comes
// through a link, forms, the link at one press, logging out, and a site that was away for a while. Nothing is set but
// the site's address, and the site's pages hold nothing of ours but what a test says.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { text } from "../browser/support/text.mjs";
import { brought, eventually, partner, referred, told } from "./support/books.mjs";
import { front } from "./support/front.mjs";
import { accept, call, invite, me, person, setUp, signIn, signOut, soon, withPeople } from "./support/people.mjs";
import { newsletter } from "./support/owner.mjs";

let all;
let ada;
before(async () => {
  all = await front();
  ada = await person(all.base);
  await setUp(ada, { title: "Inkwell", email: "ada@example.com", name: "Ada" });
  // The forms' maker asks as a page of EmDash's would.
  const admin = { told: (path, body) => call(ada, path, body) };
  await newsletter(admin, "newsletter", { manicule_event: "account.signed_up" });
});
after(async () => {
  await ada?.close();
  await all?.close();
});

const inBrowsers = (count, story) => withPeople(all.base, count, story);

/** Through a partner's link, to wherever it leads. */
const follow = (browser, by) => browser.go(by.path);

test("the wizard makes an administrator, who is an operator here", async () => {
  assert.equal((await me(ada)).role, 50);
  await ada.go("/operator");
  assert.ok((await ada.text()).includes(text("shared/frame", "SIGN_OUT")));
});

test("a friend accepts an invitation, logs out, and signs in again", () =>
  inBrowsers(1, async (fay) => {
    const user = await accept(fay, await invite(ada, "plain@friends.example"), "Fay");
    assert.equal(user.email, "plain@friends.example");
    await signOut(fay);
    assert.equal(await me(fay), undefined);
    assert.equal((await signIn(fay)).id, user.id);
  }));

test("sign-up: a friend who came through a link is the partner's", () =>
  inBrowsers(1, async (fay) => {
    const north = await partner(all.worker, "north");
    await follow(fay, north);
    const { id } = await accept(fay, await invite(ada, "fay@friends.example"), "Fay");
    assert.deepEqual(referred(await told(all.worker, id)), [{ by: north.id, method: "token" }]);
  }));

/** The one account that a partner brought, as soon as it is there. */
async function theOne(by) {
  const known = await eventually(async () => {
    const accounts = await brought(all.worker, by);
    return accounts.length > 0 && accounts;
  });
  assert.equal(known?.length, 1);
  assert.equal(known[0].method, "token");
}

async function subscribe(browser, email) {
  await soon(browser, "return document.querySelector('[data-ec-form]')?.dataset.ecInitialized === '1'");
  await (await browser.find("[data-ec-form] [name=email]")).sendKeys(email);
  await (await browser.find("[data-ec-form] [type=submit]")).click();
  await soon(browser, "return document.querySelector('[data-form-status]').textContent.includes('Thank you')");
}

test("sign-up: a form with nothing but hidden fields counts", () =>
  inBrowsers(1, async (lea) => {
    const plain = await partner(all.worker, "plain");
    await follow(lea, plain);
    await lea.go("/newsletter");
    await subscribe(lea, "lea@friends.example");
    await theOne(plain);
  }));

test("script: it fills the hidden fields of a form of plugin-forms, and of the site's own", () =>
  inBrowsers(1, async (lea) => {
    await follow(lea, await partner(all.worker, "filled"));
    await lea.go("/scripted");
    for (const form of ["[data-ec-form]", "#demo"]) await soon(lea, `return document.querySelector("${form} [name=ref]").value.startsWith("v1.")`);
    await subscribe(lea, "lea2@friends.example");
  }));

test("passing: a form of the site's own that the script has filled counts", () =>
  inBrowsers(1, async (max) => {
    const own = await partner(all.worker, "own");
    await follow(max, own);
    await max.go("/scripted");
    await soon(max, "return document.querySelector('#demo [name=ref]').value.startsWith('v1.')");
    await (await max.find("#demo [name=email]")).sendKeys("max@friends.example");
    await max.leave(async () => (await max.find("#demo button")).click());
    await theOne(own);
  }));

test("sign-up: a form of plugin-forms that the script has filled counts", () =>
  inBrowsers(1, async (lea) => {
    const forms = await partner(all.worker, "forms");
    await follow(lea, forms);
    await lea.go("/scripted");
    await soon(lea, "return document.querySelector('[data-ec-form] [name=ref]').value.startsWith('v1.')");
    await subscribe(lea, "lea3@friends.example");
    await theOne(forms);
  }));

test("script: fields that are added later are filled as well", () =>
  inBrowsers(1, async (zoe) => {
    await follow(zoe, await partner(all.worker, "later"));
    await zoe.go("/scripted");
    await zoe.run("document.querySelector('main').insertAdjacentHTML('beforeend', '<form id=later><input type=hidden name=ref></form>')");
    await soon(zoe, "return document.querySelector('#later [name=ref]').value.startsWith('v1.')");
  }));

test("one click: a signed-in user gets a link at one press", () =>
  inBrowsers(1, async (fay) => {
    await accept(fay, await invite(ada, "click@friends.example"), "Fay");
    await fay.go("/partner");
    await fay.press("Get my link");
    const shown = await fay.run("return [...document.querySelectorAll('main input')].map(({ value }) => value).join(' ')");
    assert.match(shown, new RegExp(`${new URL(all.base).host}/r/`));
  }));

test("one click: a page of the site has the link of who is signed in", () =>
  inBrowsers(1, async (fay) => {
    const drawn = (part) => `return document.querySelector("[data-manicule-share] ${part}")`;
    await fay.go("/scripted");
    await accept(fay, await invite(ada, "share@friends.example"), "Fay");
    await fay.go("/scripted");
    await soon(fay, drawn("button"));
    assert.match(await fay.run(`${drawn("p")}.textContent`), /may earn a reward/);
    await fay.run(`${drawn("button")}.click()`);
    await soon(fay, drawn("input"));
    const link = await fay.run(`${drawn("input")}.value`);
    assert.ok(link.startsWith(`${all.base}/r/`), link);
    // The next time it is there at once.
    await fay.go("/scripted");
    await soon(fay, drawn("input"));
    assert.equal(await fay.run(`${drawn("input")}.value`), link);
    // EmDash's own pages complain, ours do not.
    assert.deepEqual((await fay.complaints()).filter((text) => /\/scripted|\/manicule\/|\/v1\/|\/api\/referral\//.test(text)), []);
  }));

test("one click: who signs in at EmDash, which drops where they came from, is led back", () =>
  inBrowsers(1, async (fay) => {
    await accept(fay, await invite(ada, "back@friends.example"), "Fay");
    await signOut(fay);
    await fay.go("/partner");
    await fay.driver.get(`${all.base}/sign-in/site?to=/partner`);
    // As after a mailed link: EmDash's own page, without `redirect`.
    await fay.go("/_emdash/admin/login");
    await signIn(fay);
    // EmDash leads to /_emdash/admin.
    await soon(fay, "return location.pathname === '/partner/programs'");
    await fay.go("/_emdash/admin");
    assert.match(await fay.path(), /^\/_emdash\/admin/);
  }));

test("the site was away: everybody is still who they were", () =>
  inBrowsers(1, async (fay) => {
    const user = await accept(fay, await invite(ada, "stays@friends.example"), "Fay");
    await all.site.stop();
    await fay.go("/sign-in");
    assert.ok((await fay.text()).length > 0);
    await all.site.start();
    await fay.go("/");
    assert.ok((await fay.text()).includes("Inkwell"));
    assert.equal((await me(fay)).id, user.id);
  }));

test("passing: while the site is away a page of ours says so", () =>
  inBrowsers(1, async (fay) => {
    await all.site.stop();
    try {
      await fay.go("/newsletter");
      const said = await fay.text();
      assert.ok(said.length > 20 && !/INTERNAL SERVER ERROR|Internal error/i.test(said), said);
    } finally {
      await all.site.start();
    }
  }));
