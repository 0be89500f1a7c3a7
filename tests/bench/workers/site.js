// The site as a Worker beside: the same page for everyone.
export default {
  fetch(request, env) {
    return new Response(env.PAGE, { headers: { "Content-Type": "text/html; charset=utf-8", "Cache-Control": "public, max-age=60" } });
  },
};
