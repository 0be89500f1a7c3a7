// Installs the programs that ship with the crate through the public API: PUT each src/program/presets/*.json.
// As a command: node scripts/presets.mjs BASE_URL OPERATOR_TOKEN
import { createHash } from "node:crypto";
import { readFileSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { isDeepStrictEqual } from "node:util";
import { ask } from "./ask.mjs";

const folder = join(dirname(dirname(fileURLToPath(import.meta.url))), "src/program/presets");

/** The shipped documents, as [id, text]. */
export function presets() {
  return readdirSync(folder)
    .filter((name) => name.endsWith(".json"))
    .sort()
    .map((name) => {
      const text = readFileSync(join(folder, name), "utf8");
      return [JSON.parse(text).id ?? name.slice(0, -".json".length), text];
    });
}

/**
 * Saves a document and returns the response with its text. The key is derived from this very text, so that repeating
 * the request changes nothing.
 */
async function put(baseUrl, operatorToken, id, text) {
  const key = `preset-${id}-${createHash("sha256").update(text).digest("hex").slice(0, 16)}`;
  const answer = await ask(`${baseUrl}/v1/programs/${encodeURIComponent(id)}`, {
    method: "PUT",
    headers: { authorization: `Bearer ${operatorToken}`, "content-type": "application/json", "idempotency-key": key },
    body: text,
  });
  return [answer, await answer.text()];
}

/** Whether to mention that an existing version has other terms: a saved version never changes. */
const outcomeOf = (answer, said) => {
  if (answer.status === 201) return "saved";
  if (answer.ok) return "is there already";
  return answer.status === 409 && JSON.parse(said).code === "version_exists" ? "is there already, with other terms, which stay" : null;
};

/**
 * Saves each document. A version that already exists counts as done; anything else is an error. `say` gets a line per
 * document.
 */
export async function installPresets(baseUrl, operatorToken, say = () => {}) {
  const documents = presets();
  for (const [id, text] of documents) {
    const [answer, said] = await put(baseUrl, operatorToken, id, text);
    const outcome = outcomeOf(answer, said);
    if (!outcome) throw new Error(`PUT /v1/programs/${id} answered ${answer.status}: ${said}${answer.status === 401 ? " (is it the operator token that scripts/secrets.mjs showed?)" : ""}`);
    say(`${id}: version ${JSON.parse(text).version} ${outcome}`);
  }
  return documents.length;
}

/** A Worker's URL as typed by a person, with or without a trailing slash. Throws if it is not valid. */
export function baseOf(typed) {
  if (!URL.canParse(typed ?? "") || !/^https?:$/.test(new URL(typed).protocol)) throw new Error(`an address starts with https://, unlike "${typed ?? ""}"`);
  const { origin, pathname } = new URL(typed);
  if (pathname !== "/") throw new Error(`the address of the Worker has no path: ${origin}, not ${typed}`);
  return origin;
}

/** The version takes effect this many milliseconds from now, so that the Worker does not consider it past. */
const SOON_MS = 2000;

/**
 * Saves a document under development: if its version exists with other terms, it is saved as the next version, from now
 * on.
 */
export async function saveInDevelopment(baseUrl, operatorToken, id, text) {
  const [answer, said] = await put(baseUrl, operatorToken, id, text);
  if (answer.ok) return { saved: answer.status === 201, said: `version ${JSON.parse(said).version} is there` };
  if (answer.status !== 409 || JSON.parse(said).code !== "version_exists") throw new Error(`PUT /v1/programs/${id} answered ${answer.status}: ${said}`);
  const held = await ask(`${baseUrl}/v1/programs/${encodeURIComponent(id)}`, { headers: { authorization: `Bearer ${operatorToken}` } });
  if (!held.ok) throw new Error(`GET /v1/programs/${id} answered ${held.status}: ${await held.text()}`);
  const { document, versions } = await held.json();
  const terms = (one) => isDeepStrictEqual({ ...JSON.parse(text), version: 0, effective_from: "" }, { ...one, version: 0, effective_from: "" });
  if (terms(document)) return { saved: false, said: `version ${document.version} is the same` };
  const version = Math.max(...versions.map((one) => one.version)) + 1;
  const next = { ...JSON.parse(text), version, effective_from: new Date(Date.now() + SOON_MS).toISOString() };
  const [saved, why] = await put(baseUrl, operatorToken, id, JSON.stringify(next));
  if (!saved.ok) throw new Error(`PUT /v1/programs/${id} answered ${saved.status}: ${why}`);
  return { saved: true, said: `saved as version ${version}, in force in ${SOON_MS / 1000} s` };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [address, token] = process.argv.slice(2);
  if (!address || !token) {
    console.error("usage: node scripts/presets.mjs https://example.com OPERATOR_TOKEN");
    process.exit(2);
  }
  try {
    const base = baseOf(address);
    console.log(`${await installPresets(base, token, console.log)} programs are at ${base}`);
  } catch (error) {
    console.error(`error: ${error.message}`);
    process.exit(1);
  }
}
