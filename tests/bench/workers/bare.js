// The baseline: the least that a JavaScript Worker can do for a redirect.
export default {
  fetch() {
    return new Response(null, { status: 302, headers: { Location: "https://shop.example/pricing" } });
  },
};
