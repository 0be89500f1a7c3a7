// The Worker's entry: what Cloudflare calls. A request through a ref link goes to `hot` in src/runtime/link/hot.rs, in one
// synchronous call where the code is warm, through the instance's memory. A request for the site that needs no decision is passed on from here. All
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
  room,
  scheduled,
  shared_memory,
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
  bytes = undefined;
  renew();
}

// A first sieve, so that other requests do not pay for it: /r/CODE, or a parameter that may be ours (escaped, too, and
// behind an `&amp;`). What starts a search is never passed over by one, so that it takes no longer than the URL is long.
const MAY_BE_LINK = /\/r(?:\/|%2f)|[?&;](?:ref|partner|[^=&?;]*%)|%(?:3f|26)(?:ref|partner)/i;

// What redirects over https carry, but for those of this machine.
let hsts = "";
const REFERRER_POLICY = "strict-origin-when-cross-origin";
const IS_SECURE = /^https:\/\/(?!localhost|127\.|\[::1\])/;
const IS_LOOPBACK = /^http:\/\/(?:[^/?#@]*\.)?localhost[:/?#]|^http:\/\/127\.|^http:\/\/\[::1\]/;

// The bits of hot.rs.
const FLUSH = 1;
const REFRESH = 2;
const PASS = 4;
const MISSING = 8;
const BOOT = 16;
const OTHER = 32;
// What `hot` returns instead of an answer's place if the instance is not the one that the request was written into.
const LOST = 1;

export default {
  fetch(request, env, ctx) {
    if (state.criticalError) recover();
    const url = request.url;
    if (!MAY_BE_LINK.test(url)) return other(request, url, env, ctx);
    const method = request.method;
    if (method !== "GET" && method !== "HEAD") return general(request, env, ctx);
    const now = Date.now();
    let length;
    let answer;
    try {
      length = describe(url, method, request.headers);
      answer = hot(length, now);
      if (answer === LOST) {
        bytes = undefined;
        length = describe(url, method, request.headers);
        answer = hot(length, now);
      }
      if (answer !== 0 && view()[answer] & BOOT) {
        hsts = boot(env);
        answer = hot(length, now);
      }
    } catch (error) {
      return broken(error, url, env);
    }
    if (answer === 0) return other(request, url, env, ctx);
    const bits = view()[answer];
    if (bits & MISSING) {
      return cold(length, now, env, ctx).then(
        (found) => respondTo(found, request, url, env, ctx),
        (error) => broken(error, url, env),
      );
    }
    const cookie = answer + ANSWER_HEAD;
    const rest = cookie + number(answer + 1);
    return respond(bits, text(cookie, rest), text(rest, rest + number(answer + 4)), request, url, env, ctx);
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

// The memory of the instance, and where in it the request is written: from `start`, for as long as `limit` allows. The
// view is made again when the memory has grown, and everything when the instance is another.
let bytes;
let start = 0;
let limit = 0;
// Where the next byte goes.
let at = 0;

/** Bytes before the texts of an answer: its bits, and the lengths of both. */
const ANSWER_HEAD = 7;
/** At least as many as there are lines. */
const LINES = 16;
const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

function view() {
  if (bytes === undefined || bytes.length === 0) bytes = new Uint8Array(shared_memory().buffer);
  return bytes;
}

// Makes room for `more` bytes behind those that are written.
function grow(more) {
  const written = at - start;
  limit = Math.max(4_096, 2 * (written + more));
  start = room(limit);
  limit += start;
  at = start + written;
  view();
}

// Writes a line, nothing for a header that was not sent. Letter by letter: a string of all lines would have to be
// collected as garbage again, and a call into the encoder takes as long as a hundred letters.
function put(line) {
  if (line !== null) {
    const length = line.length;
    if (at + 3 * length + LINES > limit) grow(3 * length + LINES);
    for (let i = 0; i < length; i += 1) {
      const code = line.charCodeAt(i);
      if (code > 127) {
        at += encoder.encodeInto(line.slice(i), bytes.subarray(at, limit)).written;
        break;
      }
      bytes[at++] = code;
    }
  }
  bytes[at++] = 10;
}

function number(place) {
  return bytes[place] + 256 * bytes[place + 1] + 65_536 * bytes[place + 2];
}

function text(from, to) {
  return from === to ? "" : decoder.decode(bytes.subarray(from, to));
}

// Writes the lines that `parse` in hot.rs reads, and returns how many bytes they take. No header holds a line feed.
function describe(url, method, headers) {
  if (bytes === undefined) start = limit = 0;
  at = start;
  if (view() && limit === 0) grow(0);
  put(url);
  put(method);
  put(headers.get("cf-connecting-ip"));
  put(headers.get("cookie"));
  put(headers.get("user-agent"));
  put(headers.get("sec-fetch-mode"));
  put(headers.get("sec-fetch-dest"));
  put(headers.get("sec-purpose"));
  put(headers.get("purpose"));
  put(headers.get("x-purpose"));
  put(headers.get("x-moz"));
  put(headers.get("sec-gpc"));
  put(headers.get("cf-ipcountry"));
  put(headers.get("referer"));
  put(url.startsWith("http:") && isPlain(url, headers) ? "plain" : null);
  return at - start;
}

// Whether the visitor came by plain http, which sets no cookie of ours: not on this machine, and not by https that ended
// at a proxy before us.
function isPlain(url, headers) {
  if (IS_LOOPBACK.test(url)) return false;
  const outside = (headers.get("cf-visitor") ?? "") + (headers.get("x-forwarded-proto") ?? "");
  return !outside.includes("https");
}

// What `cold` found: the same as in memory, as one text. Nothing: no ref link.
function respondTo(found, request, url, env, ctx) {
  if (found === "") return other(request, url, env, ctx);
  const line = found.indexOf("\n");
  return respond(found.charCodeAt(0), found.slice(1, line), found.slice(line + 1), request, url, env, ctx);
}

function respond(bits, cookie, rest, request, url, env, ctx) {
  if (bits & FLUSH) ctx.waitUntil(flush(env));
  if (bits & REFRESH) ctx.waitUntil(refresh(url, Date.now(), env, ctx));
  if (bits & PASS) return pass(cookie, request, env, ctx);
  if (bits & OTHER) return shown(rest, request, secured({ "Cache-Control": "no-store", "Referrer-Policy": REFERRER_POLICY }, url));
  // As one literal each: names that are added later take a third longer to read.
  const headers =
    cookie === ""
      ? { "Cache-Control": "no-store", "Referrer-Policy": REFERRER_POLICY, Location: rest }
      : { "Cache-Control": "no-store", "Referrer-Policy": REFERRER_POLICY, Location: rest, "Set-Cookie": cookie };
  return new Response(null, { status: 302, headers: secured(headers, url) });
}

function secured(headers, url) {
  if (hsts !== "" && IS_SECURE.test(url)) headers["Strict-Transport-Security"] = hsts;
  return headers;
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
