// Answers in ways that are easily lost on the way: `?slowly` in two parts with half a second between, `?cookies` with
// several cookies, `?compressed` as it was compressed here.
import { gzipSync } from "node:zlib";
import type { APIRoute } from "astro";

const plain = { "content-type": "text/plain" };

export const GET: APIRoute = ({ url }) => {
  if (url.searchParams.has("cookies")) {
    const headers = new Headers(plain);
    for (const cookie of ["one=1; Path=/", "two=2; Path=/; Expires=Wed, 01 Jan 2031 00:00:00 GMT", "three=3; Path=/"]) headers.append("set-cookie", cookie);
    return new Response("cookies", { headers });
  }
  if (url.searchParams.has("compressed")) {
    const body = gzipSync("compressed ".repeat(1000), { level: 1 });
    return new Response(body, { headers: { ...plain, "content-encoding": "gzip", etag: '"sent"' } });
  }
  const words = new ReadableStream({
    async start(controller) {
      const say = (word: string) => controller.enqueue(new TextEncoder().encode(word));
      say("one\n");
      await new Promise((done) => setTimeout(done, 500));
      say("two\n");
      controller.close();
    },
  });
  return new Response(words, { headers: plain });
};
