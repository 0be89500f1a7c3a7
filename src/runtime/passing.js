// Passing a request on to the site: same method, headers and body, without our own cookies if `cookies` says what is
// left of them. One to an address is marked, so that it is known if it comes back (`PASSED` in src/http/exchange.rs).
export async function passed_on(request, address, service, cookies) {
  if (service && cookies === undefined) return service.fetch(request);
  const moved = new Request(address, request);
  if (!service) moved.headers.set("manicule-passed", "1");
  if (cookies === "") moved.headers.delete("cookie");
  else if (cookies !== undefined) moved.headers.set("cookie", cookies);
  return service ? service.fetch(moved) : fetch(moved);
}
