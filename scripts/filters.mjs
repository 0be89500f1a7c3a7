#!/usr/bin/env node
// Writes tests/scripts/filters.txt: the rules of EasyList and EasyPrivacy that could block an address of any site, as Debian's
// package webext-ublock-origin-firefox ships them. tests/scripts/filters.test.mjs holds our addresses to them.
//
//   apt-get download webext-ublock-origin-firefox && dpkg-deb -x webext-ublock-origin-firefox_*.deb DIR
//   node scripts/filters.mjs DIR VERSION
import { readFileSync, readdirSync, writeFileSync } from "node:fs";

const [folder, version] = process.argv.slice(2);
const lists = readdirSync(folder, { recursive: true }).filter((name) => /\/easylist\/easy(list|privacy)\.txt$|\/ublock\/privacy\.min\.txt$/.test(name));
if (lists.length !== 3) throw new Error(`three lists, not ${lists.length}`);
const rules = new Set(lists.sort().flatMap((list) => readFileSync(`${folder}/${list}`, "utf8").split("\n")).map((line) => line.trim()).filter(isOfAnySite));
const head = `! ${rules.size} rules of EasyList, EasyPrivacy and uBlock filters (GPL-3.0) in Debian's webext-ublock-origin-firefox ${version}; written by scripts/filters.mjs`;
writeFileSync(new URL("../tests/scripts/filters.txt", import.meta.url), `${head}\n${[...rules].sort().join("\n")}\n`);

// Neither a comment, an exception, a rule for what a page shows, nor one of certain hosts or pages.
function isOfAnySite(rule) {
  if (rule.length < 3 || /^[![]|^@@|^\|\||#@?#|#[?$@]+#/.test(rule)) return false;
  const options = /\$([~\w,=|.:/*-]+)$/.exec(rule)?.[1].split(",") ?? [];
  const ofSome = (option) => /^(from|ipaddress|csp|removeparam|redirect-rule|header|badfilter|to|denyallow)\b/.test(option)
    || option.startsWith("domain=") && option.slice(7).split("|").some((domain) => !domain.startsWith("~"));
  return !options.some(ofSome) && !/\$.*(from|domain)=[^~]/.test(rule);
}
