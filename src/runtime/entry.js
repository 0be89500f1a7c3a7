// The Worker's entry: what Cloudflare calls. A request through a ref link goes to `hot` in src/runtime/link/hot.rs, in one
// synchronous call where the code is warm. A request for the site that needs no decision is passed on from here. All
// others go to `fetch` and `scheduled` in src/lib.rs.
//
// It takes the place of worker-build's, which wraps every request in a Proxy, and keeps its recovery: after a panic or a
// trap the next request gets a new instance. That one has no configuration: `hot` says so.
import {
  __wbg_reset_state as renew,
  __worker_init_state as initState,
  answered,
  boot,
  cold,
  fetch as general,
  flush,
  hot,
  plan as readPlan,
  refresh,
  scheduled,
  unanswered,
  withdrawn,
} from "./index.js";
import { passed_on } from "./passing.js";

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

// A first sieve, so that other requests do not pay for it: /r/CODE, or a parameter that may be ours (escaped, too, and
// behind an `&amp;`). What starts a search is never passed over by one, so that it takes no longer than the URL is long.
const MAY_BE_LINK = /\/r(?:\/|%2f)|[?&;](?:ref|partner|[^=&?;]*%)|%(?:3f|26)(?:ref|partner)/i;

// What redirects over https carry, but for those of this machine.
let hsts = "";
const IS_SECURE = /^https:\/\/(?!localhost|127\.|\[::1\])/;
const IS_LOOPBACK = /^http:\/\/(?:[^/?#@]*\.)?localhost[:/?#]|^http:\/\/127\.|^http:\/\/\[::1\]/;

// The bits of hot.rs.
const FLUSH = 1;
const REFRESH = 2;
const PASS = 4;
const MISSING = 8;
const BOOT = 16;
const OTHER = 32;

export default {
  fetch(request, env, ctx) {
    if (state.criticalError) recover();
    const url = request.url;
    if (!MAY_BE_LINK.test(url)) return other(request, url, env, ctx);
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
    if (answer === "") return other(request, url, env, ctx);
    if (answer.charCodeAt(0) & MISSING) {
      return cold(text, now, env, ctx).then(
        (found) => (found === "" ? other(request, url, env, ctx) : respond(found, request, env, ctx)),
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

// What `plan` in passing.rs says, read once.
let plan;

function planOf(text) {
  const [origin, firstByteMs, uploadMs, session, own, injects, held, ...ours] = text.split("\n");
  const any = (parts) => parts.map((part) => part.replace(/[^\w/-]/g, "\\$&")).join("|");
  return {
    origin,
    firstByteMs: Number(firstByteMs),
    uploadMs: Number(uploadMs),
    session,
    injects: injects !== "",
    held,
    ownCookies: new RegExp(any(own.split(" "))),
    ours: new RegExp(`^[^/]*//[^/]*(?:${any(ours)})`),
  };
}

// A request that is not through a ref link: of the site's, unless its address or its cookies ask for a decision.
function other(request, url, env, ctx) {
  try {
    plan ??= planOf(readPlan(env));
  } catch (error) {
    noteTrap(error);
    return general(request, env, ctx);
  }
  const headers = request.headers;
  const cookies = headers.get("cookie") ?? "";
  const asks = plan.ours.test(url) || plan.ownCookies.test(cookies) || (plan.origin === "" && !env.EMDASH) || headers.has("manicule-passed");
  const answer = asks ? general(request, env, ctx) : passOn(request, url, env);
  return plan.held !== "" && cookies.includes(plan.held) ? consented(answer, cookies, env) : answer;
}

// The answer without our cookie for who sends it and does not consent any more.
async function consented(answer, cookies, env) {
  return withCookie(await answer, withdrawn(cookies, env));
}

// The site's answer, or ours if it has none in time.
function passOn(request, url, env) {
  const service = env.EMDASH;
  const method = request.method;
  const limit = method === "GET" || method === "HEAD" || request.body === null ? plan.firstByteMs : plan.uploadMs;
  const address = service ? url : plan.origin + url.slice(url.indexOf("/", 8));
  return new Promise((done, failed) => {
    const timer = setTimeout(() => done(unanswered(request, env)), limit);
    passed_on(request, address, service)
      .then(
        (answer) => {
          clearTimeout(timer);
          return finished(answer, request, env);
        },
        (error) => {
          clearTimeout(timer);
          return unanswered(request, env, String(error));
        },
      )
      .then(done, failed);
  });
}

// An answer that starts or ends a session, or is a page that may get the script, is looked at.
function finished(answer, request, env) {
  const headers = answer.headers;
  const asks = headers.get("set-cookie")?.includes(plan.session) || (plan.injects && /html/i.test(headers.get("content-type")));
  return asks ? answered(request, answer, env) : answer;
}

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
${get("referer")}
${url.startsWith("http:") && isPlain(url, headers) ? "plain" : ""}`;
}

// Whether the visitor came by plain http, which sets no cookie of ours: not on this machine, and not by https that ended
// at a proxy before us.
function isPlain(url, headers) {
  const outside = (headers.get("cf-visitor") ?? "") + (headers.get("x-forwarded-proto") ?? "");
  return !IS_LOOPBACK.test(url) && !outside.includes("https");
}

function respond(answer, request, env, ctx) {
  const bits = answer.charCodeAt(0);
  if (bits & FLUSH) ctx.waitUntil(flush(env));
  if (bits & REFRESH) ctx.waitUntil(refresh(request.url, Date.now(), env, ctx));
  const line = answer.indexOf("\n");
  if (bits & PASS) return pass(answer.slice(1, line), request, env, ctx);
  const rest = answer.slice(line + 1);
  const headers = { "Cache-Control": "no-store", "Referrer-Policy": "strict-origin-when-cross-origin" };
  if (hsts !== "" && IS_SECURE.test(request.url)) headers["Strict-Transport-Security"] = hsts;
  if (bits & OTHER) return shown(rest, request, headers);
  headers.Location = rest;
  if (line > 1) headers["Set-Cookie"] = answer.slice(1, line);
  return new Response(null, { status: 302, headers });
}

// A page, or nothing yet for a browser that only prepares a visit: it asks again at the click.
function shown(page, request, headers) {
  if (page === "") return new Response(null, { status: 503, headers });
  headers["Content-Type"] = "text/html; charset=utf-8";
  headers["Content-Security-Policy"] = "default-src 'none'";
  headers["X-Content-Type-Options"] = "nosniff";
  return new Response(request.method === "HEAD" ? null : page, { status: 200, headers });
}

// The origin's response with our cookie. With one it belongs to this visitor alone.
async function pass(cookie, request, env, ctx) {
  return withCookie(await other(request, request.url, env, ctx), cookie);
}

function withCookie(response, cookie) {
  if (!cookie || response.webSocket || response.headers.getSetCookie().includes(cookie)) return response;
  const own = new Response(response.body, response);
  own.headers.append("Set-Cookie", cookie);
  own.headers.set("Cache-Control", "private, no-store");
  return own;
}

// A trap is ours, not the visitor's: a short link still leads to the site.
function broken(error, url, env) {
  noteTrap(error);
  console.error("redirect:", error);
  if (!/^[^?#]*\/r\//i.test(url)) return new Response("Internal error", { status: 500 });
  return new Response(null, { status: 302, headers: { Location: /^https?:\/\//.test(env.SITE_URL) ? env.SITE_URL : "/", "Cache-Control": "no-store" } });
}
