// A JavaScript Worker that looks the link up in KV, and does nothing else.
export default {
  async fetch(request, env) {
    const link = await env.KV.get("link:3:abc12345", "json");
    return new Response(null, { status: 302, headers: { Location: link.destination } });
  },
};
