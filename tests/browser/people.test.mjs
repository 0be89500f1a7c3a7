// Access rights in Chromium: sign-in at an EmDash site, signing out, another partner's ids, and forms with malicious
// input.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { By } from "selenium-webdriver";
import { withBrowsers } from "./support/browser.mjs";
import { crawl, shape } from "./support/pages.mjs";
import { becomeCustomer, join, signIn, signInAsOperator } from "./support/people.mjs";
import { prepare } from "./support/prepare.mjs";
import { serve } from "./support/server.mjs";
import { text } from "./support/text.mjs";

let server;
before(async () => {
  server = await serve({ demo: "emdash" });
  await prepare(server);
});
after(() => server?.close());

const inBrowsers = (count, story) => withBrowsers(server.base, count, story);

test("users of the EmDash site are signed in here according to their role", () =>
  inBrowsers(2, async (reader, admin) => {
    await reader.go("/partner");
    assert.match(await reader.path(), /^\/sign-in\?/);
    await reader.press(text("visitor/sign_in", "BY_SITE"));
    await reader.press("Rae Reader, role 10");
    // A subscriber may become a partner without an email.
    await reader.go("/partner/join");
    assert.ok((await reader.text()).includes(`${text("visitor/join", "JOINING_AS")} reader@north.example`));
    await reader.fill({ name: "Rae Reads", website: "rae.example", country: "US", disclosure: true });
    await reader.press(text("visitor/join", "JOIN"));
    assert.match(await reader.path(), /^\/partner\?/);
    await reader.go("/operator");
    assert.ok((await reader.text()).includes(text("visitor/sign_in", "SITE_PARTNER")));

    await admin.go("/_emdash/admin/login?redirect=/operator");
    await admin.press("Ada Admin, role 50");
    assert.equal(await admin.path(), "/operator");
    assert.ok((await admin.text()).includes(text("shared/frame", "SIGN_OUT")));
  }));

test("after signing out the pages are closed, whatever cookies the browser still has", () =>
  inBrowsers(2, async (browser, other) => {
    await signIn(browser, "hello@north.example", "/partner/earnings");
    assert.equal(await browser.path(), "/partner/earnings");
    const kept = await browser.driver.manage().getCookies();
    await browser.press(text("shared/frame", "SIGN_OUT"));
    await browser.go("/partner/earnings");
    assert.match(await browser.path(), /^\/sign-in\?to=/);
    // The old cookie does not work either.
    await other.go("/sign-in");
    for (const { name, value, path, secure, httpOnly, sameSite } of kept) await other.driver.manage().addCookie({ name, value, path, secure, httpOnly, sameSite });
    await other.go("/partner/earnings");
    assert.match(await other.path(), /^\/sign-in\?to=/);
    await browser.driver.navigate().back();
    await browser.driver.navigate().back();
    assert.ok(!(await browser.text()).includes(text("partner/navigation", "EARNINGS")), "nothing is kept by the browser");
  }));

test("a second partner gets 404 on every id of the first, and cannot act on one", () =>
  inBrowsers(2, async (first, second) => {
    await signIn(first, "hello@north.example", "/partner");
    const theirs = new Set();
    const actions = new Set();
    await crawl(first, "/partner", async () => {
      const found = await first.run(
        "return [[...document.querySelectorAll('a[href], img[src]')].map((one) => one.href || one.src), [...document.querySelectorAll('form[method=post]')].map((one) => one.action)]",
      );
      for (const [list, into] of [[found[0], theirs], [found[1], actions]]) {
        for (const href of list) {
          const { pathname, origin } = new URL(href);
          if (origin === new URL(server.base).origin && /^\/partner\/.*:id/.test(shape(pathname))) into.add(pathname);
        }
      }
    });
    const shapes = [...new Set([...theirs].map(shape))];
    for (const expected of ["/partner/links/:id", "/partner/clients/:id", "/partner/earnings/:id", "/partner/payouts/:id"]) {
      assert.ok(shapes.includes(expected), `${expected} in ${shapes}`);
    }

    await join(second, { name: "Second Look", email: "me@second-look.example" });
    const token = await (await second.find("form[method=post] [name=form_token]")).getAttribute("value");
    const byScript = await second.driver.executeAsyncScript(
      `const [gets, posts, token, done] = arguments;
      const ask = async (path, init) => [path, (await fetch(path, { redirect: "manual", ...init })).status];
      const body = new URLSearchParams({ form_token: token }).toString();
      const headers = { "content-type": "application/x-www-form-urlencoded" };
      Promise.all([...gets.map((path) => ask(path)), ...posts.map((path) => ask(path, { method: "POST", body, headers }))]).then(done, (why) => done([[String(why), 0]]));`,
      [...theirs],
      [...actions],
      token,
    );
    assert.deepEqual(byScript.filter(([, status]) => status !== 403), [], "a script of the site gets nowhere");
    const status = () => second.run("return performance.getEntriesByType('navigation')[0].responseStatus");
    const answers = [];
    for (const path of theirs) {
      // An image has no document that could report its status.
      if (/qr\.(png|svg)$/.test(path)) continue;
      await second.go(path);
      answers.push([path, await status()]);
    }
    for (const path of actions) {
      await second.go("/partner");
      await second.run(
        `const [path, token] = arguments;
        const form = Object.assign(document.createElement("form"), { method: "POST", action: path });
        form.append(Object.assign(document.createElement("input"), { name: "form_token", value: token }));
        document.body.append(form);
        form.submit();`,
        path,
        token,
      );
      await second.until(`return location.pathname === ${JSON.stringify(path)} && document.readyState === "complete"`);
      answers.push([path, await status()]);
    }
    assert.ok(answers.length > 4, String(answers));
    assert.deepEqual(answers.filter(([, status]) => status !== 404), []);
    await second.go("/operator/partners");
    assert.match(await second.path(), /^\/sign-in/);
  }));

const EVIL = `"><script>document.title='gone'</script><img src=x onerror="document.title='gone'">'\${7*7}`;

async function nothingRan(browser) {
  assert.notEqual(await browser.driver.getTitle(), "gone");
  assert.equal(await browser.run("return document.querySelectorAll('main script, main img[onerror], main [onload], main a[href^=javascript]').length"), 0);
  assert.deepEqual(await browser.complaints(), []);
}

test("user input is shown as text everywhere", () =>
  inBrowsers(2, async (partner, operator) => {
    await partner.go("/partner/join");
    // Problems are shown, and the entered values are kept.
    await partner.run("document.querySelector('form.stack').noValidate = true");
    await partner.fill({ name: EVIL, email: "nobody", website: "evil.example" });
    await partner.press(text("visitor/join", "JOIN"));
    assert.ok((await partner.text()).includes(text("shared/field", "ENTER_EMAIL")));
    assert.equal(await (await partner.find("[name=name]")).getAttribute("value"), EVIL);
    await partner.complaints(); // the console reports a 422 as an error
    await join(partner, { name: EVIL, email: "me@evil-agency.example", website: "evil.example" });
    await nothingRan(partner);

    await partner.go("/partner/links");
    await partner.fill({ campaign: EVIL });
    await partner.press(text("partner/link", "CREATE"));
    await partner.complaints();
    await partner.go("/partner/links");
    await partner.fill({ destination: "javascript:alert(1)" });
    await partner.press(text("partner/link", "CREATE"));
    assert.match(await partner.text(), /Enter a valid destination/);
    assert.equal(await (await partner.find("[name=destination]")).getAttribute("value"), "javascript:alert(1)");
    await partner.complaints();
    for (const path of ["/partner", "/partner/links", "/partner/share", "/partner/settings", "/partner/leaderboard"]) {
      await partner.go(path);
      await nothingRan(partner);
    }

    await partner.go("/partner");
    const code = await partner.run("return [...document.querySelectorAll('input[readonly]')].map((one) => one.value).find((value) => value.includes('/r/'))");
    await operator.go(code);
    await becomeCustomer(operator, { company: EVIL.slice(0, 80), email: "owner@client.example" });
    await nothingRan(operator);
    await signInAsOperator(operator, "/operator/partners");
    assert.ok((await operator.text()).includes("<script>"));
    await crawl(operator, "/operator", () => nothingRan(operator));
    for (const query of [EVIL, "%00", "' OR 1=1 --", "x".repeat(3000)]) {
      await operator.go(`/operator/partners?q=${encodeURIComponent(query)}`);
      await operator.complaints();
      assert.ok(!(await operator.text()).includes(text("shared/error", "FAULT")));
      assert.notEqual(await operator.driver.getTitle(), "gone");
    }
  }));
