// The versions in CHANGELOG.md with their deployment notes, and the objects that a schema removes or restricts.
import { DatabaseSync } from "node:sqlite";
import { normalised } from "../../../scripts/verify-schema.mjs";

/**
 * The versions, newest first: name, isReleased, the last migration's number (null: all existing ones), and `contracts`,
 * the objects that this version removes, with the version since which they are unused.
 */
export function versionsOf(changelog) {
  return changelog.split(/\n## /).slice(1).filter((text) => /^\d/.test(text)).map((text) => {
    const [, name, note] = /^(\d+\.\d+\.\d+)(?: \(([^)]*)\))?/.exec(text);
    const [, last] = /\n- Migrations: \d{4} (?:to (\d{4})|on)\b/.exec(text) ?? [];
    const deployment = /\n### Deploying it\n([^]*?)(?=\n##|$)/.exec(text)?.[1];
    const contracts = [...text.matchAll(/\n- Contracts `([^`]+)`, unused since (\d+\.\d+\.\d+)/g)].map(([, object, since]) => ({ object, since }));
    return { name, isReleased: note !== "unreleased", last: last ?? null, deployment, contracts };
  });
}

const build = (texts) => {
  const database = new DatabaseSync(":memory:");
  for (const text of texts) database.exec(text);
  return database;
};
const count = (sql, word) => normalised(sql).toUpperCase().split(/[^A-Z_]+/).filter((one) => one === word).length;

/**
 * Changes from `before` to `after` (later migrations included) that may break code written for the schema of `before`.
 */
export function shrinks(before, after) {
  const [old, now] = [build(before), build(after)];
  const objects = (database) => new Map(database.prepare("SELECT type, name, tbl_name, sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%'").all().map((row) => [row.name, row]));
  const [had, has] = [objects(old), objects(now)];
  const columns = (database, name) => database.prepare(`PRAGMA table_xinfo("${name}")`).all();
  const found = [];
  for (const [name, row] of had) {
    if (row.type !== "table" && row.type !== "view") continue;
    if (!has.has(name)) {
      found.push(name);
      continue;
    }
    const there = new Map(columns(now, name).map((one) => [one.name, one]));
    const known = new Set();
    for (const one of columns(old, name)) {
      known.add(one.name);
      const other = there.get(one.name);
      if (!other || other.type !== one.type || other.notnull !== one.notnull || other.dflt_value !== one.dflt_value) found.push(`${name}.${one.name}`);
    }
    for (const one of there.values()) if (!known.has(one.name) && one.notnull && one.dflt_value === null) found.push(`${name}.${one.name}`);
    if (row.type === "table" && ["CHECK", "UNIQUE", "REFERENCES"].some((word) => count(has.get(name).sql, word) > count(row.sql, word))) found.push(`${name} (constraint)`);
  }
  for (const [name, row] of has) {
    const onOld = had.has(row.tbl_name) && row.tbl_name !== name;
    const isNew = !had.has(name) || normalised(had.get(name).sql) !== normalised(row.sql);
    if (onOld && isNew && (row.type === "trigger" || /^CREATE UNIQUE/i.test(row.sql))) found.push(name);
  }
  return [...new Set(found)];
}
