// Sign-ups that are noticed while they are passed on, where the site's answers are not what they should be: an id that
// changes, answers of other forms, and many at once.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Worker } from "../../scripts/demo-site/worker.mjs";
import { serve } from "../browser/support/server.mjs";
import { brought, eventually, partner, referred, rows, told } from "../emdash/support/books.mjs";
import { Visitor } from "../emdash/support/visitor.mjs";
import { site as standIn } from "./site.mjs";

const COMPLETE = "/_emdash/api/auth/invite/complete";
let site;
let server;
let worker;
before(async () => {
  site = await standIn();
  server = await serve({ demo: "", vars: `ORIGIN_URL=${site.base} SIGNUP_PATHS=/own/complete=account.id` });
  worker = new Worker({ url: server.base, operatorToken: server.operatorToken, webhookSecret: server.webhookSecret });
});
after(async () => {
  await server?.close();
  site?.close();
});

const user = (id, email = `${id}@friends.example`) => JSON.stringify({ success: true, data: { success: true, user: { id, email, name: null, role: 10 } } });

async function friend(by) {
  const visitor = new Visitor(server.base);
  await visitor.follow(by.path);
  return visitor;
}

/** A completed sign-up that the site answers so. */
async function complete(visitor, answer, path = COMPLETE, body = "{}") {
  const headers = { "x-answer": Buffer.from(JSON.stringify(answer)).toString("base64url"), "content-type": "application/json" };
  const answered = await visitor.ask(path, { method: "POST", headers, body });
  assert.equal((await answered.text()).trim(), answer.body, "the visitor gets the site's answer");
}

test("attack: one id with another email each time is one sign-up", async () => {
  const one = await partner(worker, "one");
  const visitor = await friend(one);
  await complete(visitor, { body: user("same") });
  assert.deepEqual(referred(await told(worker, "same")), [{ by: one.id, method: "token" }]);
  const stranger = await friend(await partner(worker, "stranger"));
  await Promise.all(Array.from({ length: 30 }, (_, n) => complete(n % 2 ? visitor : stranger, { body: user("same", `other${n}@friends.example`) })));
  await complete(visitor, { body: user("after") });
  await told(worker, "after");
  assert.deepEqual(referred(await rows(worker, "same")), [{ by: one.id, method: "token" }]);
});

test("attack: an id that changes with each answer, for one mailbox, earns once and is held", async () => {
  const many = await partner(worker, "many");
  const visitor = await friend(many);
  for (const id of ["shift1", "shift2", "shift3"]) {
    await complete(visitor, { body: JSON.stringify({ account: { id } }) }, "/own/complete", JSON.stringify({ email: "one+x@friends.example" }));
    await told(worker, id);
  }
  const held = (await worker.read("/v1/reviews?limit=100")).data.filter(({ partner: by }) => by === many.id).map(({ account }) => account);
  assert.deepEqual([...new Set(held)].sort(), ["shift2", "shift3"]);
});

test("attack: answers of another form are no sign-ups, and reach the visitor as they are", async () => {
  const none = await partner(worker, "none");
  const visitor = await friend(none);
  const made = (id) => JSON.stringify({ success: true, data: { success: true, user: { id } } });
  const bodies = [
    ...[7, null, "", "x".repeat(300), ["a"], { a: 1 }, "two words", "a\nb"].map(made),
    user("refused").replace('"success":true', '"success":false'),
    user("refused").replace('{"success":true,"user"', '{"success":false,"user"'),
    JSON.stringify({ user: { id: "refused" } }),
    `[${user("refused")}]`,
    `${user("refused")}x`,
    "[".repeat(3000),
    "",
  ];
  for (const body of bodies) await complete(visitor, { body });
  await complete(visitor, { spaces: 70_000, body: user("refused") });
  for (const status of [201, 202, 302, 400, 500]) await complete(visitor, { status, body: user("refused") });
  await complete(visitor, { body: user("good") });
  await told(worker, "good");
  assert.deepEqual((await brought(worker, none)).map(({ id, account }) => id ?? account), ["good"]);
});

test("attack: a hundred at once are each their own visitor's", async () => {
  const partners = await Promise.all(["left", "right"].map((name) => partner(worker, name)));
  const visitors = await Promise.all(Array.from({ length: 100 }, (_, n) => friend(partners[n % 2])));
  await Promise.all(visitors.map((visitor, n) => complete(visitor, { body: user(`crowd${n}`) })));
  const count = async (of) => (await brought(worker, of)).map(({ id, account }) => Number((id ?? account).slice(5)));
  const all = await eventually(async () => {
    const found = await Promise.all(partners.map(count));
    return found.flat().length >= 100 && found;
  });
  assert.deepEqual((all || []).map((found) => found.length), [50, 50]);
  for (const [side, found] of all.entries()) assert.ok(found.every((n) => n % 2 === side));
});
