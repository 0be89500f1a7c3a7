// The load generator: keep-alive sockets with one request in flight on each, and no HTTP library, so that it is not the
// bottleneck. A separate process, driven by messages: {port, path, seconds, expect: {location, cookie}} is answered
// with {requests, seconds, wrong, sample, cpu_us}.
import { connect } from "node:net";

const CONNECTIONS = 24;
/** One in this many responses is compared in full. Of the others only the status line and the end are checked. */
const SAMPLE_EVERY = 8;
const END = Buffer.from("\r\n\r\n");

let visitor = 0; // across all rounds: every request is a new visitor

process.on("message", async (job) => process.send(await run(job)));

async function run({ port, path, seconds, expect }) {
  const cpu = process.cpuUsage();
  const started = process.hrtime.bigint();
  const until = started + BigInt(Math.round(seconds * 1e9));
  const tally = { requests: 0, wrong: 0, sample: "" };
  await Promise.all(Array.from({ length: CONNECTIONS }, () => connection(port, path, until, expect, tally)));
  const { user, system } = process.cpuUsage(cpu);
  return { ...tally, seconds: Number(process.hrtime.bigint() - started) / 1e9, cpu_us: user + system };
}

/** The headers that a browser sends, with an address that is incremented in place. */
function template(port, path) {
  const text = [
    `GET ${path} HTTP/1.1`,
    `Host: 127.0.0.1:${port}`,
    "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "Accept-Encoding: gzip, deflate, br",
    "Accept-Language: en-GB,en;q=0.5",
    "CF-Connecting-IP: 2001:db8::0000:0000",
    "CF-IPCountry: DE",
    "CF-Ray: 9a1b2c3d4e5f6a7b-FRA",
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
  bytes.latin1Write(`${hex.slice(0, 4)}:${hex.slice(4)}`, at);
  return bytes;
}

function connection(port, path, until, expect, tally) {
  return new Promise((done, failed) => {
    const request = template(port, path);
    const socket = connect({ port, host: "127.0.0.1", noDelay: true }, () => socket.write(next(request)));
    let pending = null;
    socket.on("error", failed);
    socket.on("data", (chunk) => {
      if (pending) chunk = Buffer.concat([pending, chunk]);
      if (chunk.compare(END, 0, 4, chunk.length - 4) !== 0) {
        pending = chunk;
        return;
      }
      pending = null;
      tally.requests += 1;
      // "HTTP/1.1 302": the digits are at 9 to 11.
      let right = chunk[9] === 51 && chunk[10] === 48 && chunk[11] === 50;
      if (tally.requests % SAMPLE_EVERY === 0 || !right) {
        const text = chunk.latin1Slice();
        right &&= text.includes(`\r\nLocation: ${expect.location}\r\n`) && (!expect.cookie || text.includes(`\r\nSet-Cookie: ${expect.cookie}`));
        if (tally.sample === "" || !right) tally.sample = text;
      }
      if (!right) tally.wrong += 1;
      if (process.hrtime.bigint() < until) socket.write(next(request));
      else {
        socket.destroy();
        done();
      }
    });
  });
}
