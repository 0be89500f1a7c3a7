// Read access to the objects of billing: events, invoices, their payments, and subscriptions.
import { shown } from "../events.mjs";
import { invalid, noSuch } from "../errors.mjs";
import { page } from "../lists.mjs";
import { EXPAND, PAGE, flag, hash, list, oneOf, range, text } from "../shape.mjs";

const EVENTS_KEPT_SECONDS = 30 * 86_400;
const DELIVERED = ["succeeded", "no_endpoint"];

/** The platform's events of the last 30 days, or with the header Stripe-Account those of that connected account. */
function visible({ store }, account) {
  return store
    .all("event")
    .filter((event) => event.object === "event" && event.account === account && event.created >= store.now() - EVENTS_KEPT_SECONDS);
}

function listEvents(world, { type, types, delivery_success, created = () => true, ...paging }, ids, { account }) {
  if (type && types)
    throw invalid("You may only specify one of these parameters: type, types.", { code: "parameters_exclusive", param: "types" });
  const wanted = types ?? (type ? [type] : ["*"]);
  // `charge.*` selects a group.
  const named = (event) => wanted.some((name) => name === event.type || (name.endsWith("*") && event.type.startsWith(name.slice(0, -1))));
  const delivered = (event) => DELIVERED.includes(world.store.deliveries.get(event.id)?.state ?? "no_endpoint");
  const all = visible(world, account);
  const found = all.filter(
    (event) => named(event) && created(event.created) && (delivery_success === undefined || delivered(event) === delivery_success),
  );
  const answer = page(found, paging, "/v1/events", all);
  return { ...answer, data: answer.data.map((event) => shown(world, event)) };
}

function getEvent(world, params, { id }, { account }) {
  const event = visible(world, account).find((one) => one.id === id);
  if (!event) throw noSuch("event", id);
  return shown(world, event);
}

const PAYMENT = hash({ payment_intent: text(), payment_record: text(), type: oneOf("payment_intent", "payment_record") });

function listPayments({ store }, { payment, invoice, status, created = () => true, ...paging }) {
  if (payment && !payment.type)
    throw invalid("Missing required param: payment[type].", { code: "parameter_missing", param: "payment[type]" });
  const matches = (one) =>
    (!payment ||
      (one.payment.type === payment.type &&
        (!payment.payment_intent || one.payment.payment_intent === payment.payment_intent) &&
        !payment.payment_record)) &&
    (!invoice || one.invoice === invoice) &&
    (!status || one.status === status) &&
    created(one.created);
  const all = store.all("invoice_payment");
  return page(all.filter(matches), paging, "/v1/invoice_payments", all);
}

function listSubscriptions({ store }, { customer, price, status, created = () => true, ...paging }) {
  const ended = ["canceled", "incomplete_expired"];
  // Without a status, ended subscriptions are left out.
  const inStatus = (one) =>
    status === "all" ? true : status === "ended" ? ended.includes(one.status) : status ? one.status === status : one.status !== "canceled";
  const matches = (one) =>
    inStatus(one) &&
    (!customer || one.customer === customer) &&
    (!price || one.items.data.some((item) => item.price.id === price)) &&
    created(one.created);
  const all = store.all("subscription");
  return page(all.filter(matches), paging, "/v1/subscriptions", all);
}

const one =
  (kind) =>
  ({ store }, params, { id }) => {
    const object = store.get(kind, id);
    if (!object) throw noSuch(kind.replaceAll("_", " "), id);
    return object;
  };

const STATUSES = ["active", "all", "canceled", "ended", "incomplete", "incomplete_expired", "past_due", "paused", "trialing", "unpaid"];

export const routes = [
  {
    method: "GET",
    path: "/v1/events",
    shape: { ...PAGE, created: range(), delivery_success: flag(), type: text(), types: list(text(), { max: 20 }) },
    run: listEvents,
    // The only endpoint that may be called on behalf of a connected account.
    forAccount: true,
  },
  { method: "GET", path: "/v1/events/:id", shape: EXPAND, run: getEvent, forAccount: true },
  {
    method: "GET",
    path: "/v1/invoice_payments",
    shape: { ...PAGE, created: range(), invoice: text(), payment: PAYMENT, status: oneOf("canceled", "open", "paid") },
    run: listPayments,
  },
  { method: "GET", path: "/v2/core/events/:id", shape: {}, run: one("v2.core.event") },
  { method: "GET", path: "/v1/invoices/:id", shape: EXPAND, run: one("invoice") },
  {
    method: "GET",
    path: "/v1/subscriptions",
    shape: { ...PAGE, created: range(), customer: text(), price: text(), status: oneOf(...STATUSES) },
    run: listSubscriptions,
  },
  { method: "GET", path: "/v1/refunds/:id", shape: EXPAND, run: one("refund") },
  { method: "GET", path: "/v1/credit_notes/:id", shape: EXPAND, run: one("credit_note") },
  { method: "GET", path: "/v1/subscriptions/:id", shape: EXPAND, run: one("subscription") },
];
