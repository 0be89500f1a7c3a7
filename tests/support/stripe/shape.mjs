// The parameters that an endpoint takes. A shape is an object of readers; a reader turns the form's text into a value
// or refuses it in Stripe's words. Parameters that Stripe accepts but Manicule does not use are unknown here: accepting
// and ignoring a parameter would hide mistakes.
import { invalid, missing, unknown } from "./errors.mjs";

/** Currencies with thousandths, whose amounts end in 0, and those in hundredths of which only whole units are moved. */
const THOUSANDTHS = "bhd jod kwd omr tnd".split(" ");
const WHOLE = "isk ugx".split(" ");
const CURRENCIES = "aud bgn brl cad chf czk dkk eur gbp hkd huf inr jpy krw mxn nok nzd pln ron sek sgd thb usd zar".split(" ").concat(THOUSANDTHS, WHOLE).sort();
const isText = (value) => typeof value === "string";

/** Marks a reader's parameter as required. */
export const required = (reader) => Object.assign((value, name) => reader(value, name), { required: true });

/** Every parameter, parsed by its reader. Parameters that were not sent are absent. */
export function read(shape, params, prefix = "") {
  const nameOf = (key) => (prefix ? `${prefix}[${key}]` : key);
  for (const key of Object.keys(params)) if (!Object.hasOwn(shape, key)) throw unknown(nameOf(key));
  for (const key of Object.keys(shape)) if (shape[key].required && (params[key] ?? "") === "") throw missing(nameOf(key));
  return Object.fromEntries(Object.keys(params).map((key) => [key, shape[key](params[key], nameOf(key))]));
}

export const text =
  ({ max = 5000 } = {}) =>
  (value, name) => {
    if (!isText(value)) throw invalid("Invalid string", { param: name });
    if (value === "")
      throw invalid(
        `You passed an empty string for '${name}'. We assume empty values are an attempt to unset a parameter; however '${name}' cannot be unset. ` +
          `You should remove '${name}' from your request or supply a non-empty value.`,
        { code: "parameter_invalid_empty", param: name },
      );
    if (value.length > max) throw invalid(`Invalid string: ${value.slice(0, 20)}...; must be at most ${max} characters`, { param: name });
    return value;
  };

export const integer =
  ({ min = -Infinity, max = Infinity } = {}) =>
  (value, name) => {
    if (!isText(value) || !/^-?\d{1,15}$/.test(value))
      throw invalid(`Invalid integer: ${isText(value) ? value : JSON.stringify(value)}`, {
        code: "parameter_invalid_integer",
        param: name,
      });
    const number = Number(value);
    const bound = number < min ? `greater than or equal to ${min}` : number > max ? `less than or equal to ${max}` : null;
    if (bound) throw invalid(`This value must be ${bound}.`, { code: "parameter_invalid_integer", param: name });
    return number;
  };

/** A percentage, the only number that need not be whole. */
export const percentage = () => (value, name) => {
  if (!isText(value) || !/^\d{1,3}(\.\d{1,4})?$/.test(value)) throw invalid(`Invalid decimal: ${value}`, { param: name });
  if (Number(value) <= 0 || Number(value) > 100) throw invalid("Percentages must be greater than 0 and at most 100.", { param: name });
  return Number(value);
};

export const flag = () => (value, name) => {
  if (value !== "true" && value !== "false")
    throw invalid(`Invalid boolean: ${isText(value) ? value : JSON.stringify(value)}`, { param: name });
  return value === "true";
};

export const oneOf =
  (...words) =>
  (value, name) => {
    if (!words.includes(value)) throw invalid(`Invalid ${name}: must be one of ${words.join(", ")}`, { param: name });
    return value;
  };

export const currency = () => (value, name) => {
  if (!CURRENCIES.includes(value))
    throw invalid(`Invalid currency: ${value}. Stripe currently supports these currencies: ${CURRENCIES.join(", ")}`, { param: name });
  return value;
};

/** Refuses an amount that Stripe can't move in its currency. */
export function whole(amount, currency) {
  const step = THOUSANDTHS.includes(currency) ? 10 : WHOLE.includes(currency) ? 100 : 1;
  if (amount % step !== 0)
    throw invalid(`Invalid ${currency} amount: must be a multiple of ${step}.`, { code: "parameter_invalid_integer", param: "amount" });
}

export const country = () => (value, name) => {
  if (!isText(value) || !/^[A-Z]{2}$/.test(value))
    throw invalid(
      `Country '${value}' is unknown. Try using a 2-character alphanumeric country code instead, such as 'US', 'EG', or 'GB'.`,
      { param: name },
    );
  return value;
};

export const email = () => (value, name) => {
  if (!isText(value) || !/^[^@\s]+@[^@\s]+\.[^@\s]+$/.test(value))
    throw invalid(`Invalid email address: ${value}`, { code: "email_invalid", param: name });
  return value;
};

export const address = () => (value, name) => {
  if (!isText(value) || !/^https?:\/\/[^\s]+$/.test(value)) throw invalid("Not a valid URL", { code: "url_invalid", param: name });
  return value;
};

export const hash = (shape) => (value, name) => {
  if (isText(value)) throw invalid("Invalid object", { param: name });
  return read(shape, value, name);
};

export const list =
  (reader, { max = Infinity } = {}) =>
  (value, name) => {
    if (isText(value)) throw invalid("Invalid array", { param: name });
    const keys = Object.keys(value);
    if (keys.some((key, index) => key !== String(index))) throw invalid("Invalid array", { param: name });
    if (keys.length > max) throw invalid(`Invalid array: at most ${max} values`, { param: name });
    return keys.map((key) => reader(value[key], `${name}[${key}]`));
  };

/** Up to 50 short strings by name. An empty value unsets its name, so a new object has nothing to unset. */
export const metadata =
  ({ unset = false } = {}) =>
  (value, name) => {
    if (value === "") return {};
    if (isText(value)) throw invalid("Invalid object", { param: name });
    const entries = Object.entries(value);
    if (entries.length > 50) throw invalid("Metadata can have at most 50 keys.", { param: name });
    for (const [key, entry] of entries) {
      if (!isText(entry)) throw invalid("Metadata values must be strings.", { param: `${name}[${key}]` });
      if (key.length > 40) throw invalid("Metadata keys can have up to 40 characters.", { param: name });
      if (entry.length > 500) throw invalid("Metadata values can have up to 500 characters.", { param: `${name}[${key}]` });
    }
    return Object.fromEntries(entries.filter(([, entry]) => unset || entry !== ""));
  };

const moment = integer({ min: 0 });
const bounds = hash({ gt: moment, gte: moment, lt: moment, lte: moment });
/** `created=…` or `created[gte]=…`, as a predicate for an instant. */
export const range = () => (value, name) => {
  if (isText(value)) {
    const at = moment(value, name);
    return (time) => time === at;
  }
  const { gt = -1, gte = 0, lt = Infinity, lte = Infinity } = bounds(value, name);
  return (time) => time > gt && time >= gte && time < lt && time <= lte;
};

/** The parameters of every endpoint, and those of every list. */
export const EXPAND = { expand: list(text()) };
export const PAGE = { ...EXPAND, limit: integer({ min: 1, max: 100 }), starting_after: text(), ending_before: text() };
