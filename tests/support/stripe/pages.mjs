// The pages behind Stripe's links: onboarding, which a person completes with one button, and the dashboard.
import { change, onboarded } from "./api/accounts.mjs";

const escaped = (text) => String(text).replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
const page = (title, body) => ({
  status: 200,
  headers: { "content-type": "text/html; charset=utf-8" },
  body: `<!doctype html><html lang="en"><meta charset="utf-8"><title>${title}</title><h1>${title}</h1><p>This is the stand-in for Stripe. No money moves.</p>${body}</html>`,
});
const redirect = (location) => ({ status: 302, headers: { location }, body: "" });

/** A link works once, within five minutes. Later visits are redirected to get a new one, as at Stripe. */
function onboarding(world, method, id, token) {
  const link = world.store.links.get(token);
  if (!link || link.account !== id) return undefined;
  if (method === "GET") {
    if (link.used || link.expires_at < world.store.now()) return redirect(link.refresh_url);
    link.used = true;
    world.store.changed();
    return page(
      "Onboarding",
      `<p>Account ${escaped(id)}</p><form method="post"><button>Everything is filled in</button></form><p><a href="${escaped(link.return_url)}">Leave without finishing</a></p>`,
    );
  }
  const account = world.store.get("account", id);
  change(world, account, onboarded(account));
  world.store.changed();
  return redirect(link.return_url);
}

function dashboard({ store }, id) {
  if (!store.get("account", id)) return undefined;
  const rows = store
    .all("transfer")
    .filter((one) => one.destination === id)
    .map(
      (one) => `<li>${one.id}: ${one.amount - one.amount_reversed} ${one.currency} (smallest units) ${escaped(one.description ?? "")}</li>`,
    );
  return page("Express dashboard", `<p>Account ${escaped(id)}</p><ul>${rows.join("")}</ul>`);
}

/** The page at a path, or nothing. */
export function pageAt(world, method, path) {
  const [, area, ...rest] = path.split("/");
  if (area === "setup" && rest[0] === "e" && rest.length === 3) return onboarding(world, method, rest[1], rest[2]);
  if (area === "express" && rest.length === 1 && method === "GET") return dashboard(world, rest[0]);
  return undefined;
}
