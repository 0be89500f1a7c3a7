// The same site on workerd, as a Worker of its own: D1, R2 and KV in place of files.
import cloudflare from "@astrojs/cloudflare";
import react from "@astrojs/react";
import { d1, r2 } from "@emdash-cms/cloudflare";
import { formsPlugin } from "@emdash-cms/plugin-forms";
import { defineConfig } from "astro/config";
import emdash from "emdash/astro";

export default defineConfig({
  output: "server",
  outDir: "./dist-workers",
  adapter: cloudflare({ imageService: "passthrough" }),
  integrations: [react(), emdash({ database: d1({ binding: "DB" }), storage: r2({ binding: "MEDIA" }), plugins: [formsPlugin()] })],
  devToolbar: { enabled: false },
});
