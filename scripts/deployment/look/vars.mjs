// Variables that are online but missing in the file or different there.

/** Settings that a deployment deletes or changes, because they were set in the dashboard or removed from the file. */
export function lookAtVars(config, worker, env, faults, notes) {
  const there = worker?.bindings.filter((one) => one.type === "plain_text" || one.type === "json") ?? [];
  const vars = { ...config.vars, D1_STATEMENTS_MAX: null };
  const gone = there.filter((one) => !(one.name in vars)).map((one) => one.name);
  const changed = there.filter((one) => one.name in vars && vars[one.name] !== null && one.type === "plain_text" && one.text !== String(vars[one.name]));
  for (const { name, text } of changed) notes.push(`${name} changes from ${JSON.stringify(text)} to ${JSON.stringify(config.vars[name])}`);
  if (gone.length === 0) return;
  const message = `These variables are set in the dashboard and not in the file: ${gone.join(", ")}. A deployment deletes them`;
  if (env.DELETE_VARS === "yes") notes.push(`${message}, as asked`);
  else faults.push(`${message}. Copy them to [vars], or run: DELETE_VARS=yes make deploy`);
}
