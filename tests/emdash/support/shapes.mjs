// What EmDash 0.32.0 answered on the paths that the Worker watches, as recorded behind it with Node 22. A test compares
// the real answers with these, so that another version's difference is noticed.
//
// Learned besides:
// - `session.set` always sends the cookie, and keeps the id of a request that brought a known one: signing in does not
//   change it.
// - A refused callback is a redirect, too, to the sign-in page with `error=`, and sets no cookie.
// - The wizard's `setup/admin/verify` answers in the shape of `complete`, and makes no session.
// - `passkey/verify`, which signs in, answers in the shape of `complete`.
// - A form with invalid fields is answered with 200 and `data.success: false`. The trap for robots (`_hp`) is answered
//   like a success, and stores nothing. The body is read as JSON whatever its type says; others are refused with 400.
import assert from "node:assert/strict";

const SESSION = /^astro-session=[0-9a-f-]{36}; Path=\/; HttpOnly; Secure; SameSite=Lax$/;
const SESSION_ENDED = /^astro-session=deleted; Path=\/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly; Secure; SameSite=Lax$/;
export const ULID = /^[0-9A-HJKMNP-TV-Z]{26}$/;

const json = (status, data, cookies = []) => ({ status, type: "application/json", data: { success: true, data }, cookies });
const USER = { id: ULID, email: String, name: String, role: Number };

export const AUTH_ANSWERS = {
  /** POST /_emdash/api/auth/invite/complete and signup/complete. */
  complete: json(200, { success: true, user: USER }, [SESSION]),
  /** GET /_emdash/api/auth/me. */
  me: json(200, { ...USER, avatarUrl: null, isFirstLogin: true }),
  /** GET /_emdash/api/auth/oauth/{provider}/callback, of a sign-up and of a sign-in. */
  callback: { status: 302, location: /^\/_emdash\/admin$/, cookies: [SESSION] },
  refusedCallback: { status: 302, location: /^\/_emdash\/admin\/login\?error=signup_not_allowed&/, cookies: [] },
  /** POST /_emdash/api/auth/logout. */
  logout: json(200, { success: true, message: String }, [SESSION_ENDED]),
  nobody: { status: 401, type: "application/json", data: { success: false, error: { code: "NOT_AUTHENTICATED", message: String } }, cookies: [] },
  /** POST /_emdash/api/plugins/emdash-forms/submit. */
  submitted: json(200, { success: true, message: String }),
  invalid: json(200, { success: false, errors: Array }),
};

function assertLike(shape, value, where) {
  if (shape === String) assert.equal(typeof value, "string", where);
  else if (shape === Number) assert.equal(typeof value, "number", where);
  else if (shape === Array) assert.ok(Array.isArray(value), where);
  else if (shape instanceof RegExp) assert.match(String(value), shape, where);
  else if (shape === null || typeof shape !== "object") assert.equal(value, shape, where);
  else {
    assert.deepEqual(Object.keys(value).sort(), Object.keys(shape).sort(), where);
    for (const [name, part] of Object.entries(shape)) assertLike(part, value[name], `${where}.${name}`);
  }
}

/** Compares an answer with a shape. Its body is read. */
export async function assertShape({ status, type, data, location, cookies }, answer) {
  const body = await answer.text();
  assert.equal(answer.status, status, body);
  if (type) assert.equal(answer.headers.get("content-type"), type);
  if (location) assert.match(answer.headers.get("location"), location);
  const lines = answer.headers.getSetCookie();
  assert.equal(lines.length, cookies.length, String(lines));
  cookies.forEach((cookie, at) => assert.match(lines[at], cookie));
  if (data) assertLike(data, JSON.parse(body), "answer");
}
