// How the scripts ask a server: never without an end, and with an error that says who did not answer.
const SECONDS_MAX = 60;

/** `fetch`, for at most so many seconds. */
export async function ask(url, init = {}, seconds = SECONDS_MAX) {
  try {
    return await fetch(url, { ...init, signal: AbortSignal.timeout(seconds * 1000) });
  } catch (error) {
    const what = `${init.method ?? "GET"} ${url}`;
    if (error.name === "TimeoutError") throw new Error(`${what} was not answered within ${seconds} s`);
    throw new Error(`${what} could not be sent: ${error.cause?.message ?? error.message}`);
  }
}
