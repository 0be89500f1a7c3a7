// What people's filter lists block: none of the addresses that the site's pages load from us. `filters.txt` is written by
// scripts/filters.mjs.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

const rules = readFileSync(new URL("filters.txt", import.meta.url), "utf8").split("\n").filter((rule) => rule !== "" && !rule.startsWith("!"));
const patterns = rules.map((rule) => [rule, matcher(rule.replace(/\$[~\w,=|.:/*-]+$/, ""))]).filter(([, pattern]) => pattern);
const routes = Object.keys(JSON.parse(readFileSync(new URL("../../src/http/openapi.json", import.meta.url), "utf8")).paths);

const blocked = (url) => patterns.filter(([, pattern]) => pattern.test(url)).map(([rule]) => rule);

test("the lists are read", () => {
  assert.ok(patterns.length > 4000);
  assert.deepEqual(blocked("https://shop.example/px.gif?partner=AbC12345"), ["/px.gif?"]);
  assert.notDeepEqual(blocked("https://shop.example/v1/pixel.gif?a=1"), []);
});

test("no list blocks the addresses of a visitor", () => {
  const visitors = routes.filter((path) => !path.includes("{") && (/^\/v1\/(attribution|collect|consent|stage)/.test(path) || path.startsWith("/api/")));
  assert.ok(visitors.includes("/v1/stage.gif") && visitors.includes("/v1/attribution") && visitors.includes("/v1/collect"));
  const queries = ["", "?event=page.viewed&partner=AbC12345&campaign=spring", "?partner=AbC12345", "?event=lead_magnet.downloaded"];
  const links = ["/r/AbC12345", "/r/AbC12345?utm_source=mail&campaign=spring", "/?ref=AbC12345&campaign=spring", "/prices?partner=AbC12345"];
  const addresses = [...visitors, ...queries.map((query) => `/v1/stage.gif${query}`), ...links];
  for (const address of addresses) assert.deepEqual(blocked(`https://shop.example${address}`), [], address);
});

// A rule's pattern: `*` is anything, `^` what separates parts of an address, `|` its beginning or end.
function matcher(pattern) {
  if (pattern.replaceAll(/[*|^]/g, "") === "") return null;
  try {
    if (/^\/.+\/$/.test(pattern) && /[\\[(]/.test(pattern)) return new RegExp(pattern.slice(1, -1), "i");
    const [, start, text, end] = /^(\|?)(.*?)(\|?)$/.exec(pattern);
    const body = text.replaceAll(/[.+?${}()|[\]\\/]/g, "\\$&").replaceAll("*", ".*").replaceAll("^", "(?:[^\\w.%-]|$)");
    return new RegExp(`${start && "^"}${body}${end && "$"}`, "i");
  } catch {
    return null;
  }
}
