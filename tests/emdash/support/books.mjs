// What an operator sees of accounts.
// A busy machine takes its time.
const WITHIN_MS = 60_000;

/** A program that anybody's sign-up counts for. */
const PROGRAM = "agency-partner";

/** A partner with a link: its id, and the path of its link. */
export async function partner(worker, name) {
  const { id, url, code } = await worker.enrol({ program: PROGRAM, external_id: `ext_${name}`, name, email: `${name}@partners.example` });
  return { id, code, path: new URL(url).pathname };
}

/** An account's rows, one for each group of programs; none if nobody told of it. */
export async function rows(worker, account) {
  return (await worker.read(`/v1/accounts?account=${encodeURIComponent(account)}`)).data;
}

/** All accounts of a partner. */
export async function brought(worker, { id }) {
  return (await worker.read(`/v1/accounts?partner=${id}&limit=200`)).data;
}

/** Asks until there is an answer: what is told after a response takes its time. */
export async function eventually(read) {
  for (const until = Date.now() + WITHIN_MS; ; ) {
    const found = await read();
    if (found || Date.now() > until) return found;
    await new Promise((done) => setTimeout(done, 50));
  }
}

/** The rows of an account as soon as there are some; none if there are none within the limit. */
export async function told(worker, account) {
  const found = await eventually(async () => {
    const now = await rows(worker, account);
    return now.length > 0 && now;
  });
  return found || [];
}

/** Who referred an account: the partner's id and how it is known. */
export const referred = (all) => all.filter(({ partner: by }) => by).map(({ partner: by, method }) => ({ by, method }));
