// The first sieve of src/runtime/entry.js: what it lets through, and how long it takes.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

const entry = readFileSync(new URL("../../src/runtime/entry.js", import.meta.url), "utf8");
const [, body, flags] = /const MAY_BE_LINK = \/(.*)\/(\w*);/.exec(entry);
const sieve = new RegExp(body, flags);

test("every form of a ref link passes the sieve", () => {
  const links = ["/r/a", "//r/a", "/R/a", "/r/", "/?ref=a", "/?x=1&ref=a", "/?REF=a", "/?x&amp;ref=a", "/?Partner=a", "/?%72ef=a", "/?x=1&re%66=a", "/??ref=a", "/?ref%3Da", "/p&ref=a", "/p%3Fref%3Da", "/p%3fx%3D1%26Partner%3Da", "/r%2Fa"];
  for (const link of links) assert.ok(sieve.test(`https://go.example${link}`), link);
  const others = ["/", "/docs", "/?q=ref", "/?a=100%25&b", "/wear/a"];
  for (const other of others) assert.ok(!sieve.test(`https://go.example${other}`), other);
});

test("it takes no longer than the URL is long", () => {
  const time = (text) => {
    const url = `https://go.example/?${text}`;
    const once = () => {
      const started = process.hrtime.bigint();
      for (let n = 0; n < 20; n += 1) sieve.test(url);
      return Number(process.hrtime.bigint() - started);
    };
    return Math.min(...Array.from({ length: 7 }, once));
  };
  const letters = time("a".repeat(15_000));
  for (const text of ["?", "&", ";", "?a", "&%3d;", "/r", "?re", "=?", "%", "%3f", "%26re", "/r%2"]) {
    const taken = time(text.repeat(15_000 / text.length));
    assert.ok(taken < 12 * letters + 2_000_000, `${text}: ${taken / letters}`);
  }
});
