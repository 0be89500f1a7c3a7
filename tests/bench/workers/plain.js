// The obvious first implementation: KV get, crypto.subtle HMAC, one D1 insert per click. No cache and no buffer.
const encoder = new TextEncoder();
const base64url = (bytes) => btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");

export default {
  async fetch(request, env, ctx) {
    const code = new URL(request.url).pathname.slice("/r/".length);
    const link = await env.KV.get(`plain:${code}`, "json");
    if (!link) return new Response(null, { status: 302, headers: { Location: "/" } });
    const now = Date.now();
    const id = crypto.randomUUID();
    const payload = base64url(encoder.encode(JSON.stringify({ visitor: crypto.randomUUID(), program: link.program, code, id, now })));
    const key = await crypto.subtle.importKey("raw", encoder.encode(env.COOKIE_KEYS), { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
    const mac = base64url(new Uint8Array(await crypto.subtle.sign("HMAC", key, encoder.encode(payload))));
    ctx.waitUntil(
      env.DB.prepare("INSERT INTO plain_click (id, code, visitor, clicked_at_ms) VALUES (?1, ?2, ?3, ?4)")
        .bind(id, code, request.headers.get("cf-connecting-ip"), now)
        .run(),
    );
    return new Response(null, {
      status: 302,
      headers: {
        Location: link.destination,
        "Cache-Control": "no-store",
        "Set-Cookie": `__Host-plain=${payload}.${mac}; Max-Age=2592000; Path=/; Secure; HttpOnly; SameSite=Lax`,
      },
    });
  },
};
