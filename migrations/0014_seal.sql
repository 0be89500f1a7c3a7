-- The ledger's seal: its rows in blocks, each with a hash over its rows and the block before.

-- A block is the rows after those of the block before, up to its last one. Its hash is of its own columns and its rows,
-- without their reasons, which may be erased (docs/ledger.md).
CREATE TABLE ledger_block (
  number INTEGER PRIMARY KEY,            -- immutable, 1, 2, 3, …
  last_seq INTEGER NOT NULL,             -- immutable: its last row
  row_count INTEGER NOT NULL CHECK (row_count >= 1), -- immutable
  previous_hash TEXT NOT NULL,           -- immutable, hex; '' for the first
  hash TEXT NOT NULL,                    -- immutable, hex: SHA-256
  sealed_at_ms INTEGER NOT NULL          -- immutable
) STRICT;
CREATE TRIGGER ledger_block_next BEFORE INSERT ON ledger_block
WHEN NEW.number <> (SELECT COALESCE(MAX(number), 0) + 1 FROM ledger_block)
  OR NEW.previous_hash <> COALESCE((SELECT hash FROM ledger_block WHERE number = NEW.number - 1), '')
  OR NEW.last_seq <= COALESCE((SELECT last_seq FROM ledger_block WHERE number = NEW.number - 1), 0)
  OR NEW.row_count <> (SELECT COUNT(*) FROM transfer WHERE seq > COALESCE((SELECT last_seq FROM ledger_block WHERE number = NEW.number - 1), 0)
    AND seq <= NEW.last_seq)
BEGIN SELECT RAISE(ABORT, 'guard:ledger_block_stale'); END;
CREATE TRIGGER ledger_block_no_update BEFORE UPDATE ON ledger_block BEGIN SELECT RAISE(ABORT, 'guard:ledger_immutable'); END;
CREATE TRIGGER ledger_block_no_delete BEFORE DELETE ON ledger_block BEGIN SELECT RAISE(ABORT, 'guard:ledger_immutable'); END;
