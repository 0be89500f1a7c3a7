// The account's plan and its consequences: statements per invocation, and cron triggers.
import { orAbsent } from "../api.mjs";
import { RIGHTS } from "../rights.mjs";
import { each } from "./each.mjs";

const FREE_CRONS = 5;
const STATEMENTS = { free: "50", paid: "1000" };

/**
 * The plan, from the first of these: PLAN, the account (if the token may read it), the last deployment, or a question.
 */
export async function planOf(api, accountId, worker, { env, configured, notes, question }) {
  if (env.PLAN) {
    if (!(env.PLAN in STATEMENTS)) throw new Error(`PLAN is free or paid, not ${env.PLAN}`);
    return { plan: env.PLAN, statementsMax: STATEMENTS[env.PLAN] };
  }
  const last = worker?.bindings.find((one) => one.type === "plain_text" && one.name === "D1_STATEMENTS_MAX")?.text;
  const subscriptions = await api.get(`/accounts/${accountId}/subscriptions`, { right: RIGHTS.billing }).catch((error) => {
    if (error.kind === "down") throw error;
    return null;
  });
  const isPaid = (one) => /^workers_?(paid|standard|bundled|unbound|enterprise)|enterprise/i.test(one.rate_plan?.id ?? "");
  let plan = subscriptions ? (subscriptions.some(isPaid) ? "paid" : "free") : last === STATEMENTS.paid ? "paid" : null;
  // Fewer statements than the plan allows only take longer, so the small number is also used if the plan is unknown.
  if (!plan && !last && question) plan = /^y/i.test(await question("Is the account on the Workers Paid plan? [y/N] ")) ? "paid" : "free";
  if (!plan) notes.push(`The plan is not known (${RIGHTS.billing} would tell), so an invocation sends at most ${STATEMENTS.free} statements, which every plan allows. On the paid plan run: PLAN=paid make deploy`);
  const statementsMax = configured || (plan ? STATEMENTS[plan] : STATEMENTS.free);
  if (plan === "free" && Number(statementsMax) > Number(STATEMENTS.free)) notes.push(`D1_STATEMENTS_MAX is ${statementsMax}, and the free plan allows ${STATEMENTS.free} statements an invocation: longer runs will fail`);
  return { plan, statementsMax };
}

/** The free plan has five cron triggers for the whole account. */
export async function lookAtCrons(api, accountId, config, plan, faults, notes) {
  const wanted = config.triggers?.crons?.length ?? 0;
  if (wanted === 0 || plan === "paid") return;
  const scripts = await api.get(`/accounts/${accountId}/workers/scripts`, { right: RIGHTS.scripts });
  const counts = await each(scripts.filter((one) => one.id !== config.name), async ({ id }) => {
    const found = await orAbsent(api.get(`/accounts/${accountId}/workers/scripts/${id}/schedules`, { right: RIGHTS.scripts }), { schedules: [] });
    return [id, found.schedules.length];
  });
  const taken = counts.reduce((sum, [, count]) => sum + count, 0);
  if (taken + wanted <= FREE_CRONS) return;
  const who = counts.filter(([, count]) => count).map(([id, count]) => `${id} (${count})`).join(", ");
  const message = `The free plan has ${FREE_CRONS} cron triggers for the whole account: ${taken} are taken by ${who}, ${wanted} are needed. If the account is on the paid plan, run: PLAN=paid make deploy`;
  (plan === "free" ? faults : notes).push(message);
}
