// What the site's owner does: forms, and (for tests) what is older than the site.
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

/** A form of plugin-forms with an email and hidden fields, their defaults as given. `webhookUrl`: where it tells of submissions. */
export async function newsletter(admin, slug, hidden = {}, { webhookUrl } = {}) {
  const field = (type, name, rest) => ({ id: name, type, label: name, name, required: false, width: "full", ...rest });
  const fields = [field("email", "email", { required: true }), field("hidden", "ref"), field("hidden", "visitor")];
  for (const [name, defaultValue] of Object.entries(hidden)) fields.push(field("hidden", name, { defaultValue }));
  return admin.told("/_emdash/api/plugins/emdash-forms/forms/create", { name: slug, slug, pages: [{ fields }], settings: webhookUrl ? { webhookUrl } : {} });
}

const LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/** An id as EmDash makes them, of an instant. */
export function ulid(at) {
  let text = "";
  for (let rest = at, n = 0; n < 10; n += 1, rest = Math.floor(rest / 32)) text = LETTERS[rest % 32] + text;
  return text + [...randomBytes(16)].map((byte) => LETTERS[byte % 32]).join("");
}

/** A user who signed up yesterday: the id. */
export function yesterday(site, email) {
  const at = Date.now() - 86_400_000;
  const id = ulid(at);
  const database = new DatabaseSync(join(site.folder, "data.db"));
  const then = new Date(at).toISOString();
  database.prepare("INSERT INTO users (id, email, name, role, email_verified, created_at, updated_at) VALUES (?, ?, 'Old', 10, 1, ?, ?)").run(id, email, then, then);
  database.close();
  return id;
}
