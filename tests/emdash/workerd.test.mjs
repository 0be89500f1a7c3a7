// The real EmDash on workerd, as a Worker that ours is bound to as EMDASH, by HTTP.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { partner, referred, told } from "./support/books.mjs";
import { frontOfWorker } from "./support/front.mjs";
import { Visitor } from "./support/visitor.mjs";

let all;
before(async () => (all = await frontOfWorker()));
after(() => all?.close());

let ada;
/** The administrator, as soon as the site is passed on to. */
async function administrator() {
  if (ada) return ada;
  const visitor = new Visitor(all.base);
  await visitor.setUp("ada@example.com");
  return (ada = visitor);
}

test("the Worker beside ours is EmDash", async () => {
  const answer = await (await new Visitor(all.base).ask("/sign-in")).text();
  assert.match(answer, /\/sign-in\/site/, "it offers the sign-in at the site");
});

test("passing: every page comes by the binding", async () => {
  await administrator();
  const answer = await new Visitor(all.base).ask("/");
  assert.equal(answer.status, 200);
  assert.match(await answer.text(), /Inkwell/);
  assert.equal((await ada.me()).data.role, 50);
  const sent = await new Visitor(all.base).ask("/received", { method: "POST", headers: { "content-type": "text/plain" }, body: "words" });
  assert.equal((await sent.json()).bytes, 5);
});

test("sign-up: a friend who came through a link is the partner's, on workerd as well", async () => {
  const admin = await administrator();
  const north = await partner(all.worker, "north");
  const fay = new Visitor(all.base);
  await fay.follow(north.path);
  const { data } = await (await fay.accept(await admin.invite("fay@friends.example"))).json();
  assert.deepEqual(referred(await told(all.worker, data.user.id)), [{ by: north.id, method: "token" }]);
});
