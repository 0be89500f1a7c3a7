// The demo's shop: a customer signs up, pays monthly, is refunded, and leaves. Each button sends a signed webhook, as a
// real shop's server would. The shop's own cookie identifies the customer.
import { randomUUID } from "node:crypto";
import { html } from "./html.mjs";
import { afterHold, said } from "./time.mjs";

export const PRICE_CENTS = 29_000;
const COOKIE = "shop_customer";
/**
 * Companies to sign up as, one after the other. They have different domains, because sign-ups that share a domain are
 * held for review.
 */
const COMPANIES = ["Harbour Books", "Juniper Dental", "Lantern Films", "Mill & Daughters", "Quiet Coffee", "Tall Pine Tours"];
export const usd = (cents) => `$${(cents / 100).toFixed(2)}`;

export const customerOf = (state, cookies) => {
  const id = new RegExp(`(?:^|;\\s*)${COOKIE}=([a-z0-9_]+)`).exec(cookies ?? "")?.[1];
  return Object.hasOwn(state.known.customers, id ?? "") ? state.known.customers[id] : undefined;
};
export const customerCookie = (id) => `${COOKIE}=${id ?? ""}; Path=/shop; HttpOnly; SameSite=Lax${id ? "" : "; Max-Age=0"}`;

/** The first payments of all customers, from which their holds count. */
export const holdsEnd = (state) =>
  Object.values(state.known.customers).flatMap(({ payments }) => payments.slice(0, 1).map(({ at }) => afterHold(at)));

const open = (customer) => customer?.payments.filter(({ refunded }) => !refunded) ?? [];

async function whose(worker, answer) {
  const bound = answer.attribution?.find(({ attributed }) => attributed);
  if (!bound) return undefined;
  const partner = await worker.read(`/v1/partners/${bound.partner}`);
  return { ...bound, name: partner.name };
}

/** The accruals that an event created or changed, in words. */
async function earned(worker, answer) {
  const who = await whose(worker, answer);
  if (!who) return "Nobody referred this customer, so nobody earns anything.";
  // Accruals in the program whose link brought the customer. Other programs may have accruals as well.
  const lines = answer.accruals.filter(({ partner }) => partner === who.partner);
  if (lines.length === 0) return `${who.name} earns nothing by it.`;
  return lines.map(({ gross_cents: gross, net_cents: net, state }) =>
    net === gross ? `${who.name} earns ${usd(gross)}: it is ${state}.` : `Of ${usd(gross)} that ${who.name} earned, ${usd(net)} is left: it is ${state}.`,
  );
}

/** The shop's actions. Each takes the worker, the state, the customer and the form, and returns the customer. */
export const deeds = {
  async "sign-up"(worker, state, _customer, form) {
    const number = state.next();
    const name = (form.get("company") ?? "").trim().slice(0, 80) || COMPANIES[number % COMPANIES.length];
    const email = (form.get("email") ?? "").trim().slice(0, 120);
    const customer = { id: `acct_shop_${randomUUID().replaceAll("-", "").slice(0, 12)}`, number, name, email, payments: [] };
    const token = form.get("token");
    const answer = await worker.tell({
      type: "account.signed_up",
      account: { id: customer.id, name, ...(email && { email }) },
      ...(token && { attribution: { token } }),
    });
    const who = await whose(worker, answer);
    customer.partner = who?.name;
    state.change((known) => (known.customers[customer.id] = customer));
    state.tell(
      `${name} signed up.`,
      who ? `It is a client of ${who.name} from now on: the form carried the token of the visit (${who.reason}).` : "Nobody had referred it: the form carried no token.",
      who ? [["/partner/clients", "The partner's clients"]] : [["/", "Back to the steps"]],
    );
    return customer;
  },

  async pay(worker, state, customer) {
    const number = customer.payments.length + 1;
    const [invoice, subscription] = [`in_${customer.id}_${number}`, `sub_${customer.id}`];
    const account = { id: customer.id };
    if (number === 1) await worker.tell({ type: "subscription.started", account, data: { subscription_id: subscription, monthly_cents: PRICE_CENTS } });
    const at = Date.now();
    const answer = await worker.tell({
      type: "invoice.paid",
      occurred_at: new Date(at).toISOString(),
      account,
      amount: { cents: PRICE_CENTS, currency: "usd" },
      data: { invoice_id: invoice, subscription_id: subscription },
    });
    state.change(() => customer.payments.push({ invoice, at }));
    const end = afterHold(customer.payments[0].at);
    const until = said(end).split(",").slice(0, 2).join(",");
    const held = end > state.known.clock ? `It is held for 60 days after the first payment, until ${until}; then a monthly run makes it available.` : "Its 60 days are over: the next monthly run makes it available.";
    state.tell(
      `${customer.name} paid ${usd(PRICE_CENTS)} for a month.`,
      [await earned(worker, answer), customer.partner && held].flat(),
      customer.partner ? [["/partner/earnings", "The partner's earnings"], ["#time", "Let the time pass"]] : [],
    );
    return customer;
  },

  async refund(worker, state, customer) {
    const payment = open(customer).at(-1);
    if (!payment) throw new Error("There is no payment to give back.");
    const answer = await worker.tell({
      type: "invoice.refunded",
      account: { id: customer.id },
      amount: { cents: PRICE_CENTS, currency: "usd" },
      data: { refund_id: `re_${payment.invoice}`, invoice_id: payment.invoice },
    });
    state.change(() => (payment.refunded = true));
    state.tell(`${customer.name} got its last payment back.`, await earned(worker, answer), [["/partner/earnings", "The partner's earnings"]]);
    return customer;
  },

  async cancel(worker, state, customer) {
    const answer = await worker.tell({ type: "account.cancelled", account: { id: customer.id } });
    state.change(() => (customer.cancelled = true));
    state.tell(
      `${customer.name} cancelled.`,
      [await earned(worker, answer), customer.partner && "Who leaves within the 60 days earns the partner nothing."].flat(),
      [["/partner/clients", "The partner's clients"]],
    );
    return customer;
  },

  /** Lets another customer use this browser. */
  async leave() {
    return undefined;
  },
};

/** What each action needs besides a customer. */
const possible = (customer) => ({
  "sign-up": !customer,
  pay: Boolean(customer) && !customer.cancelled,
  refund: open(customer).length > 0,
  cancel: Boolean(customer) && !customer.cancelled,
  leave: Boolean(customer),
});
export const mayDo = (name, customer) => Object.hasOwn(deeds, name) && possible(customer)[name];

const press = (name, label, tone) => html`<form method="post" action="/shop/${name}"><button class="${tone}">${label}</button></form>`;

function visitor(state, { token, program }) {
  const company = COMPANIES[state.known.count % COMPANIES.length];
  const host = company.toLowerCase().replaceAll(/[^a-z]+/g, "-");
  return html`
    ${
      token
        ? html`<p class="told" data-referred="${program}"><strong>A partner sent you.</strong> Your browser carries the signed cookie of that visit (program ${program}); the form below has its token in a hidden field.</p>`
        : html`<p class="told" data-referred=""><strong>Nobody sent you.</strong> Sign up now, and no partner earns anything. Open a partner's link first: the one on <a href="/partner/links">your links page</a>, or <a href="/">that of the demo's partner</a>.</p>`
    }
    <form method="post" action="/shop/sign-up" class="stack">
      <input type="hidden" name="token" value="${token ?? ""}">
      <div class="field"><label for="company">Company</label><input id="company" name="company" value="${company}" required maxlength="80" autocomplete="off"></div>
      <div class="field"><label for="email">Email</label><input id="email" name="email" type="email" value="owner@${host}.example" required maxlength="120" autocomplete="off"></div>
      <button>Sign up</button>
    </form>`;
}

function account(customer) {
  const can = possible(customer);
  const paid = customer.payments.map(({ invoice, refunded }) => html`<li>${usd(PRICE_CENTS)}, ${invoice}${refunded ? ", given back" : ""}</li>`);
  return html`
    <p class="told">You are <strong>${customer.name}</strong>${customer.cancelled ? ", and have cancelled" : ""}. ${
      customer.partner ? html`You are a client of ${customer.partner}.` : "No partner referred you."
    }</p>
    ${paid.length > 0 && html`<ul>${paid}</ul>`}
    <div class="actions">
      ${can.pay && press("pay", `Pay a month, ${usd(PRICE_CENTS)}`)}
      ${can.refund && press("refund", "Get the last payment back", "second")}
      ${can.cancel && press("cancel", "Cancel", "second")}
      ${press("leave", "Be another customer", "second")}
    </div>`;
}

/** The shop as a visitor or customer sees it. */
export const counter = (state, customer, attribution) => (customer ? account(customer) : visitor(state, attribution));
