// After closing: the sums for the office, then for everybody.
import { el, table } from "../../lib/dom.js";
import { count, t } from "../../lib/i18n.js";

const blankLast = (a, b) => (a.candidate === 0) - (b.candidate === 0);

export function tallyCard(desk) {
  const { office, counted } = desk;
  const tally = async () => {
    const answer = await office.act("did.tally", "tally");
    if (answer) desk.counted = answer.rows;
    office.draw();
  };
  const publish = async () => {
    if (await desk.sure("publish", "do.publish")) office.act("did.publish", "publish");
  };
  return el(
    "section",
    { class: "card next", "aria-labelledby": "tally-title" },
    el("h2", { id: "tally-title" }, t(counted ? "next.publish" : "next.tally")),
    el("p", {}, t(counted ? "next.publish.what" : "next.tally.what")),
    counted && office.questions.map((question) => sums(question, counted)),
    el(
      "p",
      { class: "row" },
      el(
        "button",
        { id: "tally", type: "button", class: counted ? "" : "main", onclick: tally },
        t(counted ? "do.tally_again" : "do.tally"),
      ),
      counted &&
        el(
          "button",
          { id: "publish", type: "button", class: "main", onclick: publish },
          t("do.publish"),
        ),
    ),
  );
}

function sums({ question, text }, counted) {
  const columns = [{ title: t("results.candidate") }, { title: t("results.votes"), number: true }];
  const rows = counted.filter((row) => row.question === question).sort(blankLast);
  return table(
    text,
    columns,
    rows.map(({ candidate, name, votes }) => [
      candidate === 0 ? t("ballot.blank") : name,
      count(votes),
    ]),
  );
}

export const publishedCard = () =>
  el(
    "section",
    { class: "card next", "aria-labelledby": "over-title" },
    el("h2", { id: "over-title" }, t("next.nothing")),
    el("p", {}, t("next.nothing.what")),
    el(
      "ul",
      { class: "links" },
      ["results", "recount", "audit"].map((name) =>
        el("li", {}, el("a", { href: `${name}.html` }, t(`nav.${name}`))),
      ),
    ),
  );
