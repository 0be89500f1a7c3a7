// Tokens, the user, accounts and their subscriptions.
import { ok, paged, refuse } from "./envelope.mjs";

export const routes = [
  ["GET", "/user/tokens/verify", null, ({ world }) => (world.token.owner === "account" ? refuse(401, 1000, "Invalid API Token") : ok({ id: "t", status: world.token.status }))],
  ["GET", "/accounts/:account/tokens/verify", null, ({ world }) => (world.token.owner === "account" ? ok({ id: "t", status: world.token.status }) : refuse(401, 1000, "Invalid API Token"))],
  ["GET", "/user", null, ({ world }) => (world.token.owner === "account" ? refuse(403, 9109, "Unauthorized to access requested resource") : ok({ id: "u", email: "owner@example.com" }))],
  ["GET", "/memberships", null, ({ world, query }) => paged(world.accounts.map((account) => ({ id: account.id, account })), query)],
  ["GET", "/accounts", "account:read", ({ world, query }) => paged(world.accounts, query)],
  ["GET", "/accounts/:account", "account:read", ({ world, account }) => ok(world.accounts.find((one) => one.id === account))],
  ["GET", "/accounts/:account/subscriptions", "billing:read", ({ world }) => ok(world.plan === "paid" ? [{ id: "s", state: "Paid", rate_plan: { id: "workers_paid", public_name: "Workers Paid" } }] : [])],
  ["GET", "/accounts/:account/email/sending/zones", "email:read", ({ world, query }) => paged(world.emailZones.map((name) => ({ id: name, name })), query)],
];
