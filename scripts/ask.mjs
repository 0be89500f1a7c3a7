// Requests from the scripts to a server: always with a timeout, and with errors that name the server.
const SECONDS_MAX = 60;

/** `fetch` with a timeout in seconds. */
export async function ask(url, init = {}, seconds = SECONDS_MAX) {
  try {
    return await fetch(url, { ...init, signal: AbortSignal.timeout(seconds * 1000) });
  } catch (error) {
    const what = `${init.method ?? "GET"} ${url}`;
    if (error.name === "TimeoutError") throw new Error(`${what} was not answered within ${seconds} s`);
    throw new Error(`${what} could not be sent: ${error.cause?.message ?? error.message}`);
  }
}
