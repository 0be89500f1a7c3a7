// Objects as older versions of the API show them. An event keeps the version in which it was created, so webhooks
// receive old shapes long after the pinned version has moved on.

export const API_VERSION = "2026-10-28.endive";

// With basil, invoices lost `subscription`, `charge`, `payment_intent` and `tax`, and periods moved to subscription
// items.
const BASIL = "2025-03-31";
// From this version on a charge no longer lists its refunds.
const REFUNDS_LEFT_CHARGES = "2022-11-15";

/** A version is a date, optionally with a name. */
export const isVersion = (text) => /^20\d\d-\d\d-\d\d(\.[a-z]+)?$/.test(text);

const dateOf = (version) => version.slice(0, 10);

function without(object, ...names) {
  return Object.fromEntries(Object.entries(object).filter(([name]) => !names.includes(name)));
}

const oldTax = (tax) => ({
  amount: tax.amount,
  inclusive: tax.tax_behavior === "inclusive",
  tax_rate: tax.tax_rate_details?.tax_rate ?? null,
  taxability_reason: tax.taxability_reason,
  taxable_amount: tax.taxable_amount,
});

/** The price as subscriptions had it before prices existed. Events still carry both. */
export function planOf(price) {
  const { interval = null, interval_count = null, usage_type = "licensed" } = price.recurring ?? {};
  const plan = {
    id: price.id,
    object: "plan",
    active: true,
    amount: price.unit_amount,
    amount_decimal: price.unit_amount_decimal,
    billing_scheme: "per_unit",
  };
  return {
    ...plan,
    created: price.created,
    currency: price.currency,
    interval,
    interval_count,
    livemode: price.livemode,
    metadata: {},
    nickname: price.nickname,
    product: price.product,
    usage_type,
  };
}

function oldLine(store, line) {
  const details = line.parent?.subscription_item_details ?? line.parent?.invoice_item_details;
  const price = store.get("price", line.pricing?.price_details?.price) ?? null;
  const excluding =
    line.amount - (line.taxes ?? []).filter((tax) => tax.tax_behavior === "inclusive").reduce((sum, tax) => sum + tax.amount, 0);
  return {
    ...without(line, "parent", "pricing", "taxes", "subtotal", "pretax_credit_amounts", "quantity_decimal"),
    amount_excluding_tax: excluding,
    plan: price && planOf(price),
    price,
    proration: details?.proration ?? false,
    proration_details: details?.proration_details ?? { credited_items: null },
    subscription: details?.subscription ?? null,
    subscription_item: details?.subscription_item,
    tax_amounts: (line.taxes ?? []).map(oldTax),
    tax_rates: [],
    type: line.parent?.type === "subscription_item_details" ? "subscription" : "invoiceitem",
    unit_amount_excluding_tax: line.quantity ? String(excluding / line.quantity) : null,
  };
}

function oldInvoice(store, invoice) {
  const details = invoice.parent?.subscription_details ?? null;
  const payment = store.all("invoice_payment").find((one) => one.invoice === invoice.id);
  const intent = payment && store.get("payment_intent", payment.payment.payment_intent);
  return {
    ...without(invoice, "parent", "total_taxes", "payments", "amount_overpaid", "customer_account", "total_pretax_credit_amounts"),
    charge: intent?.latest_charge ?? null,
    discount: null,
    lines: { ...invoice.lines, data: invoice.lines.data.map((line) => oldLine(store, line)) },
    paid: invoice.status === "paid",
    paid_out_of_band: false,
    payment_intent: intent?.id ?? null,
    quote: null,
    subscription: details?.subscription ?? null,
    subscription_details: details && { metadata: details.metadata },
    tax: invoice.total_taxes.length ? invoice.total_taxes.reduce((sum, tax) => sum + tax.amount, 0) : null,
    total_tax_amounts: invoice.total_taxes.map(oldTax),
  };
}

function oldSubscription(store, subscription) {
  const [first] = subscription.items.data;
  const items = subscription.items.data.map((item) => without(item, "current_period_start", "current_period_end", "current_trial"));
  return {
    ...without(subscription, "billing_mode", "billing_schedules", "customer_account", "managed_payments"),
    current_period_end: first.current_period_end,
    current_period_start: first.current_period_start,
    discount: null,
    items: { ...subscription.items, data: items },
    plan: items.length === 1 ? first.plan : null,
    quantity: items.length === 1 ? first.quantity : null,
  };
}

function oldCharge(store, charge, version) {
  const payment = store.all("invoice_payment").find((one) => one.payment.payment_intent === charge.payment_intent);
  const refunds = store
    .all("refund")
    .filter((refund) => refund.charge === charge.id)
    .toReversed();
  const listed = { object: "list", data: refunds, has_more: false, total_count: refunds.length, url: `/v1/charges/${charge.id}/refunds` };
  return { ...charge, invoice: payment?.invoice ?? null, ...(dateOf(version) < REFUNDS_LEFT_CHARGES && { refunds: listed }) };
}

const OLD = { invoice: oldInvoice, subscription: oldSubscription, charge: oldCharge };

/** A copy of an object as that version shows it. */
export function rendered(store, object, version) {
  const old = dateOf(version) < BASIL ? OLD[object.object] : undefined;
  return structuredClone(old ? old(store, object, version) : object);
}
