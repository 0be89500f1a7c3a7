// Customers, and their credit or debt, which the next invoice takes into account.
import { invalid, noSuch } from "../errors.mjs";
import { page } from "../lists.mjs";
import { EXPAND, PAGE, currency, email, integer, metadata, required, text, whole } from "../shape.mjs";

export function makeCustomer({ store }, { email = null, name = null, description = null, phone = null, metadata = {} }) {
  return store.put("customer", {
    id: store.nextId("cus"),
    object: "customer",
    address: null,
    balance: 0,
    created: store.now(),
    currency: null,
    customer_account: null,
    default_source: null,
    delinquent: false,
    description,
    discount: null,
    email,
    invoice_credit_balance: {},
    invoice_prefix: "STANDIN",
    invoice_settings: { custom_fields: null, default_payment_method: null, footer: null, rendering_options: null },
    livemode: false,
    metadata,
    name,
    next_invoice_sequence: 1,
    phone,
    preferred_locales: [],
    shipping: null,
    tax_exempt: "none",
    test_clock: null,
  });
}

function existing({ store }, id) {
  const customer = store.get("customer", id);
  if (!customer) throw noSuch("customer", id);
  return customer;
}

/** Changes a customer's balance in a currency. Below zero it is a credit. */
export function moveBalance({ store }, customer, { amount, currency, type, description = null, invoice = null, metadata = {} }) {
  customer.currency ??= currency;
  const ending_balance = (customer.invoice_credit_balance[currency] ?? 0) + amount;
  customer.invoice_credit_balance[currency] = ending_balance;
  // `balance` is in the customer's own currency.
  if (customer.currency === currency) customer.balance = ending_balance;
  return store.put("customer_balance_transaction", {
    id: store.nextId("cbtxn"),
    object: "customer_balance_transaction",
    amount,
    checkout_session: null,
    created: store.now(),
    credit_note: null,
    currency,
    customer: customer.id,
    customer_account: null,
    description,
    ending_balance,
    invoice,
    livemode: false,
    metadata,
    type,
  });
}

function credit(world, params, { id }) {
  const customer = existing(world, id);
  if (params.amount === 0) throw invalid("Amount must not be zero.", { param: "amount" });
  whole(params.amount, params.currency);
  return moveBalance(world, customer, { ...params, type: "adjustment" });
}

export const routes = [
  {
    method: "POST",
    path: "/v1/customers",
    shape: { ...EXPAND, description: text(), email: email(), metadata: metadata(), name: text(), phone: text() },
    run: makeCustomer,
  },
  { method: "GET", path: "/v1/customers/:id", shape: EXPAND, run: (world, params, { id }) => existing(world, id) },
  {
    method: "POST",
    path: "/v1/customers/:id/balance_transactions",
    shape: {
      ...EXPAND,
      amount: required(integer()),
      currency: required(currency()),
      description: text({ max: 350 }),
      metadata: metadata(),
    },
    run: credit,
  },
  {
    method: "GET",
    path: "/v1/customers/:id/balance_transactions",
    shape: PAGE,
    run(world, paging, { id }) {
      const { id: customer } = existing(world, id);
      const all = world.store.all("customer_balance_transaction").filter((one) => one.customer === customer);
      return page(all, paging, `/v1/customers/${id}/balance_transactions`, all);
    },
  },
];
