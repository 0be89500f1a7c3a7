// Passing a request on to the site: same method, headers and body, without our own cookies if `cookies` says what is
// left of them. One to an address is marked, so that it is known if it comes back (`PASSED` in src/http/exchange.rs).
export async function passed_on(request, address, service, cookies) {
  if (service && cookies === undefined) return service.fetch(request);
  const moved = new Request(address, request);
  if (!service) moved.headers.set("manicule-passed", "1");
  if (cookies === "") moved.headers.delete("cookie");
  else if (cookies !== undefined) moved.headers.set("cookie", cookies);
  return service ? service.fetch(moved) : led(await fetch(moved), address, request.url);
}

// A redirect of the site to itself, by the address that only this Worker knows, leads to the visitor's host instead.
function led(answer, from, visited) {
  if (answer.status < 201 || answer.status > 399) return answer;
  const given = answer.headers.get("location") ?? "";
  const to = /^(?:https?:)?\/\//i.test(given) && URL.parse(given, from);
  const [own, outer] = [from, visited].map((url) => new URL(url).origin);
  if (!to || to.origin !== own || own === outer) return answer;
  const moved = new Response(answer.body, answer);
  moved.headers.set("location", outer + to.pathname + to.search + to.hash);
  return moved;
}
