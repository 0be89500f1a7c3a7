// The bare Worker with all of Manicule, which it does not use.
import manicule from "./index.js";

export default {
  fetch() {
    return new Response(null, { status: manicule ? 302 : 404, headers: { Location: "https://shop.example/pricing" } });
  },
};
