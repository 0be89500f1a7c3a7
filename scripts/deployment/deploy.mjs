// A deployment from the first check to the last line. Each step may be interrupted: the next run checks the existing
// state and continues from there. Something counts as new only if the API itself says that it does not exist; any other
// failure stops the run.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { account } from "./account.mjs";
import { faultsOf, generated } from "./config.mjs";
import { database, migrate, pending, verify } from "./database.mjs";
import { prove, readMigrations } from "./migrations.mjs";
import { preflight } from "./preflight.mjs";
import { resources } from "./resources.mjs";
import { missingSecrets, nextSteps, secretLines } from "./summary.mjs";
import { layOut, upload } from "./upload.mjs";

/** A failure whose message is complete: a stack trace would not help anyone. */
class Stop extends Error {}

const listed = (title, lines) => [title, ...lines.map((line) => `  - ${line.replaceAll("\n", "\n    ")}`)];

/** The steps that only read. */
async function look(run) {
  const { config, file, env, steps, wrangler, found } = run;
  // Errors in the file are listed with the others, unless there is no name to look up.
  found.faults.push(...faultsOf(config, file));
  if (typeof config.name !== "string") throw new Stop(listed("Nothing was made. First:", found.faults).join("\n"));
  Object.assign(run, await steps.step("account", async () => {
    const { api, id, name } = await account({ env, wrangler, configured: config.account_id, apiOptions: run.apiOptions });
    return { api, accountId: id, said: name };
  }));
  wrangler.accountId = run.accountId;
  await steps.step("what is there", async () => {
    await preflight({ api: run.api, accountId: run.accountId, config, env, found, question: run.question });
    // If something could not be read, nothing is reported as new.
    if (!found.resources || found.worker === undefined) return {};
    const { database: base, namespace, names } = found.resources;
    return { said: `Worker ${config.name} ${found.worker ? "is deployed" : "is new"}, database ${base ? `${base.name} is there` : `${names.database} is new`}, namespace ${namespace ? `${namespace.title} is there` : `${names.namespace} is new`}` };
  });
  if (found.notes.length) steps.say(listed("Worth knowing:", found.notes).join("\n"));
  if (found.faults.length) throw new Stop(listed("Nothing was made. First:", found.faults).join("\n"));
}

async function prepare(run) {
  const migrations = readMigrations(join(run.root, "migrations"));
  const schema = readFileSync(join(run.root, "schema.sql"), "utf8");
  await run.steps.step("migrations, tried in SQLite", async () => {
    await prove(migrations, schema);
    return { said: `${migrations.length} files, ${migrations.reduce((sum, one) => sum + one.statements.length, 0)} statements` };
  });
  return { migrations, schema };
}

const built = (run) => {
  const folder = run.built ?? join(run.root, "target/worker/release");
  if (!existsSync(join(folder, "index.js"))) throw new Stop("The Worker is not built. Run: make build");
  return folder;
};

/** Everything except writing: reports what a deployment would do. */
async function check(run) {
  await look(run);
  const { found, steps, config, folder } = run;
  const { migrations } = await prepare(run);
  const { database: base, namespace, names } = found.resources;
  const todo = await steps.step("migrations to apply", async () => {
    const list = await pending(base && database(run.api, run.accountId, base.uuid), migrations);
    return { list, said: list.length ? list.map((one) => one.name).join(", ") : "none" };
  });
  await run.build();
  layOut({ built: built(run), folder, config: generated(config, { databaseId: base?.uuid ?? "to-be-made", databaseName: base?.name ?? names.database, namespaceId: namespace?.id ?? "to-be-made", statementsMax: found.statementsMax }) });
  await steps.step("wrangler deploy --dry-run", () => upload({ wrangler: run.wrangler, folder, isDry: true }));
  const would = [!base && `make the database ${names.database}`, !namespace && `make the namespace ${names.namespace}`, todo.list.length && `apply ${todo.list.length} migrations`, `upload the Worker, for ${found.address}`];
  steps.say(listed("Nothing was written. make deploy would:", would.filter(Boolean)).join("\n"));
}

/** The whole deployment. */
async function deploy(run) {
  await look(run);
  const { found, steps, config, folder } = run;
  const { migrations, schema } = await prepare(run);
  await run.build();
  const worker = built(run);
  const { database: base, namespace } = await steps.step("database and namespace", () => resources({ api: run.api, accountId: run.accountId, ...found.resources }));
  layOut({ built: worker, folder, config: generated(config, { databaseId: base.uuid, databaseName: base.name, namespaceId: namespace.id, statementsMax: found.statementsMax }) });
  const db = database(run.api, run.accountId, base.uuid);
  // Before the code: a version may use what its migrations add, and the previous version runs on either schema.
  await steps.step("migrations", () => migrate({ db, migrations, wrangler: run.wrangler, folder, say: steps.say }));
  await steps.step("schema", () => verify(db, schema));
  await steps.step("upload", () => upload({ wrangler: run.wrangler, folder, message: run.message }));
}

/**
 * Runs it and says at the end what to do next. Returns the exit status. `run`: root, folder (of the generated files),
 * config, file (its name in messages), env, steps, wrangler, build, message, apiOptions, isCheck.
 */
export async function main(run) {
  const since = Date.now();
  run.found = { faults: [], notes: [], worker: undefined };
  const { steps, found } = run;
  let error;
  try {
    await (run.isCheck ? check(run) : deploy(run));
  } catch (failure) {
    error = failure;
  }
  const command = run.isCheck ? "make deploy-check" : "make deploy";
  const missing = missingSecrets(found.worker === undefined ? null : (found.worker?.secrets ?? []));
  if (!error) {
    steps.say(run.isCheck ? `✓ checked in ${Math.round((Date.now() - since) / 1000)} s` : `✓ deployed in ${Math.round((Date.now() - since) / 1000)} s: ${found.address}`);
    const isFirst = found.worker === null;
    if (run.isCheck) {
      if (missing?.length) steps.say([`Secrets that are not set (make deploy lists the commands): ${missing.join(", ")}`].join("\n"));
    } else steps.say(nextSteps({ address: found.address, missing, isFirst, file: run.file }).join("\n"));
    return 0;
  }
  steps.say(`error: ${error instanceof Stop || !error.stack || error.kind || !process.env.VERBOSE ? error.message : error.stack}`);
  if (missing === null) steps.say("Could not check which secrets are set.");
  else if (missing.length) steps.say(["Secrets that are not set yet, once the Worker is there:", ...secretLines(missing, run.file)].join("\n"));
  steps.say(`You don't have to undo anything. Once that is fixed, run ${command} again.`);
  return 1;
}
