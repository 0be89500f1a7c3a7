// Coupons and their promotion codes.
import { invalid, missing, noSuch } from "../errors.mjs";
import { page } from "../lists.mjs";
import { EXPAND, PAGE, currency, flag, hash, integer, metadata, oneOf, percentage, range, required, text } from "../shape.mjs";

function createCoupon({ store }, params) {
  const { percent_off = null, amount_off = null, currency = null, duration = "once", duration_in_months = null } = params;
  if ((percent_off === null) === (amount_off === null))
    throw invalid("You must pass either `percent_off` or `amount_off`, and not both.", {
      code: percent_off === null ? "parameter_missing" : "parameters_exclusive",
    });
  if (amount_off !== null && !currency) throw missing("currency");
  if ((duration === "repeating") !== (duration_in_months !== null))
    throw invalid("You must pass `duration_in_months` if, and only if, the duration is `repeating`.", { param: "duration_in_months" });
  const id = params.id ?? store.nextId("coupon");
  if (store.get("coupon", id)) throw invalid("Coupon already exists.", { code: "resource_already_exists" });
  return store.put("coupon", {
    id,
    object: "coupon",
    amount_off,
    created: store.now(),
    currency,
    duration,
    duration_in_months,
    livemode: false,
    max_redemptions: params.max_redemptions ?? null,
    metadata: params.metadata ?? {},
    name: params.name ?? null,
    percent_off,
    redeem_by: params.redeem_by ?? null,
    times_redeemed: 0,
    valid: true,
  });
}

function createCode({ store }, params) {
  const { promotion, customer = null, expires_at = null, max_redemptions = null, restrictions = {} } = params;
  if (!promotion.coupon) throw missing("promotion[coupon]");
  if (!store.get("coupon", promotion.coupon)) throw noSuch("coupon", promotion.coupon, { param: "promotion[coupon]" });
  if (customer && !store.get("customer", customer)) throw noSuch("customer", customer, { param: "customer" });
  if (expires_at !== null && expires_at <= store.now()) throw invalid("Timestamp must be in the future.", { param: "expires_at" });
  const number = store.nextId("promo");
  const code = params.code ?? `CODE${number.slice(-8)}`;
  if (!/^[A-Za-z0-9-]+$/.test(code)) throw invalid("Promotion codes can only contain letters, digits and dashes.", { param: "code" });
  // Codes are unique regardless of case. A used-up or inactive code may be taken again.
  const taken = store.all("promotion_code").some((one) => one.active && one.code.toLowerCase() === code.toLowerCase());
  if (taken) throw invalid(`An active promotion code with \`code: ${code}\` already exists.`, { param: "code" });
  return store.put("promotion_code", {
    id: number,
    object: "promotion_code",
    active: params.active ?? true,
    code,
    created: store.now(),
    customer,
    customer_account: null,
    expires_at,
    livemode: false,
    max_redemptions,
    metadata: params.metadata ?? {},
    promotion: { coupon: promotion.coupon, type: "coupon" },
    restrictions: { first_time_transaction: false, minimum_amount: null, minimum_amount_currency: null, ...restrictions },
    times_redeemed: 0,
  });
}

/** Whether a code can still be redeemed, according to the clock and its count. */
function current(store, code) {
  const over =
    (code.expires_at !== null && code.expires_at <= store.now()) ||
    (code.max_redemptions !== null && code.times_redeemed >= code.max_redemptions);
  return { ...code, active: code.active && !over };
}

function listCodes({ store }, { active, code, coupon, customer, created = () => true, ...paging }) {
  const all = store.all("promotion_code").map((one) => current(store, one));
  const matches = (one) =>
    (active === undefined || one.active === active) &&
    (!code || one.code.toLowerCase() === code.toLowerCase()) &&
    (!coupon || one.promotion.coupon === coupon) &&
    (!customer || one.customer === customer) &&
    created(one.created);
  return page(all.filter(matches), paging, "/v1/promotion_codes", all);
}

const COUPON = {
  ...EXPAND,
  amount_off: integer({ min: 1 }),
  currency: currency(),
  duration: oneOf("forever", "once", "repeating"),
  duration_in_months: integer({ min: 1 }),
  id: text(),
  max_redemptions: integer({ min: 1 }),
  metadata: metadata(),
  name: text({ max: 40 }),
  percent_off: percentage(),
  redeem_by: integer({ min: 0 }),
};
const CODE = {
  ...EXPAND,
  active: flag(),
  code: text({ max: 500 }),
  customer: text(),
  expires_at: integer({ min: 0 }),
  max_redemptions: integer({ min: 1 }),
  metadata: metadata(),
  promotion: required(hash({ coupon: text(), type: required(oneOf("coupon")) })),
  restrictions: hash({ first_time_transaction: flag(), minimum_amount: integer({ min: 1 }), minimum_amount_currency: currency() }),
};

export const routes = [
  { method: "POST", path: "/v1/coupons", shape: COUPON, run: createCoupon },
  {
    method: "GET",
    path: "/v1/coupons/:id",
    shape: EXPAND,
    run({ store }, params, { id }) {
      const coupon = store.get("coupon", id);
      if (!coupon) throw noSuch("coupon", id, { status: 404, param: "coupon" });
      return coupon;
    },
  },
  { method: "POST", path: "/v1/promotion_codes", shape: CODE, run: createCode },
  {
    method: "GET",
    path: "/v1/promotion_codes",
    shape: { ...PAGE, active: flag(), code: text(), coupon: text(), created: range(), customer: text() },
    run: listCodes,
  },
  {
    method: "GET",
    path: "/v1/promotion_codes/:id",
    shape: EXPAND,
    run({ store }, params, { id }) {
      const code = store.get("promotion_code", id);
      if (!code) throw noSuch("promotion code", id, { status: 404, param: "promotion_code" });
      return current(store, code);
    },
  },
];
