// What a visitor, or a page of the site, could try against sign-ups that are noticed while they are passed on.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Readable } from "node:stream";
import { brought, eventually, partner, referred, rows, told } from "./support/books.mjs";
import { friendOf, setUpFront } from "./support/friends.mjs";
import { ulid, yesterday } from "./support/owner.mjs";

const COMPLETE = "/_emdash/api/auth/invite/complete";
const CALLBACK = "/_emdash/api/auth/oauth/github/callback";
let all;
let ada;
before(async () => ({ all, ada } = await setUpFront()));
after(() => all?.close());

const friend = (by) => friendOf(all.base, by);

/** A real sign-up: an id. */
async function signUp(visitor, email) {
  const answer = await visitor.accept(await ada.invite(email));
  assert.equal(answer.status, 200);
  return (await answer.json()).data.user.id;
}

/** Waits until what was sent before is through. */
let marks = 0;
async function settled() {
  const id = await signUp(await friend(), `marker${(marks += 1)}@friends.example`);
  assert.notDeepEqual(await told(all.worker, id), [], "sign-ups are not noticed");
}

test("attack: another path that answers in EmDash's shape is no sign-up", async () => {
  const forger = await partner(all.worker, "forger");
  const visitor = await friend(forger);
  const id = ulid(Date.now());
  const paths = [`/forged?id=${id}`, `/forged?id=${id}&path=${COMPLETE}`, `/forged?${COMPLETE}&id=${id}`, `/forged?id=${id}#${COMPLETE}`, `/_emdash/../forged?id=${id}`, `${COMPLETE}/../../../../../../forged?id=${id}`];
  for (const path of paths) {
    assert.equal((await visitor.send(path)).status, 200, path);
    assert.equal((await visitor.ask(path)).status, 200, path);
  }
  await settled();
  assert.deepEqual(await rows(all.worker, id), []);
  assert.deepEqual(await brought(all.worker, forger), []);
});

test("attack: a refused completion, and a refused callback, are no sign-ups", async () => {
  const refused = await partner(all.worker, "refused");
  // Fresh, signed in, without a cookie at her sign-up; then through a link.
  const fay = await friend();
  const id = await signUp(fay, "late@friends.example");
  await fay.follow(refused.path);
  assert.equal((await fay.ask(`${CALLBACK}?error=access_denied`)).status, 302);
  assert.equal((await fay.ask(`${CALLBACK}?code=none&state=none`)).status, 302);
  assert.notEqual((await fay.send(COMPLETE, { token: "none", credential: {} })).status, 200);
  await settled();
  assert.deepEqual(referred(await rows(all.worker, id)), []);
  assert.deepEqual(await brought(all.worker, refused), []);
});

test("attack: a session that was another user's a moment ago names the user of now", async () => {
  const shared = await partner(all.worker, "shared");
  const old = yesterday(all.site, "before@friends.example");
  const visitor = await friend(shared);
  await visitor.byGithub("before@friends.example");
  // Our own look at who is signed in may be kept for a while. EmDash keeps the session's id.
  const session = visitor.cookies.get("astro-session");
  await visitor.send("/api/referral/generate");
  await visitor.byGithub("after@friends.example", await ada.invite("after@friends.example"));
  assert.equal(visitor.cookies.get("astro-session"), session);
  const { id } = (await visitor.me()).data;
  assert.deepEqual(referred(await told(all.worker, id)), [{ by: shared.id, method: "token" }]);
  assert.deepEqual(await rows(all.worker, old), []);
});

test("attack: a made-up cookie, and one that was tampered with, attribute nothing", async () => {
  const victim = await partner(all.worker, "victim");
  const honest = await friend(victim);
  const [name, value] = [...honest.cookies].find(([cookie]) => cookie.includes("manicule"));
  const ids = [];
  for (const cookie of [`${value.slice(0, -2)}AA`, `v1.k1.${Buffer.from("made up").toString("base64url")}.${"A".repeat(43)}`, victim.code, "x".repeat(3000)]) {
    const visitor = await friend();
    visitor.cookies.set(name, cookie);
    ids.push(await signUp(visitor, `tampered${ids.length}@friends.example`));
  }
  for (const id of ids) {
    const known = await told(all.worker, id);
    assert.ok(known.length > 0, "nobody told of it");
    assert.deepEqual(referred(known), []);
  }
});

test("attack: each of two at once is bound by its own cookie", async () => {
  const [left, right] = [await partner(all.worker, "left"), await partner(all.worker, "right")];
  const tokens = [await ada.invite("lena@friends.example"), await ada.invite("rob@friends.example")];
  const visitors = [await friend(left), await friend(right)];
  const answers = await Promise.all(visitors.map((visitor, at) => visitor.accept(tokens[at])));
  const ids = await Promise.all(answers.map(async (answer) => (await answer.json()).data.user.id));
  assert.deepEqual(referred(await told(all.worker, ids[0])), [{ by: left.id, method: "token" }]);
  assert.deepEqual(referred(await told(all.worker, ids[1])), [{ by: right.id, method: "token" }]);
});

test("attack: a hundred at once are a hundred sign-ups", async () => {
  const crowd = await partner(all.worker, "crowd");
  const tokens = [];
  for (let n = 0; n < 100; n += 1) tokens.push(await ada.invite(`crowd${n}@friends.example`));
  const visitors = await Promise.all(tokens.map(() => friend(crowd)));
  const answers = await Promise.all(visitors.map((visitor, at) => visitor.accept(tokens[at])));
  assert.deepEqual([...new Set(answers.map(({ status }) => status))], [200]);
  const accounts = await eventually(async () => {
    const known = await brought(all.worker, crowd);
    return known.length >= 100 && known;
  });
  assert.equal(new Set((accounts || []).map(({ id }) => id)).size, 100);
});

test("50 MB to a path that is watched are EmDash's to refuse, and harm nobody", async () => {
  const part = Buffer.alloc(1_000_000, "x");
  const body = Readable.from((function* () { for (let n = 0; n < 50; n += 1) yield part; })());
  const answer = await (await friend()).ask(COMPLETE, { method: "POST", headers: { "content-type": "application/json" }, body });
  assert.ok(answer.status >= 400 && answer.status < 500, `status ${answer.status}`);
  assert.equal((await (await friend()).ask("/v1/attribution")).status, 200);
});
