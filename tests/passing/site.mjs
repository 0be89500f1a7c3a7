// A site that stands in for the one behind the Worker: it answers by the end of the path, and tells what arrived.
import { createHash } from "node:crypto";
import { createServer } from "node:http";
import { brotliCompressSync, deflateSync, gzipSync } from "node:zlib";

export const WORDS = "abcdefghijklmnopqrstuvwxyz\n";
export const MEGABYTE = Buffer.alloc(1_000_000, "x");
export const packed = { gzip: gzipSync("packed ".repeat(1000), { level: 1 }), br: brotliCompressSync("packed ".repeat(1000)) };
export const PAGE = "<!doctype html><title>A page</title><body><p>Words</p></body>";
const packing = { gzip: gzipSync, br: brotliCompressSync, deflate: deflateSync };
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

const ways = {
  /** What arrived. `first` is when its body began, on this machine's clock. */
  async told(request, response) {
    let [bytes, first] = [0, null];
    const hash = createHash("sha256");
    for await (const part of request) {
      first ??= Date.now();
      bytes += part.length;
      hash.update(part);
    }
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify({ method: request.method, url: request.url, headers: request.headers, bytes, first, sha256: hash.digest("hex") }));
  },
  async slowly(request, response) {
    response.write("one\n");
    await sleep(700);
    response.end("two\n");
  },
  cookies(request, response) {
    response.setHeader("set-cookie", ["one=1; Path=/", "two=2; Expires=Thu, 01 Jan 2032 00:00:00 GMT", "three=3"]);
    response.setHeader("cache-control", "public, max-age=60");
    response.end("cookies");
  },
  range(request, response) {
    const [, from, to] = /bytes=(\d+)-(\d+)/.exec(request.headers.range);
    response.writeHead(206, { "content-range": `bytes ${from}-${to}/${WORDS.length}`, "accept-ranges": "bytes" });
    response.end(WORDS.slice(Number(from), Number(to) + 1));
  },
  packed(request, response) {
    const encoding = request.url.endsWith("br") ? "br" : "gzip";
    // What is text may be compressed anew on its way from the Worker to the visitor.
    response.writeHead(200, { "content-encoding": encoding, "content-type": "application/octet-stream", etag: '"packed"' });
    response.end(packed[encoding]);
  },
  large(request, response) {
    response.setHeader("content-length", 50 * MEGABYTE.length);
    let left = 50;
    const more = () => {
      while (left > 0) {
        left -= 1;
        if (!response.write(MEGABYTE)) return response.once("drain", more);
      }
      response.end();
    };
    more();
  },
  same(request, response) {
    response.writeHead(304, { etag: '"same"' }).end();
  },
  elsewhere(request, response) {
    response.writeHead(302, { location: "/there" }).end();
  },
  /** Leads where its parameter says. */
  leads(request, response) {
    const { searchParams } = new URL(request.url, "http://site");
    response.writeHead(Number(searchParams.get("status") ?? 302), { location: searchParams.get("to") }).end();
  },
  /** A page in an encoding, or with a kind of its own. */
  encoded(request, response) {
    const { searchParams } = new URL(request.url, "http://site");
    const [kind, encoding] = ["kind", "encoding"].map((name) => searchParams.get(name));
    response.writeHead(200, { "content-type": kind ?? "text/html", etag: '"encoded"', ...(encoding && { "content-encoding": encoding }) });
    response.end(encoding ? packing[encoding](PAGE) : PAGE);
  },
  page(request, response) {
    response.writeHead(200, { "content-type": "text/html; charset=utf-8", etag: '"page"' });
    response.end(PAGE);
  },
  /** What the request says that it be answered. */
  complete(request, response) {
    const { status = 200, body, spaces = 0 } = JSON.parse(Buffer.from(request.headers["x-answer"], "base64url"));
    response.writeHead(status, { "content-type": "application/json", "set-cookie": "astro-session=new; Path=/" });
    response.end(" ".repeat(spaces) + body);
  },
  never() {},
  broken(request) {
    request.socket.destroy();
  },
};

/** Serves until it is closed. */
export async function site() {
  const server = createServer((request, response) => {
    const way = ways[new URL(request.url, "http://site").pathname.split("/").pop()] ?? ways.told;
    way(request, response);
  });
  // A WebSocket that says back what it is told, in short unmasked text frames.
  server.on("upgrade", (request, socket) => {
    const accept = createHash("sha1").update(`${request.headers["sec-websocket-key"]}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
    socket.write(`HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`);
    socket.on("error", () => socket.destroy());
    socket.on("data", (frame) => {
      if ((frame[0] & 15) !== 1) return socket.end();
      const [mask, words] = [frame.subarray(2, 6), frame.subarray(6)];
      const said = Buffer.from(words.map((byte, at) => byte ^ mask[at % 4]));
      socket.write(Buffer.concat([Buffer.from([129, said.length]), said]));
    });
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  return { base: `http://127.0.0.1:${server.address().port}`, close: () => (server.closeAllConnections(), server.close()) };
}
