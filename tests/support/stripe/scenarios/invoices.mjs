// Paid invoices with their payments.
import { emit } from "../events.mjs";
import { moveBalance } from "../api/customers.mjs";
import { totals } from "./amounts.mjs";
import { charged, grown } from "./payments.mjs";
import { Misuse, customerFor, named, overridden, priceFor, scenarioFields } from "./parts.mjs";
import { renew } from "./subscriptions.mjs";

/** Whether the latest invoice covers the present period. After the end of a trial it does not. */
function periodIsBilled({ store }, subscription) {
  const [line] = store.get("invoice", subscription.latest_invoice).lines.data;
  return line.period.start === subscription.items.data[0].current_period_start;
}

/** Lines as given by a test, or those of the subscription's items. */
function wantedLines(subscription, lines) {
  if (lines) return lines;
  if (!subscription) throw new Misuse("an invoice needs lines, or a subscription that has items");
  const trial = subscription.status === "trialing";
  return subscription.items.data.map((item) => ({
    price: item.price.id,
    quantity: item.quantity,
    item: item.id,
    ...(trial && { amount: 0, description: "Trial period" }),
    period: { start: item.current_period_start, end: item.current_period_end },
  }));
}

const LINE_FIELDS = [
  "price",
  "unit_amount",
  "quantity",
  "interval",
  "interval_count",
  "product",
  "nickname",
  "amount",
  "description",
  "proration",
  "period",
  "item",
  "metadata",
];

function lineOf(world, wanted, { invoice, subscription, currency, discountId, off, tax, taxAmount }) {
  const { store } = world;
  const price = priceFor(world, wanted, currency);
  const quantity = wanted.quantity ?? 1;
  const amount = wanted.amount ?? price.unit_amount * quantity;
  const proration = wanted.proration ?? false;
  const details = { proration, proration_details: { credited_items: null }, subscription: subscription?.id ?? null };
  const parent = subscription
    ? {
        invoice_item_details: null,
        subscription_item_details: {
          invoice_item: proration ? store.nextId("ii") : null,
          ...details,
          subscription_item: wanted.item ?? subscription.items.data[0].id,
        },
        type: "subscription_item_details",
      }
    : {
        invoice_item_details: { invoice_item: store.nextId("ii"), ...details },
        subscription_item_details: null,
        type: "invoice_item_details",
      };
  return {
    id: store.nextId("il"),
    object: "line_item",
    amount,
    currency,
    description:
      wanted.description ?? `${quantity} × ${price.nickname ?? price.product} (at ${price.unit_amount} / ${price.recurring.interval})`,
    discount_amounts: off ? [{ amount: off, discount: discountId }] : [],
    discountable: !proration,
    discounts: off ? [discountId] : [],
    invoice,
    livemode: false,
    metadata: wanted.metadata ?? {},
    parent,
    period: wanted.period ?? { start: store.now(), end: store.now() },
    pretax_credit_amounts: [],
    pricing: {
      price_details: { price: price.id, product: price.product },
      type: "price_details",
      unit_amount_decimal: amount === 0 ? "0" : price.unit_amount_decimal,
    },
    quantity,
    quantity_decimal: String(quantity),
    subscription: subscription?.id ?? null,
    subtotal: amount,
    taxes: taxAmount ? [taxEntry(taxAmount, tax, amount - off)] : [],
  };
}

const taxEntry = (amount, tax, base) => ({
  amount,
  tax_behavior: tax.inclusive ? "inclusive" : "exclusive",
  tax_rate_details: { tax_rate: "txr_00000001" },
  taxability_reason: "standard_rated",
  taxable_amount: tax.inclusive ? base - amount : base,
  type: "tax_rate_details",
});

/** One payment of an invoice, and the object that links them. A payment that exists already grows by the amount. */
function pay(world, invoice, amount, isDefault, existing) {
  const { store } = world;
  const { intent, charge } = existing
    ? grown(world, existing, amount)
    : charged(world, { amount, currency: invoice.currency, customer: named(world, "customer", invoice.customer) });
  const now = store.now();
  const payment = store.put("invoice_payment", {
    id: store.nextId("inpay"),
    object: "invoice_payment",
    amount_paid: amount,
    amount_requested: amount,
    created: now,
    currency: invoice.currency,
    invoice: invoice.id,
    is_default: isDefault,
    livemode: false,
    payment: { payment_intent: intent.id, type: "payment_intent" },
    status: "paid",
    status_transitions: { canceled_at: null, paid_at: now },
  });
  return { intent, charge, payment };
}

function invoiceObject(world, { id, body, customer, subscription, currency, reason, sums, lines, discountId }) {
  const { store } = world;
  const now = store.now();
  const [{ period }] = lines;
  const starting = customer.invoice_credit_balance[currency] ?? 0;
  return {
    id,
    object: "invoice",
    account_country: "US",
    account_name: "Stand-in",
    account_tax_ids: null,
    amount_due: sums.amount_due,
    amount_overpaid: 0,
    amount_paid: sums.amount_due,
    amount_remaining: 0,
    amount_shipping: 0,
    application: null,
    attempt_count: sums.amount_due ? 1 : 0,
    attempted: true,
    auto_advance: false,
    automatic_tax: { disabled_reason: null, enabled: false, liability: null, provider: null, status: null },
    automatically_finalizes_at: null,
    billing_reason: reason,
    collection_method: "charge_automatically",
    created: now,
    currency,
    custom_fields: null,
    customer: customer.id,
    customer_account: null,
    customer_address: null,
    customer_email: customer.email,
    customer_name: customer.name,
    customer_phone: null,
    customer_shipping: null,
    customer_tax_exempt: "none",
    customer_tax_ids: [],
    default_payment_method: null,
    default_source: null,
    default_tax_rates: [],
    description: null,
    discounts: sums.discount ? [discountId] : [],
    due_date: null,
    effective_at: now,
    ending_balance: sums.ending,
    footer: null,
    from_invoice: null,
    hosted_invoice_url: null,
    invoice_pdf: null,
    issuer: { type: "self" },
    last_finalization_error: null,
    latest_revision: null,
    lines: { object: "list", data: lines, has_more: false, total_count: lines.length, url: `/v1/invoices/${id}/lines` },
    livemode: false,
    metadata: body.metadata ?? {},
    next_payment_attempt: null,
    number: `STANDIN-${String(customer.next_invoice_sequence++).padStart(4, "0")}`,
    on_behalf_of: null,
    parent: subscription
      ? {
          quote_details: null,
          subscription_details: { metadata: subscription.metadata, subscription: subscription.id },
          type: "subscription_details",
        }
      : null,
    payment_settings: { default_mandate: null, payment_method_options: null, payment_method_types: null },
    period_end: period.end,
    period_start: period.start,
    post_payment_credit_notes_amount: 0,
    pre_payment_credit_notes_amount: 0,
    receipt_number: null,
    rendering: null,
    shipping_cost: null,
    shipping_details: null,
    starting_balance: starting,
    statement_descriptor: null,
    status: "paid",
    status_transitions: { finalized_at: now, marked_uncollectible_at: null, paid_at: now, voided_at: null },
    subtotal: sums.subtotal,
    subtotal_excluding_tax: sums.subtotal_excluding_tax,
    test_clock: null,
    total: sums.total,
    total_discount_amounts: sums.discount ? [{ amount: sums.discount, discount: discountId }] : [],
    total_excluding_tax: sums.total_excluding_tax,
    total_pretax_credit_amounts: [],
    total_taxes: sums.tax ? [taxEntry(sums.tax, body.tax, sums.subtotal - sums.discount)] : [],
    webhooks_delivered_at: null,
  };
}

export const INVOICE_FIELDS = [
  "customer",
  "email",
  "name",
  "subscription",
  "lines",
  "currency",
  "discount",
  "tax",
  "billing_reason",
  "payments",
  "payment_intent",
  "metadata",
  "noise",
  "override",
];

/**
 * Creates a paid invoice. For a subscription, the first is that of its creation, and each further one begins a period.
 */
export function makePaidInvoice(world, body) {
  const { store } = world;
  const subscription = body.subscription ? named(world, "subscription", body.subscription) : null;
  const customer = subscription ? named(world, "customer", subscription.customer) : customerFor(world, body);
  const currency = body.currency ?? subscription?.currency ?? "usd";
  const reason =
    body.billing_reason ?? (subscription ? (subscription.latest_invoice ? "subscription_cycle" : "subscription_create") : "manual");
  if (subscription && reason === "subscription_cycle" && !body.lines && periodIsBilled(world, subscription)) renew(subscription);
  const wanted = wantedLines(subscription, body.lines);
  for (const line of wanted)
    for (const name of Object.keys(line)) if (!LINE_FIELDS.includes(name)) throw new Misuse(`unknown field ${name} of a line`);
  const id = store.nextId("in");
  const amounts = wanted.map((line) => line.amount ?? priceFor(world, line, currency).unit_amount * (line.quantity ?? 1));
  const starting = customer.invoice_credit_balance[currency] ?? 0;
  const sums = totals(amounts, { discount: body.discount, tax: body.tax, starting });
  const discountId = sums.discount ? store.nextId("di") : null;
  const lines = wanted.map((line, index) =>
    lineOf(world, line, {
      invoice: id,
      subscription,
      currency,
      discountId,
      off: sums.discounts[index],
      tax: body.tax,
      taxAmount: sums.taxes[index],
    }),
  );
  const invoice = store.put(
    "invoice",
    invoiceObject(world, { id, body, customer, subscription, currency, reason, sums, lines, discountId }),
  );
  if (sums.ending !== starting)
    moveBalance(world, customer, { amount: sums.ending - starting, currency, type: "applied_to_invoice", invoice: id });
  const parts = body.payments ?? (sums.amount_due > 0 ? [sums.amount_due] : []);
  if (parts.reduce((total, part) => total + part, 0) !== sums.amount_due)
    throw new Misuse(`payments do not add up to the amount due, ${sums.amount_due}`);
  const paid = parts.map((amount, index) => pay(world, invoice, amount, index === 0, body.payment_intent));
  if (subscription) subscription.latest_invoice = id;
  overridden(invoice, body.override);
  return { invoice, paid };
}

/** A scenario's result for an invoice. */
export const told = ({ invoice, paid }) => ({
  customer: invoice.customer,
  invoice: invoice.id,
  amount_paid: invoice.amount_paid,
  total_excluding_tax: invoice.total_excluding_tax,
  charges: paid.map(({ charge }) => charge.id),
  payment_intents: paid.map(({ intent }) => intent.id),
});

/** `invoice.paid`. With `noise`, also the events that arrive with it at an endpoint that receives every type. */
export function emitPaid(world, { invoice, paid }, options, noise) {
  const around = ({ charge, payment }) => [
    emit(world, "charge.succeeded", charge, options),
    emit(world, "invoice_payment.paid", payment, options),
  ];
  return [
    ...(noise ? paid.flatMap(around) : []),
    emit(world, "invoice.paid", invoice, options),
    ...(noise ? [emit(world, "invoice.payment_succeeded", invoice, options)] : []),
  ];
}

function paidScenario(world, body, options) {
  scenarioFields(body, INVOICE_FIELDS);
  const made = makePaidInvoice(world, body);
  return { ...told(made), emitted: emitPaid(world, made, options, body.noise) };
}

export const invoices = { invoice_paid: paidScenario };
