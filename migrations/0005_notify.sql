-- Notifications: the recipients of each outbox message, the channel, and the state of each delivery.

-- The recipients of a message are determined once. From then on, its deliveries show what is left to do.
ALTER TABLE outbox ADD COLUMN addressed_at_ms INTEGER; -- set once
CREATE INDEX outbox_unaddressed ON outbox (created_at_ms, id) WHERE addressed_at_ms IS NULL;
CREATE INDEX outbox_failed ON outbox (id) WHERE state = 'failed';

-- One row per message and recipient, without addresses: those are looked up for each attempt.
CREATE TABLE delivery (
  outbox_id TEXT NOT NULL REFERENCES outbox (id), -- immutable
  channel TEXT NOT NULL CHECK (channel IN ('email', 'webhook')), -- immutable
  target TEXT NOT NULL,                  -- immutable: the partner, account or operator that an email is for, or a webhook's endpoint
  state TEXT NOT NULL CHECK (state IN ('queued', 'sent', 'failed', 'suppressed')), -- mutable; suppressed: the recipient does not want it
  round INTEGER NOT NULL,                -- mutable, incremented each time an operator replays it
  attempts INTEGER NOT NULL,             -- mutable: in this round, counted before each attempt
  next_attempt_at_ms INTEGER NOT NULL,   -- mutable: the earliest next attempt; during an attempt, when that attempt counts as lost
  claim TEXT,                            -- mutable: which worker is making an attempt
  last_error TEXT,                       -- mutable: why the last attempt failed
  sent_at_ms INTEGER,                    -- mutable
  PRIMARY KEY (outbox_id, channel, target)
) STRICT;
CREATE INDEX delivery_due ON delivery (channel, next_attempt_at_ms) WHERE state = 'queued';
CREATE INDEX delivery_claim ON delivery (claim) WHERE claim IS NOT NULL;

-- Where the host receives webhooks. The secret signs them and is therefore stored in plain text.
CREATE TABLE webhook_endpoint (
  id TEXT PRIMARY KEY,                   -- immutable, whe_…
  url TEXT NOT NULL,                     -- immutable
  secret TEXT NOT NULL,                  -- immutable, whsec_…
  types TEXT NOT NULL,                   -- immutable, JSON array of message types or their prefixes up to a dot; [] for all
  created_at_ms INTEGER NOT NULL,        -- immutable: earlier messages are not sent to it
  disabled_at_ms INTEGER,                -- set once; nothing is sent to it after that
  disabled_reason TEXT                   -- set once
) STRICT;
CREATE TRIGGER webhook_endpoint_limit BEFORE INSERT ON webhook_endpoint
WHEN (SELECT COUNT(*) FROM webhook_endpoint WHERE disabled_at_ms IS NULL) >= 20
BEGIN SELECT RAISE(ABORT, 'webhook_endpoint: too many'); END;

-- Unsubscribed message types by address. The address itself is not stored.
CREATE TABLE unsubscribe (
  address_sha256 TEXT NOT NULL,          -- immutable, hex, of the address in lower case
  kind TEXT NOT NULL,                    -- immutable
  created_at_ms INTEGER NOT NULL,        -- immutable
  PRIMARY KEY (address_sha256, kind)
) STRICT;
