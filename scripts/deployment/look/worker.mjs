// The deployed Worker.
import { orAbsent } from "../api.mjs";
import { RIGHTS } from "../rights.mjs";

/** The Worker as it is deployed: its bindings and secrets. Null if there is none. */
export async function deployedWorker(api, accountId, name) {
  const path = `/accounts/${accountId}/workers/scripts/${name}`;
  const options = { right: RIGHTS.scripts };
  const settings = await orAbsent(api.get(`${path}/settings`, options), null);
  if (!settings) return null;
  const secrets = await orAbsent(api.get(`${path}/secrets`, options), []);
  return { bindings: settings.bindings ?? [], secrets: secrets.map((one) => one.name) };
}
