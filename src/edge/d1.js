// One batch: statements as [sql, ...params], the rows of all of them as one JSON text, which crosses into WASM many
// times quicker than value by value.
export async function d1_batch(database, statements) {
  const results = await database.batch(statements.map(([sql, ...params]) => database.prepare(sql).bind(...params)));
  return JSON.stringify(results.map((result) => result.results ?? []));
}
