// The obvious first implementation: for each partner its accounts and invoices, for each invoice a query for what its
// rate depends on, then its accrual and its ledger entries in one batch, into the same ledger. The two programs are
// hard-coded and only invoices are paid: no bonus, no reward for states, no plan, no statements. It reads tables that
// are made for it. The partners come in the cron expression, because a test's scheduled event carries nothing else.
const DAY = 86_400_000;
const RUN_AT = Date.UTC(2026, 6, 1, 6);
const month = (at) => new Date(at).toISOString().slice(0, 7);
const quarter = (at) => `${new Date(at).getUTCFullYear()}-${Math.floor(new Date(at).getUTCMonth() / 3)}`;
const aYearAfter = (at) => new Date(at).setUTCFullYear(new Date(at).getUTCFullYear() + 1);
const floored = (cents, bps) => Math.floor((cents * bps) / 10_000);

export default {
  async scheduled(event, env) {
    const [from, to] = event.cron.split(" ").map(Number);
    for (let id = from; id < to; id += 1) await settle(env.DB, id);
  },
  fetch: () => new Response("ok"),
};

async function settle(db, id) {
  const partner = await db.prepare("SELECT * FROM plain_partner WHERE id = ?1").bind(id).first();
  const { results: accounts } = await db.prepare("SELECT * FROM plain_account WHERE partner = ?1 ORDER BY signed_up_at").bind(id).all();
  const { results: invoices } = await db.prepare("SELECT * FROM plain_invoice WHERE partner = ?1 ORDER BY paid_at, name").bind(id).all();
  const agency = partner.program === "agency-partner";
  const held = agency ? heldOf(accounts) : new Set();
  const terms = agency ? termsOf(accounts.filter((a) => !held.has(a.id)), invoices) : null;
  for (const invoice of invoices) {
    const account = accounts.find((a) => a.id === invoice.account);
    const { first } = await db.prepare("SELECT MIN(paid_at) AS first FROM plain_invoice WHERE account = ?1").bind(invoice.account).first();
    let earned = agency ? agencyShare(invoice, first, terms) : affiliateShare(partner.kind, invoice);
    const cap = { developer: 200_000, agency: 500_000 }[partner.kind];
    if (!agency && cap && earned > 0) {
      const used = await db.prepare("SELECT SUM(gross_cents) AS cents FROM accrual WHERE partner_id = ?1 AND period = ?2").bind(partner.name, month(invoice.paid_at)).first("cents");
      const kept = Math.max(0, Math.min(earned, cap - (used ?? 0)));
      await pay(db, partner, invoice, earned, kept, kept > 0 && sustained(account));
      continue;
    }
    const kept = earned - Math.floor((earned * invoice.refunded) / invoice.cents);
    const end = first + 60 * DAY;
    if (agency && account.cancelled_at !== null && account.cancelled_at < end) earned = 0;
    const over = agency ? Math.max(end, invoice.paid_at) <= RUN_AT && !invoice.disputed && !held.has(account.id) : sustained(account);
    await pay(db, partner, invoice, earned, earned === 0 ? 0 : kept, over);
  }
}

async function pay(db, { name, program }, invoice, earned, kept, over) {
  const balance = (kind) => `${program}/cash:usd/${kind}/${name}`;
  const post = (n, code, debit, credit) =>
    db
      .prepare(
        "INSERT INTO transfer (id, accrual_id, code, phase, debit, credit, amount_cents, program_id, reason, created_at_ms) VALUES (?1, ?2, ?3, 'single', ?4, ?5, ?6, ?7, 'paid', ?8)",
      )
      .bind(`${invoice.name}.${n}`, invoice.name, code, debit, credit, kept, program, RUN_AT);
  const state = over && kept > 0 ? "available" : "pending";
  const line = db
    .prepare(
      "INSERT INTO accrual (id, program_id, program_version, reward_id, partner_id, account_id, event_id, source, at_ms, period, unit, gross_cents, cap_reduction_cents, net_cents, balance, funding_account, state, vests_at_ms, reason, postings) " +
        "VALUES (?1, ?2, 1, 'commission', ?3, ?4, ?1, ?1, ?5, ?6, 'cash:usd', ?7, 0, ?8, ?9, 'expense', ?9, ?5, 'paid', 1)",
    )
    .bind(invoice.name, program, name, String(invoice.account), invoice.paid_at, month(invoice.paid_at), earned, kept, state);
  const batch = [line];
  if (kept > 0) batch.push(post(1, "accrue", `${program}/cash:usd/expense`, balance("pending")));
  if (kept > 0 && over) batch.push(post(2, "vest", balance("pending"), balance("available")));
  await db.batch(batch);
}

const sustained = (account) => account.signed_up_at + 90 * DAY <= RUN_AT;

/** From the eleventh sign-up of a month on. */
function heldOf(accounts) {
  const seen = {};
  return new Set(accounts.filter((a) => (seen[month(a.signed_up_at)] = (seen[month(a.signed_up_at)] ?? 0) + 1) > 10).map((a) => a.id));
}

/** The quarters with five new payers, and the moment of the twentieth, or of $50,000 a year. */
function termsOf(accounts, invoices) {
  const payers = accounts.map((a) => ({ ...a, first: invoices.find((i) => i.account === a.id).paid_at })).sort((a, b) => a.first - b.first);
  const counts = {};
  let [worth, platinum] = [0, payers[19]?.first ?? Infinity];
  for (const funding_account of payers) {
    counts[quarter(funding_account.first)] = (counts[quarter(funding_account.first)] ?? 0) + 1;
    worth += funding_account.annual_cents;
    if (worth >= 5_000_000) platinum = Math.min(platinum, funding_account.first);
  }
  return { counts, platinum };
}

function agencyShare(invoice, first, terms) {
  const young = invoice.paid_at < aYearAfter(first);
  const base = young ? 2_000 : 1_000;
  const volume = terms.counts[quarter(invoice.paid_at)] >= 5 ? base + 500 : base;
  const platinum = invoice.paid_at > terms.platinum ? (young ? 2_500 : 1_500) : base;
  return floored(invoice.cents, Math.max(volume, platinum));
}

function affiliateShare(kind, invoice) {
  if (kind === "agency") return floored(invoice.cents, 2_000);
  if (kind === "content") return floored(invoice.cents, 1_500);
  return invoice.cents > 50_000 ? floored(invoice.cents, 1_500) : 0;
}
