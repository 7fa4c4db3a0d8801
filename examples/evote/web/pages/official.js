// The election office: entering, and the sections in official/.
import { Credential } from "../prytany-client.js";
import { actorWords } from "../lib/audit.js";
import { codeTrouble } from "../lib/code.js";
import { announce, el, mark, notice } from "../lib/dom.js";
import { explain } from "../lib/errors.js";
import { questionsOf, readElection, stateLine } from "../lib/election.js";
import { t } from "../lib/i18n.js";
import { draw, show, start } from "../lib/page.js";
import { endWords } from "../lib/servers.js";
import { auditSection } from "./official/audit.js";
import { ballotSection } from "./official/ballot.js";
import { officialsSection } from "./official/officials.js";
import { overviewSection } from "./official/overview.js";
import { rollSection } from "./official/roll.js";

const sections = {
  overview: overviewSection,
  roll: rollSection,
  ballot: ballotSection,
  officials: officialsSection,
  audit: auditSection,
};
const slowMs = 1_000;
const lookMs = 2_000;

// Questions without candidates are on no ballot paper, but in the draft.
const draftSql =
  "SELECT q.id AS question, q.text, q.choose_min, q.choose_max, q.allow_blank, " +
  "c.id AS candidate, c.name " +
  "FROM questions q LEFT JOIN candidates c ON c.question = q.id ORDER BY q.id, c.id";

start("official", async ({ cluster, read, servers }) => {
  const office = {
    cluster,
    read,
    servers,
    client: null,
    election: await readElection(read),
    questions: [],
    turnout: [],
    problems: [],
    at: "overview",
    told: null, // the outcome of the last action: {kind, words(), agreement, todo()}
    kept: {}, // what sections keep while others are shown
    doing: null, // what is under way
    draw: () => draw(),
    /**
     * Does something and says how it went, or, where `progress()` has words for it, how far it is.
     * `more` of the same follows: the end is told then. Resolves to its answer, or to null.
     */
    async act(done, procedure, args, { progress, more = false } = {}) {
      if (office.doing) return null;
      office.told = null; // it was about something else
      office.doing = { progress, slow: false };
      servers.asking();
      draw();
      const slow = setTimeout(() => {
        office.doing.slow = true;
        draw();
        announce(office.doingWords());
      }, slowMs);
      let answer = null;
      try {
        answer = await office.client.call(procedure, args, {
          linger: 400,
          onAgreement: (a) => servers.heard(a),
        });
        if (!more) {
          office.told = { kind: "good", words: () => t(done), agreement: answer.agreement };
          await office.refresh();
        }
      } catch (error) {
        office.fail(error);
      }
      clearTimeout(slow);
      office.doing = null;
      if (office.told) office.say();
      if (office.told?.isUnknown) office.lookAgain();
      return answer;
    },
    /**
     * What is asked later in a session runs after what was asked before: as soon as servers answer
     * this, it is known how it ended.
     */
    async lookAgain() {
      const { client, told } = office;
      try {
        await office.refresh();
      } catch {
        if (office.client === client && office.told === told) setTimeout(office.lookAgain, lookMs);
        return;
      }
      if (office.told !== told) return; // something else was done, or another section is shown
      office.told = { kind: "info", words: () => t("office.answers_again"), todo: told.again };
      office.say();
    },
    doingWords: () =>
      [office.doing.progress?.(), office.doing.slow && t("office.waiting")]
        .filter(Boolean)
        .join(" "),
    fail(error) {
      servers.refused(error);
      const isUnknown = ["outcome_unknown", "no_quorum"].includes(error.kind);
      office.told = {
        kind: "bad",
        again: null, // how to repeat it without harm, if that can be
        isUnknown,
        refusedBy: error.agreement?.agreed.length > 0 ? error.agreement : null,
        words: () => explain(error).title,
        todo: () => (isUnknown ? t("office.goes_on") : explain(error).todo),
      };
    },
    /** Shows `told`, and says it to a screen reader; the focus stays where it is. */
    say() {
      draw();
      announce(
        [office.told.words(), office.told.agreement && servers.summary(office.told.agreement)]
          .filter(Boolean)
          .join(". "),
      );
      // It is above what was pressed, and may be out of sight.
      document.getElementById("told")?.scrollIntoView({ block: "nearest" });
    },
    async refresh() {
      const { client } = office;
      const [draft, problems] = await Promise.all([
        client.query(draftSql),
        client.call("checklist"),
        readElection(read).then((election) => {
          office.election = election;
        }),
        read("turnout").then(({ rows }) => {
          office.turnout = rows;
        }),
      ]);
      office.questions = questionsOf(draft.rows).map((q) => ({
        ...q,
        candidates: q.candidates.filter((c) => c.candidate !== null),
      }));
      office.problems = problems.rows;
    },
  };

  // ---- entering
  // -------------------------------------------------------------------------------------

  const entry = { typed: "", trouble: null, busy: false };
  const entryView = () => [
    el("h1", {}, t("nav.official")),
    stateLine(office.election),
    el("p", { class: "lead" }, t("official.lead")),
    entry.trouble &&
      el(
        "div",
        { "data-focus": true, tabindex: "-1", id: "refusal" },
        notice(
          "bad",
          el("p", {}, el("strong", {}, entry.trouble.title())),
          el("p", {}, entry.trouble.todo()),
        ),
      ),
    el(
      "form",
      {
        class: "card",
        novalidate: true,
        onsubmit: (event) => {
          event.preventDefault();
          if (codeTrouble(entry.typed))
            refuse(
              () => codeTrouble(entry.typed),
              () => t("todo.bad_code"),
            );
          else enter(() => Credential.code(entry.typed, cluster));
        },
      },
      el("h2", {}, t("official.code")),
      el("label", { for: "code" }, t("official.code.label")),
      el("input", {
        id: "code",
        class: "code",
        autocomplete: "off",
        spellcheck: "false",
        autocapitalize: "characters",
        maxlength: "60",
        value: entry.typed,
        oninput: (e) => {
          entry.typed = e.target.value;
        },
      }),
      el(
        "p",
        {},
        el(
          "button",
          { id: "enter", class: "main" },
          t(entry.busy ? "vote.code.busy" : "official.enter"),
        ),
      ),
    ),
    el(
      "div",
      { class: "card" },
      el("h2", {}, t("official.key")),
      el("label", { for: "key" }, t("official.key.label")),
      el("p", { class: "hint" }, t("official.key.what")),
      el("input", {
        id: "key",
        type: "file",
        accept: ".key,.pem",
        onchange: (e) =>
          e.target.files[0] && enter(async () => Credential.pem(await e.target.files[0].text())),
      }),
    ),
  ];
  function refuse(title, todo) {
    entry.trouble = { title, todo };
    show(entryView, { focus: true });
  }
  async function enter(credential) {
    if (entry.busy) return;
    entry.busy = true;
    announce(t("vote.code.busy"));
    try {
      // A name of its own: an administrator may have this page open twice.
      const client = await cluster.join({
        credential: await credential(),
        name: `page-${crypto.randomUUID().slice(0, 8)}`,
      });
      if (!["official", "admin"].includes(client.role)) {
        client.leave().catch(() => {});
        throw Object.assign(new Error(client.role), { code: "not_an_official" });
      }
      entry.typed = "";
      office.client = client;
      client.addEventListener("end", ({ reason }) => {
        office.client = null;
        if (reason === "left") office.kept = {};
        refuse(
          () => endWords(reason),
          () => t("official.again"),
        );
      });
      await office.refresh();
      go(location.hash.slice(1));
    } catch (error) {
      servers.refused(error);
      refuse(
        () => explain(error).title,
        () => explain(error).todo,
      );
    } finally {
      entry.busy = false;
    }
  }

  // ---- inside
  // ---------------------------------------------------------------------------------------

  const names = () =>
    Object.keys(sections).filter((name) => name !== "officials" || office.client.role === "admin");
  function go(name) {
    office.at = names().includes(name) ? name : "overview";
    office.told = null;
    const section = sections[office.at](office);
    show(
      () => [
        el(
          "div",
          { class: "office-head" },
          el("p", { class: "over" }, office.election?.title ?? t("state.none")),
          el(
            "p",
            { class: "small" },
            t("official.who", { who: actorWords(office.client.principal) }),
            " ",
            el(
              "button",
              {
                id: "leave",
                type: "button",
                class: "small",
                onclick: () => office.client.leave().catch(() => {}),
              },
              t("official.leave"),
            ),
          ),
        ),
        el(
          "nav",
          { class: "sections", "aria-label": t("official.sections") },
          el(
            "ul",
            {},
            names().map((other) =>
              el(
                "li",
                {},
                el(
                  "a",
                  {
                    href: `#${other}`,
                    id: `to-${other}`,
                    "aria-current": other === office.at ? "page" : undefined,
                  },
                  t(`office.${other}`),
                ),
              ),
            ),
          ),
        ),
        el("h1", {}, t(`office.${office.at}`)),
        office.told &&
          el(
            "div",
            { id: "told", "data-kind": office.told.kind },
            notice(
              office.told.kind,
              el("p", {}, el("strong", {}, office.told.words())),
              (office.told.again ?? office.told.todo) &&
                el("p", {}, (office.told.again ?? office.told.todo)()),
              office.told.refusedBy &&
                el("p", { class: "small" }, servers.refusalSummary(office.told.refusedBy)),
              office.told.agreement &&
                el(
                  "p",
                  { class: "small" },
                  mark("good"),
                  servers.summary(office.told.agreement),
                  ".",
                ),
            ),
          ),
        office.doing?.slow &&
          el("div", { id: "doing" }, notice("wait", el("p", {}, el("strong", {}, office.doingWords())))),
        section(),
      ],
      { focus: true },
    );
  }
  addEventListener("hashchange", () => {
    const name = location.hash.slice(1);
    if (office.client && names().includes(name)) go(name);
  });
  show(entryView);
});
