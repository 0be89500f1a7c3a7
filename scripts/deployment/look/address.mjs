// Where the Worker will answer: at its routes, or else at its workers.dev name.
import { orAbsent } from "../api.mjs";
import { routesOf } from "../config.mjs";
import { RIGHTS } from "../rights.mjs";

/** The zone of each route. A route without a zone, or with a pattern of another Worker, is an error. */
export async function lookAtRoutes(api, accountId, config, faults) {
  const zones = new Map();
  const zoneNamed = async (host) => {
    for (let name = host; name.includes("."); name = name.slice(name.indexOf(".") + 1)) {
      if (!zones.has(name)) zones.set(name, (await api.list(`/zones?name=${encodeURIComponent(name)}&account.id=${accountId}`, { right: RIGHTS.zones }))[0] ?? null);
      if (zones.get(name)) return zones.get(name);
    }
    return null;
  };
  for (const route of routesOf(config)) {
    const host = route.pattern.replace(/^[a-z]+:\/\//, "").split("/")[0].replace(/^\*\.?/, "");
    const zone = route.zone_id ? { id: route.zone_id, name: route.zone_name } : await zoneNamed(route.zone_name ?? host);
    if (!zone) {
      faults.push(`routes: no zone ${route.zone_name ?? host} in this account that the token may see. Add the site to Cloudflare, or give the token ${RIGHTS.zones} for it`);
      continue;
    }
    if (zone.name && host !== zone.name && !host.endsWith(`.${zone.name}`)) faults.push(`routes: ${route.pattern} is not below the zone ${zone.name}`);
    if (zone.status && zone.status !== "active") faults.push(`routes: the zone ${zone.name} is ${zone.status}. Its name servers do not point to Cloudflare yet`);
    if (route.custom_domain) continue;
    const there = await api.get(`/zones/${zone.id}/workers/routes`, { right: RIGHTS.routes });
    const other = there.find((one) => one.pattern === route.pattern && one.script && one.script !== config.name);
    if (other) faults.push(`routes: ${route.pattern} belongs to the Worker ${other.script}. Remove it there first`);
  }
}

/** The workers.dev address, if the Worker gets one. */
export async function lookAtSubdomain(api, accountId, config, faults) {
  const found = await orAbsent(api.get(`/accounts/${accountId}/workers/subdomain`, { right: RIGHTS.scripts }), null);
  if (!found?.subdomain) {
    faults.push(`The account has no workers.dev name yet. Choose one at https://dash.cloudflare.com/${accountId}/workers/onboarding, or set routes`);
    return null;
  }
  return `https://${config.name}.${found.subdomain}.workers.dev`;
}

/** The address that people open, for a configuration with routes. */
export function addressOf(routes) {
  const { pattern } = routes.find((one) => !one.pattern.startsWith("*")) ?? routes[0];
  return `https://${pattern.replace(/^[a-z]+:\/\//, "").split("/")[0]}`;
}
