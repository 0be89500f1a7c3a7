// The load generator: keep-alive sockets with one request in flight on each, and no HTTP library, so that it is not the
// bottleneck. A separate process, driven by messages: {port, path, cookie, seconds, expect} is answered with
// {requests, seconds, wrong, sample, cpu_us}. `expect` is {location, cookie}, a redirect without a body, or {page}.
import { connect } from "node:net";

const CONNECTIONS = 24;
/** One in this many responses is compared in full. Of the others only the status line and the end are checked. */
const SAMPLE_EVERY = 8;
const END = Buffer.from("\r\n\r\n");
const LAST_CHUNK = Buffer.from("\r\n0\r\n\r\n");

let visitor = 0; // across all rounds: every request is a new visitor

process.on("message", async (job) => process.send(await run(job)));

async function run({ port, path, cookie, seconds, expect }) {
  const cpu = process.cpuUsage();
  const started = process.hrtime.bigint();
  const until = started + BigInt(Math.round(seconds * 1e9));
  const tally = { requests: 0, wrong: 0, sample: "" };
  await Promise.all(Array.from({ length: CONNECTIONS }, () => connection(template(port, path, cookie), port, until, expect, tally)));
  const { user, system } = process.cpuUsage(cpu);
  return { ...tally, seconds: Number(process.hrtime.bigint() - started) / 1e9, cpu_us: user + system };
}

/** The headers that a browser sends, with an address that is incremented in place. */
function template(port, path, cookie) {
  const text = [
    `GET ${path} HTTP/1.1`,
    `Host: 127.0.0.1:${port}`,
    "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "Accept-Encoding: gzip, deflate, br",
    "Accept-Language: en-GB,en;q=0.5",
    "CF-Connecting-IP: 2001:db8:0000:0000::1", // a network of its own for each visitor
    "CF-IPCountry: DE",
    "CF-Ray: 9a1b2c3d4e5f6a7b-FRA",
    ...(cookie ? [`Cookie: ${cookie}`] : []),
    "Referer: https://blog.example/post",
    "Sec-Fetch-Dest: document",
    "Sec-Fetch-Mode: navigate",
    "Sec-Fetch-Site: cross-site",
    "Upgrade-Insecure-Requests: 1",
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
    "\r\n",
  ].join("\r\n");
  return { bytes: Buffer.from(text, "latin1"), at: text.indexOf("0000:0000") };
}

function next({ bytes, at }) {
  visitor += 1;
  const hex = visitor.toString(16).padStart(8, "0");
  // The part that changes comes first: a subscriber may have all networks below one prefix, and is limited as one.
  bytes.latin1Write(`${hex.slice(4)}:${hex.slice(0, 4)}`, at);
  return bytes;
}

/** Whether the bytes are a whole response. A redirect ends with its head, a page with its body. */
function isWhole(chunk, { page }) {
  if (page === undefined) return chunk.compare(END, 0, 4, chunk.length - 4) === 0;
  const head = chunk.indexOf(END);
  if (head < 0) return false;
  const length = /\r\ncontent-length: (\d+)\r\n/i.exec(chunk.latin1Slice(0, head + 2));
  return length ? chunk.length >= head + END.length + Number(length[1]) : chunk.compare(LAST_CHUNK, 0, LAST_CHUNK.length, chunk.length - LAST_CHUNK.length) === 0;
}

/** Whether it is the one expected. Its status is at 9 to 11: "HTTP/1.1 302". */
function isRight(chunk, expect, inFull) {
  if (chunk.latin1Slice(9, 12) !== (expect.page === undefined ? "302" : "200")) return false;
  if (!inFull) return true;
  const text = chunk.latin1Slice();
  if (expect.page !== undefined) return text.includes(expect.page);
  return text.includes(`\r\nLocation: ${expect.location}\r\n`) && (!expect.cookie || text.includes(`\r\nSet-Cookie: ${expect.cookie}`));
}

function connection(request, port, until, expect, tally) {
  return new Promise((done, failed) => {
    const socket = connect({ port, host: "127.0.0.1", noDelay: true }, () => socket.write(next(request)));
    let pending = null;
    socket.on("error", failed);
    socket.on("data", (chunk) => {
      if (pending) chunk = Buffer.concat([pending, chunk]);
      pending = isWhole(chunk, expect) ? null : chunk;
      if (pending) return;
      tally.requests += 1;
      const inFull = tally.requests % SAMPLE_EVERY === 0;
      const right = isRight(chunk, expect, inFull);
      if (tally.sample === "" || !right) tally.sample = chunk.latin1Slice();
      if (!right) tally.wrong += 1;
      if (process.hrtime.bigint() < until) socket.write(next(request));
      else {
        socket.destroy();
        done();
      }
    });
  });
}
