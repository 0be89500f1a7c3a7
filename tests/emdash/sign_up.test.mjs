// Sign-ups at the real EmDash, by HTTP through the Worker: what its answers are, and what the Worker makes of them.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { brought, eventually, partner, referred, rows, told } from "./support/books.mjs";
import { AUTH_ANSWERS, assertShape } from "./support/shapes.mjs";
import { friendOf, setUpFront } from "./support/friends.mjs";
import { front, signUpPath } from "./support/front.mjs";
import { newsletter, yesterday } from "./support/owner.mjs";
import { Visitor } from "./support/visitor.mjs";

/** The cookie of a session of ours. */
const SESSION = "__Host-manicule_session";
let all;
let ada;
before(async () => ({ all, ada } = await setUpFront()));
after(() => all?.close());

const friend = (by) => friendOf(all.base, by);

const userOf = async (answer) => (await answer.json()).data.user;

test("EmDash answers in the known shapes", async () => {
  const fay = await friend();
  const accepted = await fay.accept(await ada.invite("shape@friends.example"));
  await assertShape(AUTH_ANSWERS.complete, accepted);
  await assertShape(AUTH_ANSWERS.me, await fay.ask("/_emdash/api/auth/me"));
  await assertShape(AUTH_ANSWERS.logout, await fay.send("/_emdash/api/auth/logout"));
  await assertShape(AUTH_ANSWERS.nobody, await fay.send("/_emdash/api/auth/logout"));
  const gil = await friend();
  await assertShape(AUTH_ANSWERS.callback, await gil.byGithub("gil@friends.example", await ada.invite("gil@friends.example")));
  await assertShape(AUTH_ANSWERS.callback, await gil.byGithub("gil@friends.example"));
  await assertShape(AUTH_ANSWERS.refusedCallback, await (await friend()).byGithub("nobody@friends.example"));
  await newsletter(ada, "shapes");
  for (const [data, shape] of [[{ email: "a@friends.example" }, "submitted"], [{ email: "none" }, "invalid"], [{ email: "a@friends.example", _hp: "robot" }, "submitted"]]) {
    await assertShape(AUTH_ANSWERS[shape], await fay.send("/_emdash/api/plugins/emdash-forms/submit", { formId: "shapes", data }));
  }
});

test("sign-up: an accepted invitation is a sign-up, attributed by the cookie's token", async () => {
  const north = await partner(all.worker, "north");
  const fay = await friend(north);
  const { id } = await userOf(await fay.accept(await ada.invite("fay@friends.example")));
  assert.deepEqual(referred(await told(all.worker, id)), [{ by: north.id, method: "token" }]);
});

test("sign-up: one without a cookie is told, and attributed to nobody", async () => {
  const { id } = await userOf(await (await friend()).accept(await ada.invite("alone@friends.example")));
  const known = await told(all.worker, id);
  assert.ok(known.length > 0, "nobody told of it");
  assert.deepEqual(referred(known), []);
});

test("sign-up: a new user by OAuth is a sign-up", async () => {
  const south = await partner(all.worker, "south");
  const gus = await friend(south);
  await gus.byGithub("gus@friends.example", await ada.invite("gus@friends.example"));
  const { id } = (await gus.me()).data;
  assert.deepEqual(referred(await told(all.worker, id)), [{ by: south.id, method: "token" }]);
  // Signing in again, through another partner's link, changes nothing.
  const east = await partner(all.worker, "east");
  await gus.follow(east.path);
  await gus.byGithub("gus@friends.example");
  assert.deepEqual(referred(await told(all.worker, id)), [{ by: south.id, method: "token" }]);
});

test("sign-up: yesterday's user with a fresh cookie, by OAuth or by passkey, is none", async () => {
  const west = await partner(all.worker, "west");
  const old = yesterday(all.site, "old@friends.example");
  const oldie = await friend(west);
  await oldie.byGithub("old@friends.example");
  assert.equal((await oldie.me()).data.id, old);
  await ada.follow(west.path);
  await ada.signIn();
  // What was done before this one is through as well.
  const { id } = await userOf(await (await friend()).accept(await ada.invite("marker@friends.example")));
  assert.notDeepEqual(await told(all.worker, id), []);
  assert.deepEqual(await rows(all.worker, old), []);
  assert.deepEqual(await brought(all.worker, west), []);
});

test("sign-up: EmDash's logout ends the session here with it", async () => {
  const pat = await friend();
  await pat.accept(await ada.invite("pat@friends.example"));
  assert.equal((await pat.open("/partner")).status, 200);
  const session = pat.cookies.get(SESSION);
  assert.ok(session, "no session of ours");
  // What signs nobody out at EmDash ends nothing here.
  const refused = await pat.ask("/_emdash/api/auth/logout", { method: "POST", headers: { origin: "https://elsewhere.example" } });
  assert.equal(refused.status, 403);
  assert.ok(pat.cookies.has(SESSION));
  assert.equal((await pat.send("/_emdash/api/auth/logout")).status, 200);
  assert.ok(!pat.cookies.has(SESSION), "the cookie is still there");
  // Nor does the old cookie open anything.
  pat.cookies.set(SESSION, session);
  assert.match((await pat.ask("/partner")).headers.get("location") ?? "", /^\/sign-in/);
});

test("sign-up: a form's submission with an empty ref takes the token of the cookie", async () => {
  const form = await partner(all.worker, "form");
  await newsletter(ada, "signup", { manicule_event: "account.signed_up" });
  const lea = await friend(form);
  const data = { email: "lea@friends.example", ref: "", manicule_event: "account.signed_up" };
  const submit = (given) => lea.send("/_emdash/api/plugins/emdash-forms/submit", { formId: "signup", data: given });
  // Neither what EmDash refuses nor what its trap for robots swallows is one.
  await submit({ ...data, email: "none" });
  await submit({ ...data, _hp: "robot" });
  await submit(data);
  const known = await eventually(async () => {
    const accounts = await brought(all.worker, form);
    return accounts.length > 0 && accounts;
  });
  assert.equal(known.length, 1);
  assert.equal(known[0].method, "token");
});

test("sign-up: a form's submission and its webhook are one event", async () => {
  const hook = await partner(all.worker, "hook");
  const webhookUrl = `${all.base}/v1/webhooks/emdash-forms/${all.server.formsSecret}`;
  await newsletter(ada, "hooked", { manicule_event: "account.signed_up" }, { webhookUrl });
  const lea = await friend(hook);
  const data = { email: "hook@friends.example", ref: "", manicule_event: "account.signed_up" };
  await lea.send("/_emdash/api/plugins/emdash-forms/submit", { formId: "hooked", data });
  const accounts = () => brought(all.worker, hook);
  await eventually(async () => (await accounts()).length > 0);
  // EmDash sends it by itself, so that a second one would be there by now, or soon.
  await new Promise((done) => setTimeout(done, 1000));
  assert.deepEqual((await accounts()).map(({ method }) => method), ["token"]);
});

test("sign-up: a form of the site's own, at a path that is named, is one by its answer", async () => {
  const own = await front({ vars: [signUpPath("/api/demo", "account.id")], env: { MANICULE_URL: "" } });
  try {
    await new Visitor(own.base).setUp("ada@example.com");
    const by = await partner(own.worker, "own");
    const max = new Visitor(own.base);
    await max.follow(by.path);
    const headers = { "content-type": "application/json" };
    const ask = (body) => max.ask("/api/demo", { method: "POST", headers, body: JSON.stringify(body) });
    // Without an id in a successful answer there is none.
    assert.equal((await ask({})).status, 422);
    const { account } = await (await ask({ email: "max@friends.example" })).json();
    assert.deepEqual(referred(await told(own.worker, account.id)), [{ by: by.id, method: "token" }]);
    assert.equal((await brought(own.worker, by)).length, 1);
  } finally {
    await own.close();
  }
});
