-- Notifications: to whom each message of the outbox goes, over which channel, and how far that got.

-- Whoever a message goes to is settled once, and from then on its deliveries say what is left to do.
ALTER TABLE outbox ADD COLUMN addressed_at_ms INTEGER; -- set once
CREATE INDEX outbox_unaddressed ON outbox (created_at_ms, id) WHERE addressed_at_ms IS NULL;
CREATE INDEX outbox_failed ON outbox (id) WHERE state = 'failed';

-- One row per message and recipient. No addresses: they are looked up for each attempt.
CREATE TABLE delivery (
  outbox_id TEXT NOT NULL REFERENCES outbox (id), -- immutable
  channel TEXT NOT NULL CHECK (channel IN ('mail', 'webhook')), -- immutable
  target TEXT NOT NULL,                  -- immutable: partner, account or operator of a mail; a webhook's endpoint
  state TEXT NOT NULL CHECK (state IN ('queued', 'sent', 'failed', 'suppressed')), -- mutable; suppressed: nobody wants it
  round INTEGER NOT NULL,                -- mutable, one more each time an operator replays it
  attempts INTEGER NOT NULL,             -- mutable: of this round, counted before each is made
  next_attempt_at_ms INTEGER NOT NULL,   -- mutable: not before; while an attempt is under way, when it is given up for lost
  claim TEXT,                            -- mutable: who is making an attempt
  last_error TEXT,                       -- mutable: why the last attempt did not succeed
  sent_at_ms INTEGER,                    -- mutable
  PRIMARY KEY (outbox_id, channel, target)
) STRICT;
CREATE INDEX delivery_due ON delivery (channel, next_attempt_at_ms) WHERE state = 'queued';
CREATE INDEX delivery_claim ON delivery (claim) WHERE claim IS NOT NULL;

-- Where the host wants to be told. The secret signs what is sent and is therefore kept as it is.
CREATE TABLE webhook_endpoint (
  id TEXT PRIMARY KEY,                   -- immutable, whe_…
  url TEXT NOT NULL,                     -- immutable
  secret TEXT NOT NULL,                  -- immutable, whsec_…
  types TEXT NOT NULL,                   -- immutable, JSON array of message types or their beginnings up to a dot; [] for all
  created_at_ms INTEGER NOT NULL,        -- immutable: earlier messages are not sent there
  disabled_at_ms INTEGER,                -- set once; from then on nothing is sent there
  disabled_reason TEXT                   -- set once
) STRICT;
CREATE TRIGGER webhook_endpoint_limit BEFORE INSERT ON webhook_endpoint
WHEN (SELECT COUNT(*) FROM webhook_endpoint WHERE disabled_at_ms IS NULL) >= 20
BEGIN SELECT RAISE(ABORT, 'webhook_endpoint: too many'); END;

-- Who does not want which kind of message. The address itself is not kept.
CREATE TABLE unsubscribe (
  address_sha256 TEXT NOT NULL,          -- immutable, hex, of the address in lower case
  kind TEXT NOT NULL,                    -- immutable
  created_at_ms INTEGER NOT NULL,        -- immutable
  PRIMARY KEY (address_sha256, kind)
) STRICT;
