// Buttons that let time pass: they fire cron triggers at future instants.
import { html } from "./html.mjs";
import { holdsEnd, usd } from "./shop.mjs";
import { MONTHLY, SWEEP, WEEKLY, nextMonthly, nextWeekly, said } from "./time.mjs";

/** The demo's present time. */
const now = (state) => Math.max(Date.now(), state.known.clock);

/** The next monthly run: after the hold of every customer so far, and a month later each time. */
export const monthlyAt = (state) => nextMonthly(Math.max(now(state), ...holdsEnd(state)));

const month = (period) => new Intl.DateTimeFormat("en-GB", { month: "long", year: "numeric", timeZone: "UTC" }).format(new Date(`${period}-15T00:00:00Z`));
const several = (count, one, more = `${one}s`) => `${count} ${count === 1 ? one : more}`;

/** A run's report in words. Empty if the run did nothing. */
function words({ run, payouts = [], carried_forward: carried = [] }) {
  if (run.executed === 0 && payouts.length === 0 && carried.length === 0) return [];
  const period = run.cadence === "monthly" ? month(run.period) : run.period;
  const planned = payouts.filter(({ state }) => state === "planned");
  const sum = planned.reduce((cents, one) => cents + one.amount_cents, 0);
  const count = planned.reduce((all, one) => all + one.payouts, 0);
  return [
    `The ${run.cadence} run of ${run.program} settled ${period}: ${several(run.executed, "reward")} came due.`,
    count > 0 && `It planned ${several(count, "payout")}, ${usd(sum)} together. Nothing is paid before an operator approves.`,
    ...carried
      .filter(({ why }) => why === "not_onboarded")
      .map(({ partners, amount_cents: cents }) => `${several(partners, "partner is", "partners are")} owed ${usd(cents)} and cannot be paid yet: they have not finished at Stripe. It waits for the next run.`),
  ].filter(Boolean);
}

async function settle(worker, state, cron, at) {
  await worker.cron(cron, at);
  // The sweep sends the emails.
  await worker.cron(SWEEP, at);
  state.change((known) => (known.clock = at));
  const { data } = await worker.read("/v1/runs");
  const ran = data.filter(({ as_of: asOf }) => Date.parse(asOf) === at);
  const reports = await Promise.all(ran.map(({ id }) => worker.read(`/v1/runs/${id}/report`)));
  const waiting = reports.find(({ payouts = [] }) => payouts.some((one) => one.state === "planned"));
  const lines = reports.flatMap(words);
  const links = [waiting && [`/operator/runs/${waiting.run.id}`, "The run, for the operator to approve"], ["/dev/mail", "The mails it sent"]];
  state.tell(`It is ${said(at)}.`, lines.length > 0 ? lines : "The run found nothing that is due.", links.filter(Boolean));
}

export const passings = {
  month: (worker, state) => settle(worker, state, MONTHLY, monthlyAt(state)),
  week: (worker, state) => settle(worker, state, WEEKLY, nextWeekly(now(state))),
  async minutes(worker, state) {
    await worker.cron(SWEEP, Date.now());
    state.tell("Ten minutes passed.", "The sweep sent what was waiting: mails, webhooks, and payouts that were approved.", [["/dev/mail", "The mails"]]);
  },
};

export function clock(state) {
  const wait = holdsEnd(state).some((end) => end > now(state));
  const label = wait ? "Let the 60 days and the month pass" : "Let a month pass";
  return html`<section id="time" class="sheet" aria-labelledby="time-title">
    <h2 id="time-title">Time</h2>
    <p>What was earned is held for 60 days after a client's first payment. The monthly run then makes it available and plans the payouts. Here it comes at the press of a button: ${said(monthlyAt(state))}.</p>
    <div class="actions">
      <form method="post" action="/shop/time/month"><button>${label}</button></form>
      <form method="post" action="/shop/time/week"><button class="second">Let a week pass</button></form>
      <form method="post" action="/shop/time/minutes"><button class="second">Let ten minutes pass</button></form>
    </div>
  </section>`;
}

/** What happened so far, newest first. */
export function happened(state) {
  const told = ({ title, lines, links }) => html`<strong>${title}</strong>${lines.map((line) => html` ${line}`)}
    ${links.length > 0 && html`<span class="where">${links.map(([path, what]) => html`<a href="${path}">${what}</a> `)}</span>`}`;
  const [last, ...before] = state.known.deeds;
  if (!last) return undefined;
  return html`<div class="notice" role="status">${told(last)}</div>
    ${before.length > 0 && html`<details><summary>Before that</summary><ol class="before">${before.map((deed) => html`<li>${told(deed)}</li>`)}</ol></details>`}`;
}
