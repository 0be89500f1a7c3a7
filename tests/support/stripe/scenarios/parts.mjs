// Shared by the scenarios: strict bodies, customers, prices, calendar periods.
import { EVENT_OPTIONS } from "../events.mjs";
import { makeCustomer } from "../api/customers.mjs";

/** Misuse of a control. The message is for the test's author. */
export class Misuse extends Error {}

/** Refuses unknown fields. */
export function only(body, known) {
  const stray = Object.keys(body).filter((name) => !known.includes(name));
  if (stray.length) throw new Misuse(`unknown field ${stray.join(", ")}: known are ${known.join(", ") || "none"}`);
}

/** The same for a scenario, which also takes the options of its events. */
export const scenarioFields = (body, known) => only(body, [...known, ...EVENT_OPTIONS]);

export function named(world, kind, id) {
  const object = world.store.get(kind, id);
  if (!object) throw new Misuse(`no ${kind} ${id}`);
  return object;
}

/** The events with the results of their deliveries. */
export async function eventsDone(world, emitted, made) {
  const records = await Promise.all(emitted.map(({ done }) => done));
  return { ...made, events: emitted.map(({ event }, index) => ({ id: event.id, type: event.type, delivery: records[index] })) };
}

/** The customer with this id, or else with this email, or else a new one. */
export function customerFor(world, { customer, email, name }) {
  if (customer) return named(world, "customer", customer);
  const known = email && world.store.all("customer").find((one) => one.email === email);
  return known || makeCustomer(world, { email, name });
}

/** A price, by id if it exists, or else created from its amount and interval. */
export function priceFor({ store }, { price, unit_amount, interval = "month", interval_count = 1, product, nickname = null }, currency) {
  const known = price && store.get("price", price);
  if (known) return known;
  if (!Number.isSafeInteger(unit_amount))
    throw new Misuse(`an item needs unit_amount, a whole number${price ? `: no price ${price}` : ""}`);
  if (!["day", "week", "month", "year"].includes(interval)) throw new Misuse(`interval is day, week, month or year, not ${interval}`);
  return store.put("price", {
    id: price ?? store.nextId("price"),
    object: "price",
    active: true,
    billing_scheme: "per_unit",
    created: store.now(),
    currency,
    custom_unit_amount: null,
    livemode: false,
    lookup_key: null,
    metadata: {},
    nickname,
    product: product ?? store.nextId("prod"),
    recurring: { interval, interval_count, meter: null, trial_period_days: null, usage_type: "licensed" },
    tax_behavior: "unspecified",
    tiers_mode: null,
    transform_quantity: null,
    type: "recurring",
    unit_amount,
    unit_amount_decimal: String(unit_amount),
  });
}

/** The instant one interval later. The 31st becomes the month's last day. */
export function later(seconds, { interval, interval_count }) {
  if (interval === "day" || interval === "week") return seconds + interval_count * (interval === "day" ? 86_400 : 7 * 86_400);
  const from = new Date(seconds * 1000);
  const months = from.getUTCMonth() + interval_count * (interval === "year" ? 12 : 1);
  const last = new Date(Date.UTC(from.getUTCFullYear(), months + 1, 0)).getUTCDate();
  return (
    seconds +
    (Date.UTC(from.getUTCFullYear(), months, Math.min(from.getUTCDate(), last)) -
      Date.UTC(from.getUTCFullYear(), from.getUTCMonth(), from.getUTCDate())) /
      1000
  );
}

/** Sets arbitrary fields of an object for a test, after everything else. */
export function overridden(object, override = {}) {
  for (const name of Object.keys(override)) if (!(name in object)) throw new Misuse(`override: ${object.object} has no ${name}`);
  return Object.assign(object, override);
}
