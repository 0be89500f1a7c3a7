// Stripe's lists, newest first, page by page; and the expansion of ids into the objects they name.
import { invalid, noSuch } from "./errors.mjs";

const KIND_OF = {
  acct: "account",
  cus: "customer",
  sub: "subscription",
  in: "invoice",
  ch: "charge",
  tr: "transfer",
  trr: "transfer_reversal",
  txn: "balance_transaction",
  re: "refund",
};

/** One page of `objects`, which are in order of creation. */
export function page(objects, { limit = 10, starting_after, ending_before }, url, known = objects) {
  const all = objects.toReversed();
  // A cursor may name an object that the filter excludes: it is a position in the order of creation.
  const order = new Map(known.map((object, index) => [object.id, index]));
  const place = (id, param) => {
    if (!order.has(id)) throw noSuch("object", id, { param });
    return order.get(id);
  };
  if (starting_after && ending_before)
    throw invalid("You may only specify one of these parameters: ending_before, starting_after.", { code: "parameters_exclusive" });
  if (ending_before) {
    const end = place(ending_before, "ending_before");
    const after = all.filter((object) => order.get(object.id) > end);
    return { object: "list", data: after.slice(-limit), has_more: after.length > limit, url };
  }
  const start = starting_after ? place(starting_after, "starting_after") : Infinity;
  const rest = all.filter((object) => order.get(object.id) < start);
  return { object: "list", data: rest.slice(0, limit), has_more: rest.length > limit, url };
}

/** Replaces the id at the end of a path of fields with its object. `data` of a list means each of its objects. */
function expandPath(store, object, fields, path) {
  const [field, ...rest] = fields;
  const refuse = () => invalid(`This property cannot be expanded (${path}).`, { param: "expand" });
  if (Array.isArray(object)) return object.map((entry) => expandPath(store, entry, fields, path));
  if (object === null) return null;
  if (typeof object !== "object" || !(field in object)) throw refuse();
  let value = object[field];
  if (typeof value === "string") {
    value = store.get(KIND_OF[value.split("_")[0]], value);
    if (value === undefined) throw refuse();
  } else if (rest.length === 0 && value !== null) {
    throw refuse();
  }
  return { ...object, [field]: rest.length ? expandPath(store, value, rest, path) : value };
}

/** The response with all requested expansions. */
export function expanded(store, answer, paths = []) {
  for (const path of paths) {
    const fields = path.split(".");
    if (fields.length > 4) throw invalid("You cannot expand more than 4 levels of a property.", { param: "expand" });
    // The path cannot be checked against an empty list.
    answer = expandPath(store, answer, fields, path);
  }
  return answer;
}
