// Whether a copy of the database is whole: its schema, its references, the ledger's checks and its seal.
import { createHash } from "node:crypto";
import { CATALOG, countOf, differences, expected } from "../verify-schema.mjs";

const CHECKS = ["ledger_check", "payout_check", "credit_check", "adjustment_check"];
/** What is sealed of a ledger row, in this order (docs/ledger.md). */
const SEALED = "seq id accrual_id code phase debit credit amount_cents pending_id program_id event_id run_id actor created_at_ms".split(" ");

const line = (values) => `${JSON.stringify(values)}\n`;

/** The ledger's head, `NUMBER:HASH`, after recomputing every block; null if nothing is sealed. */
export function sealOf(db) {
  const rows = db.prepare(`SELECT ${SEALED.join(", ")} FROM transfer WHERE seq > ? AND seq <= ? ORDER BY seq`);
  // From the first row on, whatever its number is.
  let previous = { number: 0, last_seq: -(2n ** 63n), hash: "" };
  for (const block of db.prepare("SELECT * FROM ledger_block ORDER BY number").iterate()) {
    const sealed = rows.all(previous.last_seq, block.last_seq);
    const hash = createHash("sha256").update(line([block.number, block.last_seq, block.row_count, block.previous_hash, block.sealed_at_ms]));
    for (const row of sealed) hash.update(line(SEALED.map((name) => row[name])));
    const isNext = block.number === previous.number + 1 && block.previous_hash === previous.hash && sealed.length === block.row_count;
    if (!isNext || hash.digest("hex") !== block.hash) throw new Error(`the ledger differs from its seal, first in block ${previous.number + 1}`);
    previous = block;
  }
  return previous.number ? `${previous.number}:${previous.hash}` : null;
}

/** Fails unless everything fits. Returns what there is: rows by table, cents by unit, and the ledger's head. */
export async function check(db, schema) {
  const want = await expected(schema);
  const found = differences(want, db.prepare(CATALOG).all());
  if (found.length) throw new Error(`the database is not what schema.sql says:\n${found.join("\n")}`);
  const broken = db.prepare("PRAGMA foreign_key_check").all();
  if (broken.length) throw new Error(`rows refer to others that do not exist: ${JSON.stringify(broken[0])}`);
  for (const name of CHECKS) {
    const wrong = db.prepare(`SELECT what FROM ${name} LIMIT 5`).all();
    if (wrong.length) throw new Error(`${name}: ${wrong.map((row) => row.what).join("; ")}`);
  }
  const head = sealOf(db);
  const tables = want.filter((row) => row.type === "table").map((row) => row.name);
  const rows = Object.fromEntries(tables.map((name) => [name, Number(db.prepare(`SELECT COUNT(*) AS n FROM "${name}"`).get().n)]));
  const sums = db.prepare("SELECT unit, CAST(SUM(dr_posted_cents) AS TEXT) AS cents FROM ledger_account GROUP BY unit ORDER BY unit").all();
  return { objects: countOf(want), rows, sums: sums.map((row) => `${row.unit} ${row.cents}`), head };
}
