// Requests to Cloudflare's API: always with a timeout, and with errors that say what caused them.
import { setTimeout as pause } from "node:timers/promises";

const SECONDS_MAX = 60;
const TRIES = 3;
const BASE = "https://api.cloudflare.com/client/v4";

/**
 * Why a call failed: `down` (no response, or a server error), `right` (not permitted), `absent` (does not exist),
 * `refused` (the rest).
 */
export class ApiError extends Error {
  constructor(kind, message, { status, code } = {}) {
    super(message);
    Object.assign(this, { kind, status, code });
  }
}

// 10000 authentication error, 9109 unauthorized, and two from individual services.
const RIGHTS = new Set([10000, 9109, 10023, 10403]);
// The API's codes for "does not exist": a database, a Worker, a Worker's environment, a subdomain.
export const NO_DATABASE = 7404;
export const NO_WORKER = 10007;
// An SQL error, whatever the status of the response.
const SQL = 7500;
const ABSENT = new Set([NO_DATABASE, NO_WORKER, 10090]);

const wordsOf = (body, status) => body.errors?.map((one) => `${one.message} [${one.code}]`).join("; ") || `status ${status}`;

/** The error for a response that is not a success. */
function errorOf(what, status, body, right) {
  const code = body.errors?.[0]?.code;
  const detail = { status, code };
  if ((status >= 500 && code !== SQL) || status === 429) {
    return new ApiError("down", `Cloudflare's API is failing: ${what} answered ${status} (${wordsOf(body, status)}). Nothing is wrong with your token. See https://www.cloudflarestatus.com and run this again later.`, detail);
  }
  if (status === 401 || status === 403 || RIGHTS.has(code)) {
    return new ApiError("right", `The token is not allowed to do this: ${what} answered ${status} (${wordsOf(body, status)}).${right ? ` It needs the permission ${right}: add it at https://dash.cloudflare.com/profile/api-tokens.` : ""}`, detail);
  }
  return new ApiError(ABSENT.has(code) ? "absent" : "refused", `Cloudflare refused ${what}: ${wordsOf(body, status)}`, detail);
}

/** A client: `get`, `post` and `list` under the base address. `headers` hold the credential. */
export function client({ base = process.env.CLOUDFLARE_API_BASE_URL || BASE, headers, seconds = SECONDS_MAX, waitMs = 700 }) {
  async function once(method, path, { body, right }) {
    const what = `${method} ${path}`;
    let status;
    let text;
    try {
      const answer = await fetch(`${base}${path}`, {
        method,
        headers: { ...headers, ...(body !== undefined && { "content-type": "application/json" }) },
        body: body === undefined ? undefined : JSON.stringify(body),
        signal: AbortSignal.timeout(seconds * 1000),
      });
      status = answer.status;
      text = await answer.text();
    } catch (error) {
      const why = error.name === "TimeoutError" ? `no answer within ${seconds} s` : (error.cause?.message ?? error.message);
      throw new ApiError("down", `Cloudflare's API could not be reached: ${what}: ${why}. Check the network and https://www.cloudflarestatus.com, then run this again.`);
    }
    let parsed;
    try {
      parsed = JSON.parse(text);
    } catch {
      if (status < 500) throw new ApiError("down", `${what} was answered ${status} by something that is not Cloudflare's API (a proxy?): ${text.slice(0, 100)}`, { status });
      parsed = {};
    }
    if (status >= 400 || parsed.success !== true) throw errorOf(what, status, parsed, right);
    return parsed;
  }

  /** Reads are retried because repeating them changes nothing. Writes are left to the next run, which checks first. */
  async function reading(path, options = {}) {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await once("GET", path, options);
      } catch (error) {
        if (error.kind !== "down" || attempt === TRIES) throw error;
        await pause(waitMs * attempt);
      }
    }
  }

  return {
    get: async (path, options) => (await reading(path, options)).result,
    post: async (path, body, options = {}) => (await once("POST", path, { ...options, body })).result,
    /** All pages. Lists differ in their maximum page length, so it is sent only if given. */
    list: async (path, { perPage, ...options } = {}) => {
      const found = [];
      for (let page = 1; ; page += 1) {
        const query = `page=${page}${perPage ? `&per_page=${perPage}` : ""}`;
        const { result, result_info: info } = await reading(`${path}${path.includes("?") ? "&" : "?"}${query}`, options);
        found.push(...result);
        const all = info?.total_count ?? (perPage && result.length === perPage ? Infinity : 0);
        if (result.length === 0 || found.length >= all) return found;
      }
    },
  };
}

/** The result of `asked`, or `fallback` if the API itself says that there is no such thing. */
export async function orAbsent(asked, fallback) {
  try {
    return await asked;
  } catch (error) {
    if (error.kind === "absent") return fallback;
    throw error;
  }
}
