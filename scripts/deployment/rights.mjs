// The minimal permissions that a token needs. README.md lists them with their purposes.

export const RIGHTS = {
  scripts: "Account > Workers Scripts: Edit",
  d1: "Account > D1: Edit",
  kv: "Account > Workers KV Storage: Edit",
  routes: "Zone > Workers Routes: Edit",
  zones: "Zone > Zone: Read",
  billing: "Account > Billing: Read",
  email: "Account > Email Sending: Read",
};
