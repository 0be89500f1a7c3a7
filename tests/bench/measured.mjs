// What benchmarks of single requests share: times, and the load generator in its own process.
import { fork } from "node:child_process";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));

export const median = (numbers) => [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)];
export const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

/** The CPU time of a process so far in microseconds, if the kernel reports it (Linux). It is steadier than the clock. */
export function cpuOf(pid) {
  try {
    const ns = readdirSync(`/proc/${pid}/task`).map((thread) => Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "utf8").split(" ")[0]));
    return ns.reduce((sum, one) => sum + one, 0) / 1_000 || NaN;
  } catch {
    return NaN;
  }
}

/** The process of the workerd which this one has started, if the kernel tells (Linux). */
export function workerdPid() {
  if (!existsSync("/proc/self/stat")) return undefined;
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      const [head, tail] = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ");
      if (head.endsWith("(workerd") && Number(tail.split(" ")[1]) === process.pid) return pid;
    } catch {
      // The process ended meanwhile.
    }
  }
  return undefined;
}

/** That process's CPU time. */
export function workerdCpu() {
  const pid = workerdPid();
  return pid === undefined ? NaN : cpuOf(pid);
}

export const CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36";

/** What a browser sends when somebody opens a link. Each number is a network of its own. */
export const visiting = (number, agent = CHROME) => ({
  "user-agent": agent,
  "cf-connecting-ip": `2001:db8:${(number % 0x1_0000).toString(16)}:${Math.floor(number / 0x1_0000).toString(16)}::1`,
  "sec-fetch-mode": "navigate",
  "sec-fetch-dest": "document",
});

/** A process of ours. If it ends before it is asked to, so does this one. */
export function helper(file) {
  const child = fork(join(here, file));
  const died = () => {
    console.error(`${file} died`);
    process.exit(1);
  };
  child.once("exit", died);
  return {
    /** Sends a message and waits for the answer. */
    ask: (message) =>
      new Promise((done) => {
        child.once("message", done);
        child.send(message);
      }),
    stop() {
      child.removeListener("exit", died);
      child.kill();
    },
  };
}
