// The demo's calendar: which scheduled run comes next after an instant. All in UTC.
const DAY_MS = 86_400_000;

/** The program of the demo's story. */
export const HOLD_DAYS = 60;
export const MONTHLY = "0 6 1 * *";
export const WEEKLY = "0 9 * * MON";
export const SWEEP = "*/10 * * * *";

export const afterHold = (ms) => ms + HOLD_DAYS * DAY_MS;

/** The first monthly run after an instant: the 1st, 06:00. */
export function nextMonthly(after) {
  const at = new Date(after);
  const [year, month] = [at.getUTCFullYear(), at.getUTCMonth()];
  const first = Date.UTC(year, month, 1, 6);
  return first > after ? first : Date.UTC(year, month + 1, 1, 6);
}

/** The first weekly run after an instant: Monday, 09:00. */
export function nextWeekly(after) {
  const at = new Date(after);
  const toMonday = (8 - (at.getUTCDay() || 7)) % 7;
  const monday = Date.UTC(at.getUTCFullYear(), at.getUTCMonth(), at.getUTCDate() + toMonday, 9);
  return monday > after ? monday : monday + 7 * DAY_MS;
}

/** `Monday, 1 March 2027, 06:00 UTC`. */
export function said(ms) {
  const format = new Intl.DateTimeFormat("en-GB", { weekday: "long", day: "numeric", month: "long", year: "numeric", hour: "2-digit", minute: "2-digit", timeZone: "UTC" });
  return `${format.format(ms).replace(" at ", ", ")} UTC`;
}
