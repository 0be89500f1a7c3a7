// The entry on workerd.
export { default, PluginBridge } from "@emdash-cms/cloudflare/worker";
