// Manicule without the writing of its clicks: what it leaves to be done after an answer ends with the request.
import manicule from "./index.js";

const ctx = { waitUntil() {}, passThroughOnException() {} };

export default { fetch: (request, env) => manicule.fetch(request, env, ctx) };
