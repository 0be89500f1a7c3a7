// The shape of every response of Cloudflare's API.

export const ok = (result, { status = 200, ...more } = {}) => ({ status, body: { success: true, errors: [], messages: [], result, ...more } });
export const refuse = (status, code, message) => ({ status, body: { success: false, errors: [{ code, message }], messages: [], result: null } });

/** A page of a list, according to `page` and `per_page`. A page longer than the list allows is refused. */
export function paged(all, query, { max = 50 } = {}) {
  const per = Number(query.get("per_page") ?? 20);
  const page = Number(query.get("page") ?? 1);
  if (per > max) return refuse(400, 6003, `per_page is at most ${max}`);
  const result = all.slice((page - 1) * per, page * per);
  return ok(result, { result_info: { page, per_page: per, count: result.length, total_count: all.length } });
}
