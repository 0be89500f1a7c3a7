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

/** That of the workerd which this process has started. */
export function workerdCpu() {
  if (!existsSync("/proc/self/stat")) return NaN;
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      const [head, tail] = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ");
      if (head.endsWith("(workerd") && Number(tail.split(" ")[1]) === process.pid) return cpuOf(pid);
    } catch {
      // The process ended meanwhile.
    }
  }
  return NaN;
}

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
