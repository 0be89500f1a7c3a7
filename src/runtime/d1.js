let rowsRead = 0;
let rowsWritten = 0;
let sqlMs = 0;

// Rows that D1 has read for this isolate so far, as it counts and bills them.
export function d1_rows_read() {
  return rowsRead;
}

// Rows written, each with its entries in indexes.
export function d1_rows_written() {
  return rowsWritten;
}

// The time that D1 itself took for statements.
export function d1_sql_ms() {
  return sqlMs;
}

// One batch: statements as [sql, ...params], the rows of all of them as one JSON text, which crosses into WASM many
// times quicker than value by value.
export async function d1_batch(database, statements) {
  const results = await database.batch(statements.map(([sql, ...params]) => database.prepare(sql).bind(...params)));
  for (const { meta } of results) {
    rowsRead += meta?.rows_read ?? 0;
    rowsWritten += meta?.rows_written ?? 0;
    sqlMs += meta?.duration ?? 0;
  }
  return JSON.stringify(results.map((result) => result.results ?? []));
}
