// KV: namespaces by title. A deployment does not read or write keys.
import { randomBytes } from "node:crypto";
import { ok, paged, refuse } from "./envelope.mjs";

export function newNamespace(world, title) {
  const one = { id: randomBytes(16).toString("hex"), title, supports_url_encoding: true };
  world.namespaces.push(one);
  return one;
}

export const routes = [
  ["GET", "/accounts/:account/storage/kv/namespaces", "kv:read", ({ world, query }) => paged([...world.namespaces].sort((a, b) => (a.title < b.title ? -1 : 1)), query, { max: 1000 })],
  ["POST", "/accounts/:account/storage/kv/namespaces", "kv:edit", ({ world, body }) => {
    if (!body.title) return refuse(400, 10019, "title is required");
    if (world.namespaces.some((one) => one.title === body.title)) return refuse(400, 10014, `create namespace: 'a namespace with this account ID and title already exists'`);
    return ok(newNamespace(world, body.title));
  }],
];
