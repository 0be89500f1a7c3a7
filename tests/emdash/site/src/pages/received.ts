// What reached the site of a request: its method, its headers, and the length of its body.
import type { APIRoute } from "astro";

export const ALL: APIRoute = async ({ request }) => {
  let bytes = 0;
  const reader = request.body?.getReader();
  for (let read = await reader?.read(); read && !read.done; read = await reader?.read()) bytes += read.value.length;
  return Response.json({ method: request.method, bytes, headers: Object.fromEntries(request.headers) });
};
