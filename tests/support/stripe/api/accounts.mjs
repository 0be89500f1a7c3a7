// Connected accounts, their onboarding links and their dashboard links.
import { emit } from "../events.mjs";
import { invalid, noSuch, missing } from "../errors.mjs";
import { page } from "../lists.mjs";
import { EXPAND, PAGE, address, country, currency, email, flag, hash, integer, metadata, oneOf, range, required, text } from "../shape.mjs";

const LINK_SECONDS = 300;
// Stripe's requirements for a person in the United States. A partner's page shows them in words.
const ASKED = ["business_profile.url", "business_type", "external_account", "tos_acceptance.date", "tos_acceptance.ip"];
const CURRENCY_OF = {
  US: "usd",
  GB: "gbp",
  CA: "cad",
  AU: "aud",
  CH: "chf",
  JP: "jpy",
  BR: "brl",
  IN: "inr",
  MX: "mxn",
  SE: "sek",
  NO: "nok",
  DK: "dkk",
  PL: "pln",
  CZ: "czk",
  RO: "ron",
  HU: "huf",
  SG: "sgd",
  NZ: "nzd",
};

const capability = hash({ requested: flag() });
const PROFILE = { mcc: text(), name: text(), product_description: text(), support_email: email(), support_url: address(), url: address() };
const SHAPE = {
  ...EXPAND,
  business_profile: hash(PROFILE),
  business_type: oneOf("company", "government_entity", "individual", "non_profit"),
  capabilities: hash({ transfers: capability, card_payments: capability, tax_reporting_us_1099_misc: capability }),
  default_currency: currency(),
  email: email(),
  metadata: metadata({ unset: true }),
  tos_acceptance: hash({ date: integer(), ip: text(), service_agreement: oneOf("full", "recipient"), user_agent: text() }),
};
const CONTROLLER = {
  fees: hash({ payer: oneOf("account", "application") }),
  losses: hash({ payments: oneOf("application", "stripe") }),
  requirement_collection: oneOf("application", "stripe"),
  stripe_dashboard: hash({ type: oneOf("express", "full", "none") }),
};

const requirements = (due, disabled_reason) => ({
  alternatives: [],
  current_deadline: null,
  currently_due: due,
  disabled_reason,
  errors: [],
  eventually_due: due,
  past_due: due,
  pending_verification: [],
});

/** The legacy name of a controller: what Stripe calls an account that behaves like one. */
function typeOf({ stripe_dashboard, fees, losses, requirement_collection }) {
  if (stripe_dashboard.type === "full") return "standard";
  if (stripe_dashboard.type === "express" && losses.payments === "application" && requirement_collection === "stripe") return "express";
  return stripe_dashboard.type === "none" && fees.payer === "application" && requirement_collection === "application" ? "custom" : "none";
}

const LEGACY = {
  express: { fees: "application", losses: "application", requirement_collection: "stripe", dashboard: "express" },
  custom: { fees: "application", losses: "application", requirement_collection: "application", dashboard: "none" },
  standard: { fees: "account", losses: "stripe", requirement_collection: "stripe", dashboard: "full" },
};

function controllerOf({ type = "standard", controller }) {
  const legacy = LEGACY[type];
  return {
    fees: { payer: controller?.fees?.payer ?? legacy.fees },
    is_controller: true,
    losses: { payments: controller?.losses?.payments ?? legacy.losses },
    requirement_collection: controller?.requirement_collection ?? legacy.requirement_collection,
    stripe_dashboard: { type: controller?.stripe_dashboard?.type ?? legacy.dashboard },
    type: "application",
  };
}

const merged = (metadata, change) => Object.fromEntries(Object.entries({ ...metadata, ...change }).filter(([, value]) => value !== ""));

function apply(account, params) {
  const { capabilities = {}, metadata: change, expand, tos_acceptance, business_profile, ...plain } = params;
  Object.assign(account, plain);
  if (business_profile) Object.assign(account.business_profile, business_profile);
  if (tos_acceptance) Object.assign(account.tos_acceptance, tos_acceptance);
  for (const [name, { requested }] of Object.entries(capabilities)) {
    if (requested) account.capabilities[name] ??= "inactive";
    else delete account.capabilities[name];
  }
  account.metadata = merged(account.metadata, change);
}

function create({ store }, { type, controller, country: where = "US", ...params }) {
  if (type && controller)
    throw invalid("You may only specify one of these parameters: type, controller.", { code: "parameters_exclusive", param: "type" });
  const control = controllerOf({ type, controller });
  const account = {
    id: store.nextId("acct"),
    object: "account",
    business_profile: {
      mcc: null,
      name: null,
      product_description: null,
      support_address: null,
      support_email: null,
      support_phone: null,
      support_url: null,
      url: null,
    },
    business_type: null,
    capabilities: {},
    charges_enabled: false,
    controller: control,
    country: where,
    created: store.now(),
    default_currency: CURRENCY_OF[where] ?? "eur",
    details_submitted: false,
    email: null,
    external_accounts: { object: "list", data: [], has_more: false, url: "" },
    future_requirements: requirements([], null),
    metadata: {},
    payouts_enabled: false,
    requirements: requirements(ASKED, "requirements.past_due"),
    settings: {
      branding: { icon: null, logo: null, primary_color: null, secondary_color: null },
      payouts: { debit_negative_balances: true, schedule: { delay_days: 2, interval: "daily" }, statement_descriptor: null },
    },
    tos_acceptance: { date: null, ip: null, service_agreement: "full", user_agent: null },
    type: typeOf(control),
  };
  account.external_accounts.url = `/v1/accounts/${account.id}/external_accounts`;
  apply(account, params);
  return store.put("account", account);
}

/** Stripe does not reveal whether another platform's account exists. */
export function existing({ store }, id) {
  const account = store.get("account", id);
  if (account) return account;
  throw invalid(
    `The provided key does not have access to account '${id}' (or that account does not exist). Application access may have been revoked.`,
    { code: "account_invalid", status: 403 },
  );
}

/** The platform's own account. */
const own = ({ store }) => ({ ...store.platform, object: "account", default_currency: CURRENCY_OF[store.platform.country] ?? "eur" });

/** The platform may no longer act for the account: from now on it does not exist for us. */
export function deauthorize(world, account, options) {
  const sent = emit(world, "account.application.deauthorized", { id: "ca_00000001", object: "application", name: "Manicule" }, {
    ...options,
    account: account.id,
  });
  world.store.remove("account", account.id);
  return sent;
}

function update(world, params, { id }) {
  const account = existing(world, id);
  apply(account, params);
  return account;
}

function link(world, { account: id, type, refresh_url, return_url }) {
  const { store } = world;
  const account = store.get("account", id);
  if (!account) throw noSuch("account", id, { param: "account" });
  if (type === "account_update" && account.controller.requirement_collection === "stripe")
    throw invalid("You cannot create `account_update` type Account Links for this account.", { param: "type" });
  if (!refresh_url) throw missing("refresh_url");
  if (!return_url) throw missing("return_url");
  const token = store.nextId("alink");
  const created = store.now();
  const expires_at = created + LINK_SECONDS;
  store.links.set(token, { account: id, refresh_url, return_url, expires_at, used: false });
  return { object: "account_link", created, expires_at, url: `${world.origin}/setup/e/${id}/${token}` };
}

function login(world, params, { id }) {
  const account = existing(world, id);
  if (account.controller.stripe_dashboard.type !== "express")
    throw invalid("Cannot create a login link for an account that does not have access to the Express Dashboard.");
  if (!account.details_submitted) throw invalid("Cannot create a login link for an account that has not completed onboarding.");
  return { object: "login_link", created: world.store.now(), url: `${world.origin}/express/${id}` };
}

/** Changes an account as Stripe does in the background, and notifies the Connect endpoint. */
export function change(world, account, changes, options) {
  const previous = Object.fromEntries(Object.keys(changes).map((key) => [key, structuredClone(account[key])]));
  Object.assign(account, changes);
  return emit(world, "account.updated", account, { ...options, account: account.id, previous });
}

/** The account's fields once its owner has given Stripe everything. */
export const onboarded = (account) => ({
  capabilities: Object.fromEntries(Object.keys(account.capabilities).map((name) => [name, "active"])),
  charges_enabled: "card_payments" in account.capabilities,
  details_submitted: true,
  payouts_enabled: true,
  requirements: requirements([], null),
});

/** The account's fields when Stripe requires more. */
export const restricted = (
  account,
  { currently_due = ["individual.verification.document"], disabled_reason = "requirements.past_due" },
) => ({
  capabilities: Object.fromEntries(Object.keys(account.capabilities).map((name) => [name, "inactive"])),
  charges_enabled: false,
  payouts_enabled: false,
  requirements: requirements(currently_due, disabled_reason),
});

export const routes = [
  { method: "GET", path: "/v1/account", shape: EXPAND, run: own },
  {
    method: "POST",
    path: "/v1/accounts",
    shape: { ...SHAPE, controller: hash(CONTROLLER), country: country(), type: oneOf("custom", "express", "standard") },
    run: create,
  },
  {
    method: "GET",
    path: "/v1/accounts",
    shape: { ...PAGE, created: range() },
    run: ({ store }, { created = () => true, ...paging }) =>
      page(
        store.all("account").filter((one) => created(one.created)),
        paging,
        "/v1/accounts",
        store.all("account"),
      ),
  },
  { method: "GET", path: "/v1/accounts/:id", shape: EXPAND, run: (world, params, { id }) => existing(world, id) },
  { method: "POST", path: "/v1/accounts/:id", shape: SHAPE, run: update },
  { method: "POST", path: "/v1/accounts/:id/login_links", shape: EXPAND, run: login },
  {
    method: "POST",
    path: "/v1/account_links",
    shape: {
      ...EXPAND,
      account: required(text()),
      type: required(oneOf("account_onboarding", "account_update")),
      collection_options: hash({ fields: oneOf("currently_due", "eventually_due"), future_requirements: oneOf("include", "omit") }),
      refresh_url: address(),
      return_url: address(),
    },
    run: link,
  },
];
