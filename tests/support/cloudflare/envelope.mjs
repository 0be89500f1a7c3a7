// The shape of every answer of Cloudflare's API.

export const ok = (result, { status = 200, ...more } = {}) => ({ status, body: { success: true, errors: [], messages: [], result, ...more } });
export const refuse = (status, code, message) => ({ status, body: { success: false, errors: [{ code, message }], messages: [], result: null } });

/** A page of a list, as `page` and `per_page` ask. */
export function paged(all, query, { max = 100 } = {}) {
  const per = Math.min(Number(query.get("per_page") ?? 20), max);
  const page = Number(query.get("page") ?? 1);
  const result = all.slice((page - 1) * per, page * per);
  return ok(result, { result_info: { page, per_page: per, count: result.length, total_count: all.length, total_pages: Math.max(1, Math.ceil(all.length / per)) } });
}
