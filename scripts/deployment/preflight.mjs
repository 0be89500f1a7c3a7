// Everything that can be known before anything is made. Each look adds to the same list of faults, so that one run names
// them all; what is worth knowing but stops nobody is a note.
import { routesOf } from "./config.mjs";
import { addressOf, lookAtRoutes, lookAtSubdomain } from "./look/address.mjs";
import { lookAtEmail } from "./look/email.mjs";
import { lookAtCrons, planOf } from "./look/plan.mjs";
import { resourcesOf, sharers } from "./look/resources.mjs";
import { lookAtVars } from "./look/vars.mjs";
import { deployedWorker } from "./look/worker.mjs";

/**
 * Looks at all of it. `found` is filled as it goes, so that whoever catches a failure still has what was seen.
 * Faults that the API itself raised (a right that is missing) are listed with the others; one that is down ends the look.
 */
export async function preflight({ api, accountId, config, env, found, question }) {
  const { faults, notes } = found;
  const looks = async (look) => {
    try {
      return await look();
    } catch (error) {
      // A mistake of ours is no fault of the account.
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
