// The platform's balance, transfers to connected accounts, and their reversals.
import { emit } from "../events.mjs";
import { invalid, noSuch } from "../errors.mjs";
import { page } from "../lists.mjs";
import { EXPAND, PAGE, currency, integer, metadata, range, required, text, whole } from "../shape.mjs";

function balanceTransaction(store, { type, amount, currency, source, description = null }) {
  const now = store.now();
  return store.put("balance_transaction", {
    id: store.nextId("txn"),
    object: "balance_transaction",
    amount,
    available_on: now,
    balance_type: "payments",
    created: now,
    currency,
    description,
    exchange_rate: null,
    fee: 0,
    fee_details: [],
    net: amount,
    reporting_category: type,
    source,
    status: "available",
    type,
  });
}

// Stripe's page on cross-border payouts: the US, the UK, the EEA, Canada and Switzerland pay each other.
const REGION = new Set(
  "US GB CA CH AT BE BG HR CY CZ DK EE FI FR DE GR HU IE IT LV LT LU MT NL PL PT RO SK SI ES SE IS LI NO".split(" "),
);

/** Stripe pays at home and within the region, and no account under the recipient agreement. */
const isReached = (home, { country, tos_acceptance }) =>
  tos_acceptance.service_agreement !== "recipient" && (country === home || (REGION.has(home) && REGION.has(country)));

function create(world, { amount, currency, destination, description = null, metadata = {}, transfer_group = null }, ids, { request }) {
  const { store } = world;
  whole(amount, currency);
  const account = store.get("account", destination);
  if (!account) throw noSuch("destination", destination, { param: "destination" });
  if (!isReached(store.platform.country, account))
    throw invalid(
      `Funds can't be sent to accounts located in ${account.country} because it's restricted outside of your platform's region. See https://stripe.com/docs/connect/account-capabilities#transfers-cross-border.`,
      { code: "transfers_not_allowed", param: "destination" },
    );
  if (account.capabilities.transfers !== "active")
    throw invalid(
      "Your destination account needs to have at least one of the following capabilities enabled: transfers, crypto_transfers, legacy_payments",
      { code: "insufficient_capabilities_for_transfer" },
    );
  if (amount > (store.balances[currency] ?? 0))
    throw invalid(
      "You have insufficient available funds in your Stripe account. Try adding funds directly to your available balance by creating Charges using the 4000000000000077 test card. See: https://stripe.com/docs/testing#available-balance",
      {
        code: "balance_insufficient",
      },
    );
  store.balances[currency] -= amount;
  store.holds(destination, currency, amount);
  const id = store.nextId("tr");
  const transfer = store.put("transfer", {
    id,
    object: "transfer",
    amount,
    amount_reversed: 0,
    balance_transaction: balanceTransaction(store, { type: "transfer", amount: -amount, currency, source: id, description }).id,
    created: store.now(),
    currency,
    description,
    destination,
    destination_payment: store.nextId("py"),
    livemode: false,
    metadata,
    reversals: { object: "list", data: [], has_more: false, total_count: 0, url: `/v1/transfers/${id}/reversals` },
    reversed: false,
    source_transaction: null,
    source_type: "card",
    transfer_group,
  });
  emit(world, "transfer.created", transfer, { request });
  return transfer;
}

function existing({ store }, id) {
  const transfer = store.get("transfer", id);
  if (!transfer) throw noSuch("transfer", id);
  return transfer;
}

/** Reverses the whole remainder or part of it, if the account still has the money. */
export function reverse(world, { amount, metadata = {}, ...options }, { id }, { request } = {}) {
  const { store } = world;
  const transfer = existing(world, id);
  const rest = transfer.amount - transfer.amount_reversed;
  if (rest === 0) throw invalid(`The transfer ${id} is already fully reversed.`);
  const taken = amount ?? rest;
  whole(taken, transfer.currency);
  if (taken > rest)
    throw invalid(`Reversal amount (${taken}) is greater than the unreversed amount on the transfer (${rest}).`, { param: "amount" });
  if (taken > store.holds(transfer.destination, transfer.currency))
    throw invalid(`The destination account ${transfer.destination} does not have enough available funds to reverse the transfer.`, {
      code: "balance_insufficient",
    });
  store.holds(transfer.destination, transfer.currency, -taken);
  store.balances[transfer.currency] += taken;
  const reversal = store.put("transfer_reversal", {
    id: store.nextId("trr"),
    object: "transfer_reversal",
    amount: taken,
    balance_transaction: null,
    created: store.now(),
    currency: transfer.currency,
    destination_payment_refund: store.nextId("pyr"),
    metadata,
    source_refund: null,
    transfer: id,
  });
  reversal.balance_transaction = balanceTransaction(store, {
    type: "transfer_refund",
    amount: taken,
    currency: transfer.currency,
    source: reversal.id,
  }).id;
  const previous = { amount_reversed: transfer.amount_reversed, reversed: transfer.reversed };
  transfer.amount_reversed += taken;
  transfer.reversed = transfer.amount_reversed === transfer.amount;
  transfer.reversals.data.unshift(reversal);
  transfer.reversals.total_count += 1;
  const { event, done } = emit(world, "transfer.reversed", transfer, { previous, request, ...options });
  return { reversal, event, done };
}

function list({ store }, { transfer_group, destination, created = () => true, ...paging }) {
  const matches = (one) =>
    (!transfer_group || one.transfer_group === transfer_group) && (!destination || one.destination === destination) && created(one.created);
  const all = store.all("transfer");
  return page(all.filter(matches), paging, "/v1/transfers", all);
}

function balance({ store }) {
  const amounts = (of) =>
    Object.entries(store.balances).map(([currency, amount]) => ({ amount: of(amount), currency, source_types: { card: of(amount) } }));
  return {
    object: "balance",
    available: amounts((amount) => amount),
    connect_reserved: Object.keys(store.balances).map((currency) => ({ amount: 0, currency })),
    livemode: false,
    pending: amounts(() => 0),
  };
}

const amount = integer({ min: 1 });

export const routes = [
  {
    method: "POST",
    path: "/v1/transfers",
    shape: {
      ...EXPAND,
      amount: required(amount),
      currency: required(currency()),
      description: text(),
      destination: required(text()),
      metadata: metadata(),
      transfer_group: text(),
    },
    run: create,
  },
  { method: "GET", path: "/v1/transfers", shape: { ...PAGE, created: range(), destination: text(), transfer_group: text() }, run: list },
  { method: "GET", path: "/v1/transfers/:id", shape: EXPAND, run: (world, params, { id }) => existing(world, id) },
  {
    method: "POST",
    path: "/v1/transfers/:id/reversals",
    shape: { ...EXPAND, amount, description: text(), metadata: metadata() },
    // The description belongs to the balance transaction; the reversal has none.
    run: (world, { amount, metadata }, ids, context) => reverse(world, { amount, metadata }, ids, context).reversal,
  },
  {
    method: "GET",
    path: "/v1/transfers/:id/reversals",
    shape: PAGE,
    run: ({ store }, paging, { id }) => page(existing({ store }, id).reversals.data.toReversed(), paging, `/v1/transfers/${id}/reversals`),
  },
  { method: "GET", path: "/v1/balance", shape: EXPAND, run: balance },
];
