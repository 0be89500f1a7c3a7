// Completed checkouts: of a subscription, of an invoice, or of something that is bought once.
import { emit } from "../events.mjs";
import { Misuse, customerFor, named, overridden, scenarioFields } from "./parts.mjs";
import { charged } from "./payments.mjs";

const DAY = 86_400;

export const CHECKOUT_FIELDS = [
  "customer",
  "email",
  "name",
  "client_reference_id",
  "subscription",
  "invoice",
  "amount_total",
  "currency",
  "mode",
  "payment_status",
  "amount_tax",
  "amount_shipping",
  "amount_discount",
  "metadata",
  "override",
];

/** The session after its customer has paid or begun a trial. */
export function completeCheckout(world, body, options) {
  const { store } = world;
  const subscription = body.subscription ? named(world, "subscription", body.subscription) : null;
  const customer = customerFor(world, { ...body, customer: body.customer ?? subscription?.customer });
  const invoice = store.get("invoice", body.invoice ?? subscription?.latest_invoice);
  const total = body.amount_total ?? invoice?.total ?? 0;
  const email = body.email ?? customer.email;
  const currency = body.currency ?? subscription?.currency ?? invoice?.currency ?? "usd";
  const mode = body.mode ?? (subscription ? "subscription" : "payment");
  const status = body.payment_status ?? (total > 0 ? "paid" : "no_payment_required");
  const { amount_tax = 0, amount_shipping = 0, amount_discount = 0 } = body;
  // What is bought once has a payment of its own unless an invoice is made for it.
  const isOneTime = mode === "payment" && !invoice && total > 0;
  const intent = isOneTime ? charged(world, { amount: total, currency, customer, description: null }).intent : null;
  const session = overridden(
    {
      id: store.nextId("cs_test"),
      object: "checkout.session",
      adaptive_pricing: null,
      after_expiration: null,
      allow_promotion_codes: null,
      amount_subtotal: invoice?.subtotal ?? total,
      amount_total: total,
      automatic_tax: { enabled: false, liability: null, provider: null, status: null },
      billing_address_collection: null,
      cancel_url: null,
      client_reference_id: body.client_reference_id ?? null,
      client_secret: null,
      consent: null,
      created: store.now(),
      currency,
      custom_fields: [],
      customer: customer.id,
      customer_account: null,
      customer_creation: "always",
      customer_details: {
        address: null,
        business_name: null,
        email,
        individual_name: null,
        name: body.name ?? customer.name,
        phone: null,
        tax_exempt: "none",
        tax_ids: [],
      },
      // Only what was filled in before the customer came. The address that they typed is in `customer_details`.
      customer_email: null,
      discounts: [],
      expires_at: store.now() + DAY,
      invoice: invoice?.id ?? null,
      invoice_creation: null,
      livemode: false,
      locale: null,
      metadata: body.metadata ?? {},
      mode,
      payment_intent: intent?.id ?? null,
      payment_link: null,
      payment_method_collection: "always",
      payment_method_types: ["card"],
      payment_status: status,
      setup_intent: null,
      shipping_options: [],
      status: "complete",
      submit_type: null,
      subscription: subscription?.id ?? null,
      success_url: "https://app.example/welcome",
      total_details: { amount_discount, amount_shipping, amount_tax },
      ui_mode: "hosted",
      url: null,
    },
    body.override,
  );
  store.put("checkout.session", session);
  const made = { session: session.id, customer: customer.id, payment_intent: session.payment_intent };
  return { ...made, emitted: [emit(world, "checkout.session.completed", session, options)] };
}

function checkout(world, body, options) {
  scenarioFields(body, CHECKOUT_FIELDS);
  return completeCheckout(world, body, options);
}

/** A payment that takes days, such as a bank debit, has succeeded. */
function paid(world, body, options) {
  scenarioFields(body, ["session"]);
  const session = named(world, "checkout.session", body.session);
  if (session.payment_status !== "unpaid") throw new Misuse(`${session.id} is ${session.payment_status}`);
  session.payment_status = "paid";
  return { session: session.id, emitted: [emit(world, "checkout.session.async_payment_succeeded", session, options)] };
}

export const checkouts = { checkout_completed: checkout, checkout_paid: paid };
