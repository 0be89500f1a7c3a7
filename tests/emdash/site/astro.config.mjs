// EmDash on Node, with everything that changes in the folder that the site is started from.
import node from "@astrojs/node";
import react from "@astrojs/react";
import { formsPlugin } from "@emdash-cms/plugin-forms";
import { defineConfig, sessionDrivers } from "astro/config";
import emdash, { local } from "emdash/astro";
// libSQL comes compiled for every Node; EmDash's other driver for SQLite is compiled at installation.
import { libsql } from "emdash/db";

export default defineConfig({
  output: "server",
  adapter: node({ mode: "standalone" }),
  session: { driver: sessionDrivers.fs({ base: "./sessions" }) },
  integrations: [
    react(),
    emdash({
      database: libsql({ url: "file:./data.db" }),
      storage: local({ directory: "./uploads", baseUrl: "/_emdash/api/media/file" }),
      plugins: [formsPlugin()],
    }),
  ],
  devToolbar: { enabled: false },
  telemetry: false,
});
