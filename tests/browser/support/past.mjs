// Past visitors, written directly into the database: clicks and beacons are dated by the Worker's clock, so requests
// cannot create them.

/** Data for the pages about clicks and funnels. `database` is the Worker's, which must be stopped meanwhile. */
export function visitorsOfThePast(database) {
  clicksOfAMonth(database);
  weekOfAFunnel(database);
}

/** A month of clicks, written directly because the Worker's clock dates them. */
function clicksOfAMonth(database) {
  const today = Math.floor(Date.now() / 86_400_000);
  const link = database.prepare("SELECT partner_id, code FROM link_day WHERE signups > 0 ORDER BY signups DESC LIMIT 1").get();
  const add = database.prepare(
    "INSERT INTO link_day (partner_id, code, day, clicks) VALUES (?, ?, ?, ?) ON CONFLICT (partner_id, code, day) DO UPDATE SET clicks = clicks + excluded.clicks",
  );
  for (let ago = 29; ago >= 0; ago -= 1) {
    const clicks = Math.max(0, Math.round(9 + 6 * Math.sin(ago / 3) + 3 * Math.cos(ago * 1.7)));
    add.run(link.partner_id, link.code, today - ago, clicks);
  }
}

/** Last week's visitors of the funnel, for the same reason. [campaign, clicks, landings, leads, demos, activations] */
const FUNNEL = [["migration-playbook", 240, 216, 66, 22, 5], ["content-qa-checklist", 130, 104, 17, 9, 1]];
const STAGES = [["landing", "page.viewed"], ["lead", "lead_magnet.downloaded"], ["demo", "demo.requested"], ["activation", "activation.reached"]];

function weekOfAFunnel(database) {
  const { week, at } = lastWeek();
  const { id, code } = database.prepare("SELECT id, code FROM partner WHERE program_id = 'partner-funnel'").get();
  const click = database.prepare(
    "INSERT INTO click (id, code, program_id, partner_id, campaign, visitor, clicked_at_ms, hour, dedupe) VALUES (?, ?, 'partner-funnel', ?, ?, ?, ?, ?, ?)",
  );
  const event = database.prepare(
    "INSERT INTO funnel_event (id, program_id, partner_id, code, campaign, stage, event, visitor, at_ms, week) VALUES (?, 'partner-funnel', ?, ?, ?, ?, ?, ?, ?, ?)",
  );
  let number = 0;
  for (const [campaign, clicks, ...reached] of FUNNEL) {
    for (let visitor = 0; visitor < clicks; visitor += 1) {
      number += 1;
      const moment = at + visitor * 1_500_000;
      click.run(`clk_picture_${number}`, code, id, campaign, `vis_${number}`, moment, Math.floor(moment / 3_600_000), number);
      for (const [stage, [name, type]] of STAGES.entries()) {
        if (visitor < reached[stage]) event.run(`fev_picture_${number}_${stage}`, id, code, campaign, name, type, `vis_${number}`, moment, week);
      }
    }
  }
  database.exec(`INSERT INTO link_day (partner_id, code, day, clicks) SELECT partner_id, code, hour / 24, COUNT(*) FROM click WHERE id GLOB 'clk_picture_*' GROUP BY 1, 2, 3
    ON CONFLICT DO UPDATE SET clicks = clicks + excluded.clicks`);
}

/** The last complete ISO week, and an instant at its beginning. */
function lastWeek() {
  const now = new Date();
  const monday = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth(), now.getUTCDate() - ((now.getUTCDay() + 6) % 7) - 7));
  const thursday = new Date(monday.getTime() + 3 * 86_400_000);
  const first = Date.UTC(thursday.getUTCFullYear(), 0, 1);
  const number = Math.floor((thursday.getTime() - first) / (7 * 86_400_000)) + 1;
  return { week: `${thursday.getUTCFullYear()}-W${String(number).padStart(2, "0")}`, at: monday.getTime() };
}
