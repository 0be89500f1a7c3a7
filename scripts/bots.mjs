#!/usr/bin/env node
// Writes src/engine/link/bots/words.rs from the patterns of the npm package `isbot` (public domain, Unlicense), and the
// lists of agents that tests/native/bots.rs measures it on. It needs a folder in which the packages are installed:
//
//   cd "$(mktemp -d)" && npm install isbot crawler-user-agents user-agents && node REPO/scripts/bots.mjs .
//
// A pattern is a word, perhaps with its edges, or one of the shapes that src/engine/link/bots/mod.rs knows. Any other stops
// the script: a new version of the package may need a new shape.
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const require = createRequire(resolve(process.argv[2] ?? ".", "from"));
const { list } = require("isbot");
const folder = resolve(process.argv[2] ?? ".", "node_modules");
const versionOf = (name) => JSON.parse(readFileSync(`${folder}/${name}/package.json`, "utf8")).version;

// Words of people's own programs: WeChat's processes, Internet Explorer's plug-in, values between bars, Snapchat.
const DROPPED = new Set(["\\|", "chromeframe", "^snapchat", ";\\s\\w+;$"]);
// Shapes, and words with conditions, that are written in Rust.
const WRITTEN = new Set([
  "(?:^|[^g])news(?!sapphire)",
  "(?<! channel/|google/)google(?!(?:wv|app|/google| pixel))",
  "(?<! cu)bots?(?:\\b|_)",
  "(?<!cam)scan",
  "(?<!lib)http",
  "java(?!;)",
  "@[a-z][\\w-]+\\.",
  "^[<\\(;]",
  "^[\\w \\.\\-\\(?:\\):%]+(?:/v?\\d+(?:\\.\\d+)?(?:\\.\\d{1,10})*?)?(?:,|$)",
  "^[\\w\\-]+/[\\w]+$",
  "^[^ ]{50,}$",
  "^\\d+\\b",
  "^\\w*search\\b",
  "^\\w+/[\\w\\(\\)]*$",
  "^\\w+/\\d\\.\\d\\s\\([\\w@]+\\)$",
  "^mozilla/\\d\\.\\d\\s[\\w\\.-]+$",
  "^mozilla/\\d\\.\\d\\s\\((?:compatible;)?(?:\\s?[\\w\\d-.]+[\\s/]\\d+\\.\\d+)?\\)$",
]);
// A phone's browser or an app's web view is a program only by one of these: apps name themselves as they like.
const STRONG = new Set(["crawl", "spider", "headless", "chrome-lighthouse", "preview", "pagespeed", "scrape", "validator", "phantomjs"]);
// Words that the package lacks, or has only as a part of a longer rule: what unfurlers and monitors are called.
const OWN = ["slurp", "facebookexternalhit", "facebookcatalog", "meta-external", "embedly", "iframely", "outbrain", "vkshare",
  "yahoomailproxy", "gtmetrix", "uptime", "google-read-aloud", "mediapartners-google", "google-inspectiontool"];
// Programs that look at a link before they hand it to the browser.
const OFFICE = ["ms-office", "msoffice", ...["office", "outlook", "word", "excel", "powerpoint", "onenote", "visio", "project"]
  .map((name) => `microsoft ${name}`)];
// Conditions of the patterns in WRITTEN that begin with a word; mod.rs says what is excused.
const CONDITIONAL = { bot: true, http: true, scan: false, news: false, google: false, java: false, "@": false };

const words = new Map();
const add = (text, edges, strong) => words.set(`${text} ${edges}`, { text, edges, strong });
for (const pattern of list) {
  if (DROPPED.has(pattern) || WRITTEN.has(pattern)) continue;
  const [, start, from, body, to] = /^(\^?)((?:\\b)?(?:\\w\+)?)(.*?)((?:\\b)?)$/s.exec(pattern);
  const choices = body.replace(/\[([^\]\\])([^\]\\])\]/, "\u0000$1$2");
  const texts = choices.includes("\u0000")
    ? [1, 2].map((n) => choices.replace(/\u0000(.)(.)/, n === 1 ? "$1" : "$2"))
    : [body];
  for (let text of texts) {
    text = text.replace(/\\d$/, "").replace(/\\([().])/g, "$1");
    if (/[\\[\]{}|*+?^$]/.test(text)) throw new Error(`${pattern} is a shape that mod.rs does not know`);
    const edges = ["0", start && "START", from && !from.includes("+") && "BEGIN", to && "END"].filter(Boolean).at(-1);
    const flags = [start && "START", from && !from.includes("+") && "BEGIN", to && "END"].filter(Boolean);
    add(text, flags.length ? flags.join(" | ") : edges, STRONG.has(pattern));
  }
}
for (const text of OWN) add(text, "0", true);
for (const text of OFFICE) add(text, "OFFICE", true);
for (const [text, strong] of Object.entries(CONDITIONAL)) add(text, "EXCUSES", strong);
const low = (text) => text.charCodeAt(0) & 31;
const rows = [...words.values()].sort((a, b) => low(a.text) - low(b.text) || (a.text < b.text ? -1 : 1));
const version = versionOf("isbot");
const lines = rows.map(({ text, edges, strong }) => {
  const flags = [edges, strong && "STRONG"].filter((flag) => flag && flag !== "0").join(" | ") || "0";
  return `    (${JSON.stringify(text)}, ${flags}),`;
});
writeFileSync(`${root}/src/engine/link/bots/words.rs`, `//! Words in the User-Agents of programs, by the low five bits of their first letter. Written by \`scripts/bots.mjs\` from the
//! patterns of the npm package \`isbot\` ${version} (Unlicense), with our own additions.

/// The agent begins with it.
pub const START: u8 = 1;
/// No letter, digit or underscore before it.
pub const BEGIN: u8 = 2;
/// None after it.
pub const END: u8 = 4;
/// Some agents of people have it: \`excused\` in mod.rs.
pub const EXCUSES: u8 = 8;
/// It counts in a phone's browser and in an app's web view, too.
pub const STRONG: u8 = 16;
/// An Office program's.
pub const OFFICE: u8 = 32;

#[rustfmt::skip]
pub const WORDS: [(&str, u8); ${rows.length}] = [
${lines.join("\n")}
];
`);

const note = (name, licence) => `# npm ${name} ${versionOf(name)}, ${licence}; written by scripts/bots.mjs\n`;
const plain = (agents) => [...new Set(agents)].filter((agent) => !/[\r\n]/.test(agent)).sort().join("\n");
const crawlers = require("crawler-user-agents").flatMap((crawler) => crawler.instances ?? []);
writeFileSync(`${root}/tests/native/agents/crawlers.txt`, `${note("crawler-user-agents", "MIT")}${plain(crawlers)}\n`);
const browsers = JSON.parse(readFileSync(`${folder}/user-agents/dist/user-agents.json`, "utf8"));
writeFileSync(`${root}/tests/native/agents/people.txt`, `${note("user-agents", "BSD-2-Clause")}${plain(browsers.map((b) => b.userAgent))}\n`);
