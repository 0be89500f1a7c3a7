// The baseline: the least that a JavaScript Worker does to pass a request on.
export default {
  fetch(request, env) {
    if (env.SITE) return env.SITE.fetch(request);
    const url = new URL(request.url);
    return fetch(new Request(env.ORIGIN_URL + url.pathname + url.search, request));
  },
};
