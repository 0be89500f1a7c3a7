// Everything that can be checked before anything is created. Each check adds to the same list of errors, so that one
// run reports them all. Notes are worth knowing but stop nothing.
import { routesOf } from "./config.mjs";
import { addressOf, lookAtRoutes, lookAtSubdomain } from "./look/address.mjs";
import { lookAtEmail } from "./look/email.mjs";
import { lookAtCrons, planOf } from "./look/plan.mjs";
import { resourcesOf, sharers } from "./look/resources.mjs";
import { lookAtVars } from "./look/vars.mjs";
import { deployedWorker } from "./look/worker.mjs";

/**
 * Runs all checks. `found` is filled step by step, so that a caller that catches a failure has the results so far.
 * Errors of the API itself (a missing permission) are listed with the others; an unreachable API ends the checks.
 */
export async function preflight({ api, accountId, config, env, found, question }) {
  const { faults, notes } = found;
  const looks = async (look) => {
    try {
      return await look();
    } catch (error) {
      // A bug of ours is not an error of the account.
      if (error.kind === "down" || error instanceof TypeError) throw error;
      faults.push(error.message);
      return undefined;
    }
  };
  found.worker = await looks(() => deployedWorker(api, accountId, config.name));
  found.resources = await looks(() => resourcesOf(api, accountId, config, found.worker, notes));
  if (found.resources) {
    const others = await looks(() => sharers(api, accountId, config.name, found.resources, found.worker));
    if (others?.length && env.SHARE_DATABASE !== "yes") {
      const { database, namespace } = found.resources;
      faults.push(`${[database && `the database ${database.name}`, namespace && `the namespace ${namespace.title}`].filter(Boolean).join(" or ")} is in use by another Worker: ${others.join(", ")}. Two instances need two names (name = "…" in the file). If sharing is what you want, run: SHARE_DATABASE=yes make deploy`);
    }
  }
  const routes = routesOf(config);
  if (routes.length) await looks(() => lookAtRoutes(api, accountId, config, faults));
  found.address = routes.length ? addressOf(routes) : await looks(() => lookAtSubdomain(api, accountId, config, faults));
  const plan = await looks(() => planOf(api, accountId, found.worker, { env, configured: config.vars?.D1_STATEMENTS_MAX, notes, question }));
  Object.assign(found, plan);
  await looks(() => lookAtCrons(api, accountId, config, plan?.plan, faults, notes));
  await looks(() => lookAtEmail(api, accountId, config, found.worker, plan?.plan, notes));
  lookAtVars(config, found.worker, env, faults, notes);
}
