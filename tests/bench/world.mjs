// The history of one block's partners: 20 agencies and 5 affiliates, their accounts, and what those paid until the end
// of June 2026. Blocks differ only in their names, so one can represent all. Every term of the two programs that settle
// monthly occurs: volume and platinum (by referrals and by revenue), the high-value bonus, a second year, a hold that
// has not ended, a cancellation inside it, a refund, a dispute, too many sign-ups in a month; tiers 1 to 4, content,
// and a cap that is reached.

const DAY = 86_400_000;
const HOUR = 3_600_000;
const END = Date.UTC(2026, 5, 30);
/** The cron trigger whose run settles June. */
export const RUN_AT = Date.UTC(2026, 6, 1, 6);
export const PARTNERS_PER_BLOCK = 25;

/** Accounts and invoices for each kind of partner, by size of block. */
const SIZES = {
  // 100 invoices
  small: { platinum: [[20, 1]], revenue: [[2, 3]], volume: [[5, 1], [5, 1], [5, 1], [5, 1]], ordinary: [1, 2], agency: [2, 3], content: [2, 2], capped: [4, 2], developer: [2, 2] },
  // 1,000 invoices
  large: { platinum: [[40, 6]], revenue: [[8, 6]], volume: [[12, 4], [10, 5], [10, 5], [13, 4]], ordinary: [4, 6], agency: [6, 6], content: [6, 6], capped: [8, 6], developer: [7, 4] },
};

/** When the nth account of a kind of partner signed up. */
const SIGNED_UP = {
  platinum: (n) => Date.UTC(2026, n % 5, 2 + 2 * Math.floor(n / 5)),
  revenue: (n) => Date.UTC(2026, 1 + (n % 3), 4 + n),
  volume: (n, partner) => Date.UTC(2026, 3, 1 + (partner % 2 ? 2 * n : n)),
  ordinary: (n, partner) => Date.UTC(2025, 4 + ((3 * n + partner) % 13), 1 + n),
  agency: (n) => Date.UTC(2026, n % 5, 3 + n),
  content: (n) => Date.UTC(2026, n % 4, 5 + n),
  capped: (n) => Date.UTC(2026, 0, 8 + n),
  developer: (n) => Date.UTC(2026, n % 5, 6 + n),
};

const partnersOf = (size) => [
  ...SIZES[size].platinum.map((accounts) => ["platinum", accounts]),
  ...SIZES[size].revenue.map((accounts) => ["revenue", accounts]),
  ...SIZES[size].volume.map((accounts) => ["volume", accounts]),
  ...Array.from({ length: 14 }, () => ["ordinary", SIZES[size].ordinary]),
  ...["agency", "content", "capped", "developer", "developer"].map((kind) => [kind, SIZES[size][kind]]),
];

/** Partners with their accounts and invoices. `name` is a single word that is part of every name in the block. */
export function block(name, size) {
  return partnersOf(size).map(([kind, [accounts, invoices]], p) => ({
    name: `${name}_p${p}`,
    kind,
    program: p < 20 ? "agency-partner" : "developer-affiliate",
    accounts: Array.from({ length: accounts }, (_, n) => account(`${name}_p${p}_a${n}`, kind, p, n, invoices)),
  }));
}

function account(name, kind, p, n, count) {
  const signedUpAt = SIGNED_UP[kind](n, p) + p * HOUR;
  const cancelled = p === 6 && n === 0;
  const firstPaidAt = signedUpAt + 2 * DAY + n * HOUR;
  const step = cancelled ? 4 * DAY : Math.floor((END - firstPaidAt) / count);
  const cents = { platinum: 12_345, revenue: 250_007, volume: 33_333, ordinary: 9_901, agency: 77_777, content: 20_003, capped: 400_009, developer: 60_011 }[kind];
  const invoices = Array.from({ length: count }, (_, i) => ({ name: `${name}_i${i}`, paidAt: firstPaidAt + i * step, cents: cents + 37 * n + 11 * i, refunded: 0, disputed: false }));
  if (p === 7 && n === 0) invoices[0].refunded = 3_333;
  if (p === 8 && n === 0) invoices[0].disputed = true;
  return {
    name,
    signedUpAt,
    annualCents: kind === "revenue" ? 2_600_000 : 0,
    teamSize: kind === "developer" && n % 2 === 0 ? 7 : 1,
    cancelledAt: cancelled ? firstPaidAt + 30 * DAY : null,
    invoices,
  };
}

/** The body of `POST /v1/partners`. */
export const enrolment = (partner) => ({
  program: partner.program,
  external_id: partner.name,
  name: partner.name,
  email: `hello@${partner.name.replaceAll("_", "-")}.example`,
  type: { agency: "agency", content: "content" }[partner.kind] ?? (partner.program === "agency-partner" ? "agency" : "developer"),
  disclosure_accepted: true,
});

/**
 * The block's events in the order they happened, as the webhook takes them in. `codes` maps partners' names to codes.
 */
export function events(partners, codes) {
  const all = [];
  for (const partner of partners) {
    for (const { name, signedUpAt, annualCents, teamSize, cancelledAt, invoices } of partner.accounts) {
      const say = (id, type, at, more) => all.push({ id: `evt_${id}`, type, occurred_at: new Date(at).toISOString(), ...more });
      const own = { account: { id: name } };
      const amount = (cents) => ({ amount: { cents, currency: "usd" } });
      const email = `owner@${name.replaceAll("_", "-")}.example`;
      say(`${name}_s`, "account.signed_up", signedUpAt, { account: { id: name, email, team_size: teamSize }, attribution: { code: codes.get(partner.name) } });
      if (annualCents) say(`${name}_v`, "subscription.started", signedUpAt + HOUR, { ...own, data: { subscription_id: `sub_${name}`, annual_value_cents: annualCents } });
      if (cancelledAt) say(`${name}_c`, "account.cancelled", cancelledAt, own);
      for (const invoice of invoices) {
        const of = { invoice_id: `in_${invoice.name}` };
        say(invoice.name, "invoice.paid", invoice.paidAt, { ...own, ...amount(invoice.cents), data: of });
        if (invoice.refunded) say(`${invoice.name}_r`, "invoice.refunded", invoice.paidAt + DAY, { ...own, ...amount(invoice.refunded), data: { ...of, refund_id: `re_${invoice.name}` } });
        if (invoice.disputed) say(`${invoice.name}_d`, "dispute.opened", invoice.paidAt + DAY, { ...own, ...amount(invoice.cents), data: { ...of, dispute_id: `du_${invoice.name}` } });
      }
    }
  }
  return all.sort((a, b) => (a.occurred_at < b.occurred_at ? -1 : a.occurred_at > b.occurred_at ? 1 : a.id < b.id ? -1 : 1));
}
