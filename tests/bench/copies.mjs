// Fills a database with many blocks quickly. The Worker itself takes in two blocks; the rows of the first, renamed,
// must equal the rows of the second. Then the same renaming creates all other blocks.
import { createHash } from "node:crypto";
import { block, events } from "./world.mjs";

/** Every table that taking in events writes to, with its columns that contain clock times, or follow from a random code. */
const TABLES = {
  partner: ["disclosure_accepted_at_ms", "created_at_ms", "updated_at_ms"],
  partner_person: [],
  link: ["created_at_ms", "updated_at_ms", "skeleton"],
  event: ["received_at_ms"],
  event_person: [],
  account: ["needs_recompute_since_ms", "created_at_ms", "invoices_at_ms"],
  binding: ["decided_at_ms"],
  accrual: ["changed_at_ms", "quiet_at_ms"],
  partner_total: [],
  revenue_span: [],
  review: ["created_at_ms"],
  ledger_account: [],
  transfer: ["created_at_ms"],
};
/** The blocks that the Worker takes in. No other block has a longer name. */
export const TAKEN_IN = ["b000", "b001"];
export const blockName = (n) => `b${String(n).padStart(3, "0")}`;

const BASE32 = "0123456789abcdefghjkmnpqrstvwxyz";
/** An id, derived as in `base::id::derived`. */
function derived(prefix, parts) {
  const hash = createHash("sha256");
  for (const part of parts) {
    const length = Buffer.alloc(8);
    length.writeBigUInt64BE(BigInt(Buffer.byteLength(part)));
    hash.update(length).update(part);
  }
  let out = `${prefix}_`;
  let [bits, held] = [0, 0];
  for (const byte of hash.digest().subarray(0, 15)) {
    bits = ((bits << 8) | byte) & 0xffff;
    for (held += 8; held >= 5; held -= 5) out += BASE32[(bits >> (held - 5)) & 31];
  }
  return out;
}

/** An accrual's id, which sorts next to its partner's. */
const lineId = (parts) => (parts[1] === "" ? derived("acr", parts) : `acr_${parts[1].slice(4, 10)}${derived("acr", parts).slice(10)}`);

const sha256 = (text) => createHash("sha256").update(text).digest("hex");

/** The rows of one block, by table. */
function rowsOf(db, name) {
  const rows = {};
  const ids = new Set(db.prepare("SELECT id FROM partner WHERE external_id GLOB ?").all(`${name}_*`).map((row) => row.id));
  for (const table of Object.keys(TABLES)) {
    rows[table] = db
      .prepare(`SELECT * FROM ${table}`)
      .all()
      .filter((row) => ids.has(row.partner_id) || JSON.stringify(row).includes(`${name}_p`))
      // A copy gets a number of its own.
      .map(({ seq, ...row }) => row);
  }
  return rows;
}

/** Partners' ids and codes, which are random, and the hashes of the bodies. */
function givenNames(rows, partners, bodies) {
  const byName = new Map(rows.partner.map((row) => [row.external_id, row]));
  return partners.flatMap(({ name }) => [byName.get(name).id, byName.get(name).code]).concat(bodies);
}

const groupBy = (rows, column) => Object.groupBy(rows, (row) => row[column]);
const byOrder = (column) => (a, b) => (a[column] < b[column] ? -1 : 1);

/** The digest of an account's bindings, revenue and invoices, as in `store::account::digest`. */
function digest(bindings, spans, invoices, rename) {
  const parts = bindings.toSorted(byOrder("group_id")).flatMap((b) => [
    ...[b.group_id, b.receipt, b.states, b.qualified_at_ms, b.held, b.grant_due_at_ms, b.signed_up_at_ms, b.signup_event_id],
    ...spans
      .filter((s) => s.program_id === b.program_id)
      .toSorted(byOrder("from_ms"))
      .flatMap((s) => [s.from_ms, s.to_ms, s.annual_cents]),
  ]);
  return derived("dec", [String(bindings.length), rename(invoices), ...parts.map((part) => rename(String(part ?? "")))]);
}

/** Renames one block's rows into another's: whole words listed in `names`, and the block's own name inside words. */
function renamer(rows, names, from, to, salt) {
  const own = new RegExp(`${from}(?=_p|$)`);
  const rename = (text) => text.replace(/\w+/g, (word) => names.get(word) ?? word.replace(own, to));
  for (const line of rows.accrual) {
    names.set(line.id, lineId([line.program_id, line.partner_id, line.reward_id, line.account_id, line.source].map(rename)));
  }
  for (const review of rows.review) {
    names.set(review.id, derived("rev", [review.program_id, review.partner_id, review.account_id, review.rule, review.subject].map(rename)));
  }
  for (const { email, email_sha256 } of rows.partner_person) names.set(email_sha256, sha256(rename(email)));
  // What people are compared by, as in `engine::review::salt`.
  for (const { email, address, mailbox } of [...rows.partner_person, ...rows.event_person].filter((row) => row.email)) {
    const domain = email.split("@")[1];
    names.set(address, derived("adr", [salt, rename(email)]));
    names.set(mailbox, derived("mbx", [salt, rename(email)]));
    names.set(derived("dom", [salt, domain]), derived("dom", [salt, rename(domain)]));
  }
  const bindings = groupBy(rows.binding, "account_id");
  const spans = groupBy(rows.revenue_span, "account_id");
  for (const { id, written, invoices } of rows.account) {
    if (written !== null) names.set(written, digest(bindings[id] ?? [], spans[id] ?? [], invoices ?? "[]", rename));
  }
  return (row) => Object.fromEntries(Object.entries(row).map(([column, field]) => [column, typeof field === "string" ? rename(field) : field]));
}

const bodiesOf = (name, size, codes) => events(block(name, size), codes).map((event) => sha256(JSON.stringify(event)));
const sorted = (table, rows) => rows.map((row) => JSON.stringify({ ...row, ...Object.fromEntries(TABLES[table].map((column) => [column, row[column] === null])) })).sort();

/** Compares the rows of the two blocks that were taken in, and creates the blocks from 2 up to `blocks`. */
export function fill(db, size, blocks) {
  const [first, second] = TAKEN_IN;
  const rows = rowsOf(db, first);
  const partners = block(first, size);
  const { salt } = db.prepare("SELECT salt FROM person_salt").get();
  const codes = (all) => new Map(all.partner.map((row) => [row.external_id, row.code]));
  const own = givenNames(rows, partners, bodiesOf(first, size, codes(rows)));
  const namesFor = (other) => new Map(own.map((name, i) => [name, other[i]]));

  const there = rowsOf(db, second);
  const rename = renamer(rows, namesFor(givenNames(there, block(second, size), bodiesOf(second, size, codes(there)))), first, second, salt);
  let compared = 0;
  for (const table of Object.keys(TABLES)) {
    const [a, b] = [sorted(table, rows[table].map(rename)), sorted(table, there[table])];
    const at = a.findIndex((row, i) => row !== b[i]);
    if (a.length !== b.length || at >= 0) throw new Error(`${table}: copied and taken in differ (${a.length} and ${b.length} rows):\n${a[at]}\n${b[at]}`);
    compared += a.length;
  }

  const triggers = db.prepare("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").all();
  db.exec("PRAGMA synchronous = OFF; PRAGMA cache_size = -400000; BEGIN");
  // Rows are copied unchanged, balances included, so triggers must not compute or reject anything.
  for (const { name } of triggers) db.exec(`DROP TRIGGER ${name}`);
  const inserts = Object.fromEntries(
    Object.entries(rows).filter(([, all]) => all.length > 0).map(([table, [row]]) => {
      const columns = Object.keys(row);
      return [table, db.prepare(`INSERT INTO ${table} (${columns}) VALUES (${columns.map(() => "?")})`)];
    }),
  );
  const renamers = [];
  for (let n = TAKEN_IN.length; n < blocks; n += 1) {
    const to = blockName(n);
    const made = partners.map(({ name, program }, p) => {
      const fresh = sha256(`${to}${p}`);
      return [name.replace(first, to), derived("ptn", [to, String(p)]), program === "agency-partner" ? `PARTNER_${fresh.slice(0, 8)}` : fresh.slice(0, 10)];
    });
    const bodies = bodiesOf(to, size, new Map(made.map(([name, , code]) => [name, code])));
    renamers.push(renamer(rows, namesFor(made.flatMap(([, id, code]) => [id, code]).concat(bodies)), first, to, salt));
  }
  // Row by row across all blocks, because that is the order in which they would have been written.
  for (const [table, insert] of Object.entries(inserts)) {
    for (const row of rows[table]) for (const renamed of renamers) insert.run(...Object.values(renamed(row)));
  }
  // The programs' own ledger accounts contain the amounts of all blocks. The two original blocks are already included.
  db.exec(`UPDATE ledger_account SET dr_posted_cents = dr_posted_cents / 2 * ${blocks}, cr_posted_cents = cr_posted_cents / 2 * ${blocks} WHERE partner_id = ''`);
  for (const { sql } of triggers) db.exec(sql);
  db.exec("COMMIT; PRAGMA wal_checkpoint(TRUNCATE)");
  return compared;
}
