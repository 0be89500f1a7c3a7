// The script of the site: runs in the site's own pages, behind the Worker. It fills hidden fields, tells the funnel's
// stages and draws a user's own link. It stores nothing itself, and what it asks for is empty without consent.
// After a change: `node scripts/assets.mjs --release`.
(() => {
  const script = document.currentScript;
  // The visitor's cookie belongs to the Worker's host, so a page of another host would learn nothing.
  if (window.manicule || (script && new URL(script.src, location).origin !== location.origin)) return;

  const FIELDS = ["ref", "visitor"];
  const SELECTOR = FIELDS.map((name) => `input[type=hidden][name=${name}]`).join();
  const EVENT = "data-manicule-event";
  const ATTRIBUTION = "/v1/attribution";
  const SHARE = "/api/referral/generate";
  let values = {};
  let asked;
  /** What this script wrote into a field: only that may be replaced. */
  const written = new WeakMap();

  const json = (path, body) =>
    fetch(path, body ? { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) } : { cache: "no-store" })
      .then(async (answer) => ({ status: answer.status, data: answer.status === 204 ? {} : await answer.json() }))
      .catch(() => ({ status: 0, data: {} }));

  // Fields.
  const fields = () => [...document.querySelectorAll(SELECTOR)].filter((field) => field.form);
  const fill = () => {
    for (const field of fields()) {
      const value = values[field.name];
      const own = written.get(field);
      if (value && (!field.value || field.value === own)) {
        field.value = value;
        written.set(field, value);
      }
    }
  };
  const take = ({ status, data }) => {
    if (status === 200) values = { ref: data.token, visitor: data.visitor };
    fill();
  };
  const look = () => {
    if (!asked && fields().length) asked = json(ATTRIBUTION).then(take);
    fill();
    document.querySelectorAll("[data-manicule-share]").forEach(draw);
  };

  // Stages.
  /** A code and campaign, from an address. What is longer than any of ours is another's. */
  const addressed = (url) => {
    const [ref, partner, campaign] = ["ref", "partner", "campaign"].map((name) => {
      const value = new URL(url).searchParams.get(name);
      return value && value.length < 65 ? value : undefined;
    });
    return (ref || partner) && { code: ref || partner, campaign };
  };
  /** The code in this page's address, else in that of the page before, where the visitor had not consented yet. */
  const found = () => addressed(location) || (document.referrer.startsWith(`${location.origin}/`) && addressed(document.referrer));
  /** `here`: the code and campaign that count instead of the visitor's own. */
  const tell = (event, { code, campaign } = {}) => {
    const body = JSON.stringify({ event, path: location.pathname, partner: code, campaign });
    if (!navigator.sendBeacon?.("/v1/collect", body)) fetch("/v1/collect", { method: "POST", body, keepalive: true }).catch(() => {});
  };
  const tellOf = (element) => element && tell(element.getAttribute(EVENT), { campaign: element.getAttribute("data-manicule-campaign") || undefined });
  let viewed;
  const view = () => {
    // A page that no ref link led to, because the Worker has not seen it, brings its code.
    if (viewed !== location.pathname) tell("page.viewed", addressed(location));
    viewed = location.pathname;
  };

  // The user's own link. Every text is set as text, whoever wrote it.
  const draw = (box) => {
    if (written.has(box)) return;
    written.set(box, 1);
    json(SHARE.replace("generate", "link")).then(({ status, data }) => {
      if (status !== 200 || !data.program) return;
      const say = (name, otherwise) => box.getAttribute(`data-${name}`) || otherwise;
      const add = (kind, text, rest) => {
        const made = Object.assign(document.createElement(kind), { textContent: text, ...rest });
        box.append(made);
        return made;
      };
      const show = (url) => {
        box.replaceChildren();
        const label = add("label", `${say("label", "Your link")} `);
        const link = Object.assign(document.createElement("input"), { readOnly: true, value: url });
        label.append(link);
        const copy = add("button", say("copy", "Copy"), {
          type: "button",
          onclick: () =>
            navigator.clipboard.writeText(url).then(
              () => (copy.textContent = say("copied", "Copied")),
              () => link.select(),
            ),
        });
      };
      if (data.active) return show(data.url);
      // A partner who has left or was suspended.
      if (data.url && !data.disclosure) return;
      add("p", say("disclosure", "I will say that I may earn a reward whenever I share my link."));
      const get = add("button", say("get", "Get my link"), {
        type: "button",
        onclick: async () => {
          get.disabled = true;
          const made = await json(SHARE, { program: data.program, disclosure_accepted: true });
          if (made.data.active) show(made.data.url);
          else get.disabled = false;
        },
      });
    });
  };

  // What happens on the page.
  const pressed = ({ target }) => {
    const element = target.closest?.(`[${EVENT}]`);
    // What sends a form counts once the form is sent.
    if (element && element.localName !== "form" && !(element.form && element.type === "submit")) tellOf(element);
  };
  const sent = ({ target, submitter }) => {
    fill();
    tellOf([submitter, target].find((element) => element?.hasAttribute(EVENT)));
  };
  const consent = async () => {
    await (asked = json(ATTRIBUTION, found()).then(take));
    tell("page.viewed");
  };
  window.manicule = { consent, event: (event, campaign) => tell(event, { campaign }) };
  addEventListener("click", pressed, true);
  addEventListener("submit", sent, true);
  addEventListener("manicule:consent", consent, true);
  let due;
  const later = () => {
    due ??= setTimeout(() => {
      due = undefined;
      look();
    });
  };
  const start = () => {
    view();
    look();
    new MutationObserver(later).observe(document, { childList: true, subtree: true });
    // Astro's client router keeps the page's scripts.
    addEventListener("astro:page-load", view, true);
  };
  if (document.prerendering) document.addEventListener("prerenderingchange", start, { once: true });
  else start();
})();
