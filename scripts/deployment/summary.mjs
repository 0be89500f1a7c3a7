// The end of a run's output: what to do next, as commands to copy.
import { newSecrets, workerSecrets } from "../secrets.mjs";

/**
 * The secrets that every deployment needs, and which of them are not set. `known` is null if that could not be read.
 */
export function missingSecrets(known) {
  const wanted = Object.keys(workerSecrets(newSecrets()));
  return known ? wanted.filter((name) => !known.includes(name)) : null;
}

/** The option that selects the instance for wrangler, if it is not the one in wrangler.toml. */
const named = (file) => (file === "wrangler.toml" ? "" : ` --config ${file}`);

/** Commands that set the missing secrets. */
export function secretLines(names, file) {
  return names.map((name) => `  node scripts/secrets.mjs ${name} | npx wrangler secret put ${name}${named(file)}`);
}

/** The last lines of a deployment. */
export function nextSteps({ address, missing, isFirst, file }) {
  const lines = [];
  if (missing.length) {
    lines.push("Next: these secrets are not set, and requests that need them are rejected until they are. Each line creates a random one, shows what to keep, and sets it:", ...secretLines(missing, file));
    lines.push("Then install the programs:");
  }
  if (isFirst && !missing.length) lines.push("Next: install the programs:");
  if (isFirst || missing.length) lines.push(`  node scripts/presets.mjs ${address} OPERATOR_TOKEN`);
  else lines.push(`Next: ${address}/healthz shows whether everything works. To go back to the previous version: npx wrangler rollback${named(file)}`);
  return lines;
}
