// Shows the current step, how long it has been running, and how long it took.

const seconds = (since) => `${((Date.now() - since) / 1000).toFixed(1)} s`;

/** Steps that write to `stream`. `current` is the running one, for a message on interruption. */
export function steps(stream) {
  // On a terminal the running time may still be on the line.
  const say = (line) => stream.write(`${stream.isTTY ? "\r\u001b[K" : ""}${line}\n`);
  let paused = false;
  const own = {
    current: null,
    say,
    /** Shows no running time while `run` uses the terminal. */
    async pause(run) {
      paused = true;
      if (stream.isTTY) stream.write("\r\u001b[K");
      try {
        return await run();
      } finally {
        paused = false;
      }
    },
    /** Runs one step. Its result may have a `said`, which is shown beside the time. */
    async step(title, run) {
      const since = Date.now();
      own.current = title;
      let shown = false;
      const tick = stream.isTTY ? setInterval(() => paused || ((shown = true), stream.write(`\r… ${title} (${seconds(since)})`)), 200) : undefined;
      const clear = () => {
        clearInterval(tick);
        if (shown) stream.write("\r\u001b[K");
      };
      if (!stream.isTTY) say(`… ${title}`);
      try {
        const result = await run();
        clear();
        say(`✓ ${title}${result?.said ? `: ${result.said}` : ""} (${seconds(since)})`);
        own.current = null;
        return result;
      } catch (error) {
        clear();
        say(`✗ ${title} failed after ${seconds(since)}`);
        throw error;
      }
    },
  };
  return own;
}
