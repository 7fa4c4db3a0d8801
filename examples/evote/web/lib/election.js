// What every page asks about the election, and how it says where the election stands.
import { el, mark } from "./dom.js";
import { moment, t, until } from "./i18n.js";

const pageRows = 500;

/**
 * The election, or null before there is one. `state` is "ended" if it is open past its time by the
 * clock that the servers agree on; that of this device decides nothing.
 */
export async function readElection(read) {
  const { rows, agreedUs } = await read("election");
  if (rows.length === 0) return null;
  const election = { ...rows[0] };
  if (
    election.state === "open" &&
    election.closes_us !== null &&
    election.closes_us <= agreedUs
  )
    election.state = "ended";
  return election;
}

/** [{question, text, choose_min, choose_max, allow_blank, candidates: [{candidate, name}]}] */
export function questionsOf(rows) {
  const questions = new Map();
  for (const { candidate, name, version, ...question } of rows) {
    if (!questions.has(question.question))
      questions.set(question.question, { ...question, candidates: [] });
    questions.get(question.question).candidates.push({ candidate, name });
  }
  return [...questions.values()];
}
/** `version` is what cast_ballot compares. */
export const paperOf = ({ rows }) => ({
  version: rows[0]?.version ?? null,
  questions: questionsOf(rows),
});
export const readPaper = async (read) => questionsOf((await read("ballot_paper")).rows);

/** All rows of a procedure that is read page by page; `key` names the column to go on after. */
export async function readAll(read, procedure, key) {
  const rows = [];
  for (;;) {
    const more = (await read(procedure, { after: rows.at(-1)?.[key], count: pageRows })).rows;
    rows.push(...more);
    if (more.length < pageRows) return rows;
  }
}

export function stateWords(election) {
  if (!election) return t("state.none");
  const { state } = election;
  if (state === "open" && election.closes_us !== null)
    return t(election.closes_us / 1000 > Date.now() ? "state.open_until" : "state.open_past", {
      when: moment(election.closes_us),
      left: until(election.closes_us),
    });
  return t(`state.${state}`, {
    when: moment(
      {
        frozen: election.frozen_us,
        open: election.opened_us,
        ended: election.closes_us,
        closed: election.closed_us,
        published: election.published_us,
      }[state],
    ),
  });
}
export const stateLine = (election) =>
  el(
    "p",
    { class: "state" },
    mark(["open", "published"].includes(election?.state) ? "good" : "none"),
    el("strong", {}, stateWords(election)),
  );

/** "choose 1 to 3, or leave it blank" */
export function ruleWords({ choose_min: min, choose_max: max, allow_blank: blank }) {
  const rule = min === max ? t("rule.exactly", { n: min }) : t("rule.between", { min, max });
  return blank ? `${rule} ${t("rule.blank")}` : rule;
}
