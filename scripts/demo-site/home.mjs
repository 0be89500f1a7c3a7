// The demo's first page: what the demo is, and an entry for each role, in the order of the story.
import { html } from "./html.mjs";

/** The demo's operator. */
export const OPERATOR = "operator@example.com";
/** A partner in data.mjs who is already payable. */
const PARTNER = { name: "Studio North", email: "hello@north.example" };

/**
 * Safari keeps no secure cookies over plain HTTP, not even from localhost, so nobody can sign in and no click is
 * remembered.
 */
export function safariNotice(agent = "") {
  if (!/Safari\//.test(agent) || /Chrom|CriOS|FxiOS|Edg|OPR|Android/.test(agent)) return undefined;
  return html`<p class="todo" role="note">Safari does not keep secure cookies on <code>http://127.0.0.1</code>, so signing in and ref links will not work here. Open this page in Chrome, Edge or Firefox.</p>`;
}

const step = (title, text) => html`<li><h3>${title}</h3>${text}</li>`;

export function home(codes, emdash) {
  const link = codes?.north && `/r/${codes.north}`;
  return html`
    <p>Manicule runs on your machine, with a shop behind it, a stand-in for Stripe, and a post box that takes every mail. Nothing leaves this machine. Keep this page open, and try the others in new tabs.</p>
    <h2 id="story">Five minutes, from a link to a payout</h2>
    <ol class="steps">
      ${step("Join as a partner", html`<p><a href="/partner/join" target="_blank">Fill in the form</a> with any address ending in <code>.example</code>. The mail with the link to confirm is in the <a href="/dev/mail" target="_blank">post box</a>.</p>`)}
      ${step("Tell Stripe where to pay", html`<p>On your <a href="/partner/payouts" target="_blank">payouts page</a>, begin Stripe’s onboarding. The stand-in asks for one press.</p>`)}
      ${step("Send somebody to the shop", html`<p>On your <a href="/partner/links" target="_blank">links page</a>, choose your link and press Open link. It leads to <a href="/shop" target="_blank">the shop</a>, which says that a partner sent you. Sign up there and pay for a month.</p>`)}
      ${step("See what you earned", html`<p>Your <a href="/partner/earnings" target="_blank">earnings</a> list a new commission. Open it to see why: 20 % of the payment, held for 60 days.</p>`)}
      ${step("Let the time pass", html`<p>At the foot of <a href="/shop#time" target="_blank">the shop</a>: one press, and the 60 days and the monthly run are behind you.</p>`)}
      ${step("Approve the payout", html`<p><a href="/sign-in?to=/operator" target="_blank">Sign in as the operator</a>, <code>${OPERATOR}</code>, by a link in the <a href="/dev/mail" target="_blank">post box</a>. Under <a href="/operator/runs" target="_blank">Runs</a>, look at what is to be paid, and approve it. That ends your session as a partner in this browser; a private window keeps both.</p>`)}
      ${step("It is paid", html`<p>Approved payouts leave with the next ten-minute job: press <a href="/shop#time" target="_blank">Let ten minutes pass</a>. The run then shows the payout as paid, and the payout Stripe’s transfer. So does your <a href="/partner/payouts" target="_blank">payouts page</a>, once you sign in as the partner again.</p>`)}
    </ol>
    <h2 id="ways">Ways in</h2>
    <dl class="facts">
      <div><dt>A visitor</dt><dd>${link ? html`<a href="${link}" target="_blank">${PARTNER.name}’s link</a> leads to the shop and leaves a signed cookie.` : "The demo data is still being loaded."}</dd></div>
      <div><dt>A new partner</dt><dd><a href="/partner/join" target="_blank">Join</a> with any address.</dd></div>
      <div><dt>A partner with a history</dt><dd><a href="/sign-in?to=/partner" target="_blank">Sign in</a> as <code>${PARTNER.email}</code>, ${PARTNER.name}.</dd></div>
      <div><dt>The operator</dt><dd><a href="/sign-in?to=/operator" target="_blank">Sign in</a> as <code>${OPERATOR}</code>.</dd></div>
      <div><dt>A shop’s customer</dt><dd><a href="/shop" target="_blank">The shop</a>: sign up, pay, be refunded, cancel, and let time pass.</dd></div>
      ${emdash && html`<div><dt>A user of EmDash</dt><dd><a href="/_emdash/admin/login?redirect=/partner" target="_blank">Sign in to the site</a>; the pages then know you.</dd></div>`}
    </dl>`;
}
