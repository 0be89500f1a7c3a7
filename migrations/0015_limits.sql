-- What anybody can leave behind is bounded, and what nobody needs anymore is removed (docs/limits.md).

-- The campaigns of a link and week that are kept by name. Anybody can put a name of their own into an address, so there are
-- fifty new ones, and all others are "(other)". Of the names of the week before that three visitors clicked, the 25 that
-- have been kept longest have places of their own: nobody takes them by being first on Monday.
CREATE TABLE campaign_week (
  week     INTEGER NOT NULL,             -- immutable: weeks since Monday, 1970-01-05 00:00 UTC
  code     TEXT NOT NULL,                -- immutable, the link's code
  campaign TEXT NOT NULL,                -- immutable
  since    INTEGER NOT NULL DEFAULT 0,   -- immutable: the week from which it was carried over week by week; this week if it is new
  place    INTEGER NOT NULL DEFAULT 0,   -- immutable: how many names of the link and week were kept before it
  visitors TEXT NOT NULL DEFAULT '',     -- mutable: the last letters of the ids of its first visitors, each once, up to three
  PRIMARY KEY (week, code, campaign)
) STRICT, WITHOUT ROWID;

-- A name is inserted here, with the last letter of its visitor's id. One visitor has one letter, so three letters are three
-- visitors, and a name costs at most three writes in a week. '' for who is none, or is another one at each click: whoever
-- asks not to be recognized.
CREATE VIEW campaign_seen AS SELECT week, code, campaign, visitors AS visitor FROM campaign_week;
CREATE TRIGGER campaign_seen_insert INSTEAD OF INSERT ON campaign_seen BEGIN
  INSERT INTO campaign_week (week, code, campaign, since, place, visitors)
  SELECT NEW.week, NEW.code, NEW.campaign, n.since, n.place, NEW.visitor FROM (
    SELECT COALESCE((SELECT p.since FROM campaign_week p
        WHERE p.week = NEW.week - 1 AND p.code = NEW.code AND p.campaign = NEW.campaign AND length(p.visitors) = 3
          AND (SELECT COUNT(*) FROM campaign_week o WHERE o.week = p.week AND o.code = p.code AND length(o.visitors) = 3
            AND (o.since, o.place) < (p.since, p.place)) < 25), NEW.week) AS since,
      (SELECT COUNT(*) FROM campaign_week w WHERE w.week = NEW.week AND w.code = NEW.code) AS place) n
  WHERE NOT EXISTS (SELECT 1 FROM campaign_week w WHERE w.week = NEW.week AND w.code = NEW.code AND w.campaign = NEW.campaign)
    AND (n.since < NEW.week OR (SELECT COUNT(*) FROM campaign_week w
      WHERE w.week = NEW.week AND w.code = NEW.code AND w.since = NEW.week) < 50);
  UPDATE campaign_week SET visitors = visitors || NEW.visitor
  WHERE week = NEW.week AND code = NEW.code AND campaign = NEW.campaign AND length(visitors) < 3
    AND instr(visitors, NEW.visitor) = 0;
END;
CREATE TRIGGER click_campaign AFTER INSERT ON click
WHEN NEW.campaign <> '(other)' AND NOT EXISTS (SELECT 1 FROM campaign_week w
  WHERE w.week = (NEW.hour - 96) / 168 AND w.code = NEW.code AND w.campaign = NEW.campaign
    AND (length(w.visitors) = 3 OR instr(w.visitors, IIF(NEW.visitor = NEW.id, '', substr(NEW.visitor, -1))) > 0))
  AND NEW.campaign IS NOT (SELECT l.campaign FROM link l WHERE l.code = NEW.code) BEGIN
  INSERT INTO campaign_seen (week, code, campaign, visitor)
  VALUES ((NEW.hour - 96) / 168, NEW.code, NEW.campaign, IIF(NEW.visitor = NEW.id, '', substr(NEW.visitor, -1)));
  UPDATE click SET campaign = '(other)'
  WHERE program_id = NEW.program_id AND hour = NEW.hour AND code = NEW.code AND dedupe = NEW.dedupe
    AND NOT EXISTS (SELECT 1 FROM campaign_week w
      WHERE w.week = (NEW.hour - 96) / 168 AND w.code = NEW.code AND w.campaign = NEW.campaign);
END;
CREATE TRIGGER funnel_event_campaign AFTER INSERT ON funnel_event
WHEN NEW.campaign NOT IN ('', '(other)') AND NOT EXISTS (SELECT 1 FROM campaign_week w
  WHERE w.week = (NEW.at_ms - 345600000) / 604800000 AND w.code = NEW.code AND w.campaign = NEW.campaign)
  AND NEW.campaign IS NOT (SELECT l.campaign FROM link l WHERE l.code = NEW.code) BEGIN
  INSERT INTO campaign_seen (week, code, campaign, visitor)
  VALUES ((NEW.at_ms - 345600000) / 604800000, NEW.code, NEW.campaign, '');
  UPDATE funnel_event SET campaign = '(other)' WHERE id = NEW.id AND NOT EXISTS (SELECT 1 FROM campaign_week w
    WHERE w.week = (NEW.at_ms - 345600000) / 604800000 AND w.code = NEW.code AND w.campaign = NEW.campaign);
END;

-- A partner's links are never removed, because their codes would be given to others; so a partner has at most 1,000. A
-- program has at most 50 resources: the pages list all of them.
CREATE TRIGGER link_limit BEFORE INSERT ON link
WHEN (SELECT COUNT(*) FROM (SELECT 1 FROM link WHERE partner_id = NEW.partner_id LIMIT 1000)) >= 1000
BEGIN SELECT RAISE(ABORT, 'guard:link_limit'); END;
CREATE TRIGGER resource_limit BEFORE INSERT ON resource
WHEN (SELECT COUNT(*) FROM (SELECT 1 FROM resource WHERE program_id = NEW.program_id LIMIT 50)) >= 50
BEGIN SELECT RAISE(ABORT, 'guard:resource_limit'); END;

-- Emailed links by the network that requested them: one network has 120 an hour, however many addresses it types.
CREATE INDEX magic_link_requested ON magic_link (requested_by, created_at_ms) WHERE requested_by <> '';

-- Promotion codes that visitors requested and that are no account's: a program has 100 an hour.
CREATE INDEX promotion_code_requested ON promotion_code (program_id, created_at_ms) WHERE account_id IS NULL;
CREATE INDEX promotion_code_network ON promotion_code (created_at_ms) WHERE requested_by <> '';

-- Stored responses are removed after a while, but those of calls that moved money stay with their keys.
ALTER TABLE idempotency ADD COLUMN moves_money INTEGER NOT NULL DEFAULT 0 CHECK (moves_money IN (0, 1)); -- immutable
CREATE INDEX idempotency_age ON idempotency (created_at_ms) WHERE moves_money = 0;

-- A message that was delivered, or that nobody wanted, is emptied after a while: its deliveries and what it says are
-- removed. Its id stays, because by it nothing is announced or handed over twice.
ALTER TABLE outbox ADD COLUMN emptied_at_ms INTEGER; -- set once
CREATE INDEX outbox_age ON outbox (created_at_ms) WHERE emptied_at_ms IS NULL AND state IN ('sent', 'suppressed');

CREATE INDEX stripe_event_age ON stripe_event (received_at_ms);
