// Loaded into the site's process: stands in for GitHub, where EmDash asks who has signed in. The `code` of the callback
// says who that is: an address in base64url.
const ADDRESSES = new Map();
const onward = globalThis.fetch;

globalThis.fetch = async (input, init) => {
  const url = new URL(input instanceof Request ? input.url : input);
  if (url.origin === "https://github.com" && url.pathname === "/login/oauth/access_token") {
    const code = new URLSearchParams(String(init.body)).get("code") ?? "";
    ADDRESSES.set(`token-${code}`, Buffer.from(code, "base64url").toString());
    return Response.json({ access_token: `token-${code}`, token_type: "bearer" });
  }
  if (url.origin === "https://api.github.com") {
    const token = new Headers(init.headers).get("authorization")?.replace("Bearer ", "");
    const email = ADDRESSES.get(token);
    if (!email) return Response.json({ message: "Bad credentials" }, { status: 401 });
    const id = [...email].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) % 2 ** 31, 7);
    return Response.json({ id, login: email.split("@")[0], name: null, email, avatar_url: `https://avatars.example/${id}` });
  }
  return onward(input, init);
};
