// The site of passing.mjs: answers every request with the same page, without an HTTP library, so that it is not the
// bottleneck. A separate process: {page} is answered with {port}.
import { createServer } from "node:net";

const END = "\r\n\r\n";

process.on("message", ({ page }) => {
  const answer = Buffer.from(`HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: ${Buffer.byteLength(page)}\r\nCache-Control: public, max-age=60\r\nETag: "1"\r\nVary: Accept-Encoding\r\n\r\n${page}`);
  const server = createServer({ noDelay: true }, (socket) => {
    let pending = "";
    socket.on("error", () => socket.destroy());
    socket.on("data", (chunk) => {
      const parts = (pending + chunk.latin1Slice()).split(END);
      pending = parts.pop();
      for (const _ of parts) socket.write(answer);
    });
  });
  server.listen(0, "127.0.0.1", () => process.send({ port: server.address().port }));
});
