// The database and the namespace: existing ones, or else new ones. Looking them up by name comes first, so that a run
// that was interrupted in between finds what it created.
import { databaseAt, namespacesOf } from "./look/resources.mjs";
import { RIGHTS } from "./rights.mjs";

async function make(again, create) {
  try {
    return await create();
  } catch (error) {
    // Created in the meantime, or by a request whose response was lost.
    const found = error.kind === "refused" ? await again() : null;
    if (found) return found;
    throw error;
  }
}

/** Finds or creates both. */
export async function resources({ api, accountId, names, database, namespace }) {
  const made = [];
  if (!database && names.databaseId) throw new Error(`There is no database ${names.databaseId}, which database_id names. Remove that line to create one`);
  if (!namespace && names.namespaceId) throw new Error(`There is no namespace ${names.namespaceId}, which the id in [[kv_namespaces]] names. Remove that line to create one`);
  if (!database) {
    database = await make(
      () => databaseAt(api, accountId, names.database),
      () => api.post(`/accounts/${accountId}/d1/database`, { name: names.database }, { right: RIGHTS.d1 }),
    );
    made.push(`made database ${names.database}`);
  }
  if (!namespace) {
    namespace = await make(
      async () => (await namespacesOf(api, accountId)).find((one) => one.title === names.namespace) ?? null,
      () => api.post(`/accounts/${accountId}/storage/kv/namespaces`, { title: names.namespace }, { right: RIGHTS.kv }),
    );
    made.push(`made namespace ${names.namespace}`);
  }
  return { database, namespace, said: made.join(", ") || `${database.name}, ${namespace.title}` };
}
