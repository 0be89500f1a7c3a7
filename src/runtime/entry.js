// The Worker's entry: what Cloudflare calls. A request through a ref link goes to `hot` in src/runtime/link/hot.rs, in one
// synchronous call where the code is warm; everything else to `fetch` and `scheduled` in src/lib.rs.
//
// It takes the place of worker-build's, which wraps every request in a Proxy, and keeps its recovery: after a panic or a
// trap the next request gets a new instance. That one has no configuration: `hot` says so.
import {
  __wbg_reset_state as renew,
  __worker_init_state as initState,
  boot,
  cold,
  fetch as general,
  flush,
  hot,
  refresh,
  scheduled,
} from "./index.js";

// `criticalError` is set by the panic hook of the worker crate; traps that are no panics (an overflowing stack) end here
// or in a catch.
const state = initState();
addEventListener("error", (event) => noteTrap(event.error));
addEventListener("unhandledrejection", (event) => noteTrap(event.reason));

function noteTrap(error) {
  if (error instanceof WebAssembly.RuntimeError) state.criticalError = true;
}

function recover() {
  console.error("the instance has trapped; starting a new one");
  state.criticalError = false;
  renew();
}

// A first sieve, so that other requests do not pay for it: /r/CODE, or a parameter that may be ours (escaped, too).
const MAY_BE_LINK = /\/r\/|[?&](?:ref|partner|[^=&]*%)/;

// What redirects over https carry, but for those of this machine.
let hsts = "";
const IS_SECURE = /^https:\/\/(?!localhost|127\.|\[::1\])/;

// The bits of hot.rs.
const FLUSH = 1;
const REFRESH = 2;
const PASS = 4;
const MISSING = 8;
const BOOT = 16;

export default {
  fetch(request, env, ctx) {
    if (state.criticalError) recover();
    const url = request.url;
    if (!MAY_BE_LINK.test(url)) return general(request, env, ctx);
    const method = request.method;
    if (method !== "GET" && method !== "HEAD") return general(request, env, ctx);
    const text = describe(url, method, request.headers);
    const now = Date.now();
    let answer;
    try {
      answer = hot(text, now);
      if (answer.charCodeAt(0) & BOOT) {
        hsts = boot(env);
        answer = hot(text, now);
      }
    } catch (error) {
      return broken(error, url, env);
    }
    if (answer === "") return general(request, env, ctx);
    if (answer.charCodeAt(0) & MISSING) {
      return cold(text, now, env, ctx).then(
        (found) => respond(found, request, env, ctx),
        (error) => broken(error, url, env),
      );
    }
    return respond(answer, request, env, ctx);
  },

  scheduled(event, env, ctx) {
    if (state.criticalError) recover();
    return scheduled(event, env, ctx);
  },
};

// The lines that `parse` in hot.rs reads. No header holds a line feed.
function describe(url, method, headers) {
  const get = (name) => headers.get(name) ?? "";
  return `${url}
${method}
${get("cf-connecting-ip")}
${get("cookie")}
${get("user-agent")}
${get("sec-fetch-mode")}
${get("sec-fetch-dest")}
${get("sec-purpose")}
${get("purpose")}
${get("x-purpose")}
${get("x-moz")}
${get("sec-gpc")}
${get("cf-ipcountry")}
${get("referer")}`;
}

function respond(answer, request, env, ctx) {
  const bits = answer.charCodeAt(0);
  if (bits & FLUSH) ctx.waitUntil(flush(env));
  if (bits & REFRESH) ctx.waitUntil(refresh(request.url, Date.now(), env, ctx));
  const line = answer.indexOf("\n");
  if (bits & PASS) return pass(answer.slice(1, line), request, env, ctx);
  const headers = {
    Location: answer.slice(line + 1),
    "Cache-Control": "no-store",
    "Referrer-Policy": "strict-origin-when-cross-origin",
  };
  if (line > 1) headers["Set-Cookie"] = answer.slice(1, line);
  if (hsts !== "" && IS_SECURE.test(request.url)) headers["Strict-Transport-Security"] = hsts;
  return new Response(null, { status: 302, headers });
}

// The origin's response with our cookie. With one it belongs to this visitor alone.
async function pass(cookie, request, env, ctx) {
  const response = await general(request, env, ctx);
  if (cookie === "") return response;
  const own = new Response(response.body, response);
  own.headers.append("Set-Cookie", cookie);
  own.headers.set("Cache-Control", "private, no-store");
  return own;
}

// A trap is ours, not the visitor's: a short link still leads to the site.
function broken(error, url, env) {
  noteTrap(error);
  console.error("redirect:", error);
  if (!/^[^?#]*\/r\//.test(url)) return new Response("Internal error", { status: 500 });
  return new Response(null, { status: 302, headers: { Location: /^https?:\/\//.test(env.SITE_URL) ? env.SITE_URL : "/", "Cache-Control": "no-store" } });
}
