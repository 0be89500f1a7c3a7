// The demo's mailbox: accepts emails as Resend does and shows them at /dev/mail. Only the demo site has this page; a
// deployed Worker does not.
import { html, linked } from "./html.mjs";

/** Accepts an email: {from, to: [address], subject, text, html}. A repetition with the same key is the same email. */
export function take(state, body, key) {
  const mail = JSON.parse(body);
  const plain = (value) => (typeof value === "string" ? value : "");
  const to = [mail.to].flat().map(plain).join(", ");
  if (!to || typeof mail.subject !== "string") throw new Error("no mail: to and subject are missing");
  const before = key && state.known.mails.find((other) => other.key === key);
  if (before) return before;
  const taken = { id: state.next(), key, at: Date.now(), from: plain(mail.from), to, subject: mail.subject, text: plain(mail.text), html: plain(mail.html) };
  state.change((known) => known.mails.unshift(taken));
  return taken;
}

const when = (at) => new Date(at).toISOString();

/** All emails, newest first. */
export function box(state) {
  const { mails } = state.known;
  if (mails.length === 0) {
    return html`<div class="empty"><p class="title">No mail yet</p>
      <p>Every mail that the demo sends ends up here: <a href="/partner/join">join as a partner</a>, and the first one comes.</p></div>`;
  }
  return mails.map(
    (mail) => html`<article class="sheet mail" id="mail-${mail.id}" aria-labelledby="subject-${mail.id}">
      <h2 id="subject-${mail.id}">${mail.subject}</h2>
      <p class="quiet">To ${mail.to}, from ${mail.from}, <time datetime="${when(mail.at)}">${when(mail.at).slice(11, 19)} UTC</time></p>
      <p class="letter">${linked(mail.text)}</p>
      <p><a href="/dev/mail/${mail.id}">As HTML</a></p>
    </article>`,
  );
}

/** One email, with its HTML in a frame that runs nothing. */
export function one(mail) {
  return html`<p class="quiet">To ${mail.to}, from ${mail.from}, <time datetime="${when(mail.at)}">${when(mail.at)}</time></p>
    <iframe class="letter" sandbox="allow-top-navigation-by-user-activation" src="/dev/mail/${mail.id}/html" title="The mail as HTML"></iframe>
    <p><a href="/dev/mail">All mails</a></p>`;
}

/** The HTML of an email. Its links navigate the whole page. */
export const framed = (mail) => mail.html.replace("<head>", '<head><base target="_top">');

/** The frame's permissions. */
export const FRAME_CSP = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'; form-action 'none'";
