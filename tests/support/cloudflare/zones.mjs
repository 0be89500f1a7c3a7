// Zones and the routes of their Workers.
import { randomBytes } from "node:crypto";
import { ok, paged, refuse } from "./envelope.mjs";

export const newId = () => randomBytes(16).toString("hex");
const zoneOf = (world, pattern) => world.zones.find((one) => {
  const host = pattern.replace(/^[a-z]+:\/\//, "").split("/")[0].replace(/^\*\.?/, "");
  return host === one.name || host.endsWith(`.${one.name}`);
});

export const routes = [
  ["GET", "/zones", "zones:read", ({ world, query }) => paged(world.zones.filter((one) => !query.get("name") || one.name === query.get("name")), query)],
  ["GET", "/zones/*/workers/routes", "routes:read", ({ world, params }) => {
    if (!world.zones.some((one) => one.id === params[0])) return refuse(404, 1001, "Invalid zone identifier");
    return ok(world.routes.filter((one) => one.zone_id === params[0]));
  }],
  ["POST", "/zones/*/workers/routes", "routes:edit", ({ world, params, body }) => {
    if (world.routes.some((one) => one.pattern === body.pattern)) return refuse(409, 10020, `A route with the same pattern already exists: ${body.pattern}`);
    const route = { id: newId(), pattern: body.pattern, script: body.script, zone_id: params[0] };
    world.routes.push(route);
    return ok(route);
  }],
  // All routes of a Worker at once, for tokens of all zones. With a token for a single zone wrangler goes zone by zone.
  ["PUT", "/accounts/:account/workers/scripts/*/routes", "routes:edit", ({ world, params, body }) => {
    if (!world.token.allZones) return refuse(403, 10000, "Authentication error");
    const wanted = [];
    for (const { pattern, ...rest } of body) {
      if (Object.keys(rest).some((key) => !["zone_name", "zone_id"].includes(key))) return refuse(400, 10000 + 26, `unknown field in route: ${Object.keys(rest)}`);
      const zone = world.zones.find((one) => one.id === rest.zone_id || one.name === rest.zone_name) ?? zoneOf(world, pattern);
      if (!zone) return refuse(400, 10082, `Could not find zone for ${pattern}`);
      if (world.routes.some((one) => one.pattern === pattern && one.script !== params[0])) return refuse(409, 10020, `A route with the same pattern already exists: ${pattern}`);
      wanted.push({ id: newId(), pattern, script: params[0], zone_id: zone.id });
    }
    world.routes = [...world.routes.filter((one) => one.script !== params[0]), ...wanted];
    return ok(wanted);
  }],
];
