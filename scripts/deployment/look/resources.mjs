// The existing database and namespace, and who else uses them.
import { NO_DATABASE, orAbsent } from "../api.mjs";
import { namesOf } from "../config.mjs";
import { RIGHTS } from "../rights.mjs";
import { each } from "./each.mjs";

/** The database by its id or name. Null only if the API itself says that there is none. */
export async function databaseAt(api, accountId, idOrName) {
  try {
    return await api.get(`/accounts/${accountId}/d1/database/${encodeURIComponent(idOrName)}`, { right: RIGHTS.d1 });
  } catch (error) {
    if (error.code === NO_DATABASE) return null;
    throw error;
  }
}

export const namespacesOf = (api, accountId) => api.list(`/accounts/${accountId}/storage/kv/namespaces`, { right: RIGHTS.kv, perPage: 100 });

/** The instance's existing database and namespace: those in the file, or else those bound today, or else by name. */
export async function resourcesOf(api, accountId, config, worker, notes) {
  const names = namesOf(config);
  const bound = (type, name) => worker?.bindings.find((one) => one.type === type && one.name === name);
  const inUse = bound("d1", "DB");
  const databaseId = names.databaseId ?? inUse?.database_id ?? inUse?.id;
  const known = databaseId ? await databaseAt(api, accountId, databaseId) : null;
  if (databaseId && !known && !names.databaseId) notes.push(`The database that the Worker is bound to (${databaseId}) is gone: ${names.database} takes its place`);
  const database = known ?? (names.databaseId ? null : await databaseAt(api, accountId, names.database));
  const all = await namespacesOf(api, accountId);
  const namespaceId = names.namespaceId ?? bound("kv_namespace", "KV")?.namespace_id;
  const namespace = all.find((one) => one.id === namespaceId) ?? (names.namespaceId ? null : all.find((one) => one.title === names.namespace));
  return { names, database, namespace: namespace ?? null };
}

/** The names of other Workers that are bound to the database or the namespace. */
export async function sharers(api, accountId, name, { database, namespace }, worker) {
  const isOurs = (one) => (database && one.type === "d1" && (one.database_id ?? one.id) === database.uuid) || (namespace && one.type === "kv_namespace" && one.namespace_id === namespace.id);
  // A database or namespace that is already bound was checked when it was bound.
  const wanted = (database ? 1 : 0) + (namespace ? 1 : 0);
  if (wanted === 0 || worker?.bindings.filter(isOurs).length >= wanted) return [];
  const scripts = await api.get(`/accounts/${accountId}/workers/scripts`, { right: RIGHTS.scripts });
  const others = await each(scripts.filter((one) => one.id !== name), async ({ id }) => {
    const settings = await orAbsent(api.get(`/accounts/${accountId}/workers/scripts/${id}/settings`, { right: RIGHTS.scripts }), {});
    return settings.bindings?.some(isOurs) ? id : null;
  });
  return others.filter(Boolean);
}
