// The bare Worker with Manicule's WASM module, which it does not use.
import module from "./index_bg.wasm";

export default {
  fetch() {
    return new Response(null, { status: module ? 302 : 404, headers: { Location: "https://shop.example/pricing" } });
  },
};
