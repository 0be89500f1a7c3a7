// The demo site as an EmDash site: its signed-in user, and a sign-in page. Enabled by DEMO=emdash.
import { html } from "./html.mjs";

const COOKIE = "astro-session";
/** One user of each relevant role: roles 10 and up may be partners, 50 is an operator. */
const USERS = [
  { id: "01M7DEMOSUBSCRIBER00000000", email: "reader@north.example", name: "Rae Reader", role: 10, avatarUrl: null, isFirstLogin: false },
  { id: "01M7DEMOEDITOR000000000000", email: "editor@example.com", name: "Eli Editor", role: 40, avatarUrl: null, isFirstLogin: false },
  { id: "01M7DEMOADMIN0000000000000", email: "admin@example.com", name: "Ada Admin", role: 50, avatarUrl: null, isFirstLogin: false },
];

const sessionOf = (cookies) => (cookies ?? "").split(";").map((pair) => pair.trim()).find((pair) => pair.startsWith(`${COOKIE}=`))?.slice(COOKIE.length + 1);

/** `GET /_emdash/api/auth/me`, as EmDash answers it: [status, body]. It recognizes sessions only by the cookie. */
export function me(headers) {
  const user = headers.authorization ? undefined : USERS.find(({ id }) => sessionOf(headers.cookie) === `demo-${id}`);
  if (!user) return [401, { success: false, error: { code: "NOT_AUTHENTICATED", message: "Not authenticated" } }];
  return [200, { success: true, data: user }];
}

/** Only paths on this site, as targets of a redirect. */
const local = (path) => (/^\/(?![/\\])/.test(path ?? "") ? path : "/");

export function signInPage(redirect) {
  return html`<p>A stand-in for the site's own sign-in. Who are you?</p>
    <form method="post" action="/_emdash/admin/login">
      <input type="hidden" name="redirect" value="${local(redirect)}">
      <p class="actions">${USERS.map(({ id, name, role }) => html`<button name="user" value="${id}">${name}, role ${role}</button>`)}
        <button class="second" name="user" value="">Sign out here</button></p>
    </form>`;
}

/** The response to the form: [location, Set-Cookie]. */
export function signIn(form) {
  const user = USERS.find(({ id }) => id === form.get("user"));
  const cookie = user ? `${COOKIE}=demo-${user.id}; Path=/; HttpOnly; SameSite=Lax` : `${COOKIE}=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax`;
  return [local(form.get("redirect")), cookie];
}
