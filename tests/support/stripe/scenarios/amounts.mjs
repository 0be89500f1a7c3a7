// An invoice's arithmetic: lines, discount, tax, and the customer's balance.
import { Misuse } from "./parts.mjs";

const sum = (numbers) => numbers.reduce((total, number) => total + number, 0);

/** Splits an amount over parts in proportion. The last part takes the rounding difference. */
export function split(whole, parts) {
  const total = sum(parts);
  if (total === 0) return parts.map(() => 0);
  const shares = parts.map((part) => Math.trunc((whole * part) / total));
  shares[shares.length - 1] += whole - sum(shares);
  return shares;
}

function discountOf(subtotal, discount) {
  if (!discount || subtotal <= 0) return 0;
  const { percent_off, amount_off } = discount;
  if ((percent_off === undefined) === (amount_off === undefined)) throw new Misuse("discount has percent_off or amount_off");
  return percent_off === undefined ? Math.min(subtotal, amount_off) : Math.round((subtotal * percent_off) / 100);
}

/** The tax on an amount: a percentage, or the amount given by the test. */
function taxOf(amount, tax) {
  if (!tax) return 0;
  if (tax.amount !== undefined) return tax.amount;
  if (tax.percent === undefined) throw new Misuse("tax has percent or amount, and perhaps inclusive");
  return tax.inclusive ? amount - Math.round(amount / (1 + tax.percent / 100)) : Math.round((amount * tax.percent) / 100);
}

/** Everything that follows from the lines' amounts. `starting` is the customer's balance; below zero it is a credit. */
export function totals(lines, { discount, tax, starting }) {
  const subtotal = sum(lines);
  const off = discountOf(subtotal, discount);
  const taxed = subtotal - off;
  const taxAmount = taxOf(taxed, tax);
  const total = tax?.inclusive ? taxed : taxed + taxAmount;
  const amount_due = Math.max(0, total + starting);
  return {
    subtotal,
    subtotal_excluding_tax: tax?.inclusive ? subtotal - taxOf(subtotal, tax.amount === undefined ? tax : { amount: taxAmount }) : subtotal,
    discount: off,
    discounts: split(off, lines),
    tax: taxAmount,
    taxes: split(taxAmount, lines),
    total,
    total_excluding_tax: total - taxAmount,
    amount_due,
    ending: total + starting - amount_due,
  };
}
