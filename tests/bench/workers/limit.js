// The limit of this design in JavaScript: reads every header that the redirect decides by, decides nothing, and answers
// with the headers that the redirect answers with, always the same.
const READ = ["cf-connecting-ip", "cookie", "user-agent", "sec-fetch-mode", "sec-fetch-dest", "sec-purpose", "purpose", "x-purpose", "x-moz", "sec-gpc", "cf-ipcountry", "referer"];
const COOKIE = `__Host-manicule=v1.k1.${"A".repeat(180)}.${"B".repeat(43)}; Max-Age=2592000; Path=/; Secure; HttpOnly; SameSite=Lax`;

export default {
  fetch(request) {
    const { url, method, headers } = request;
    let length = url.length + method.length;
    for (const name of READ) length += headers.get(name)?.length ?? 0;
    return new Response(null, {
      status: length > 0 ? 302 : 404,
      headers: {
        "Cache-Control": "no-store",
        "Referrer-Policy": "strict-origin-when-cross-origin",
        Location: "https://shop.example/pricing",
        "Set-Cookie": COOKIE,
      },
    });
  },
};
