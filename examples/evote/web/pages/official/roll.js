// The roll: from a spreadsheet to voters with codes; excluding; another code for who lost it.
import { confirmed, askFor } from "../../lib/dialog.js";
import { announce, download, el, notice, table } from "../../lib/dom.js";
import { lettersCsv, readRoll } from "../../lib/csv.js";
import { readAll } from "../../lib/election.js";
import { count, t } from "../../lib/i18n.js";
import { letter, makeCode, printLetters } from "../../lib/letters.js";

const batchRows = 100;
const shownMax = 50;
const say = ({ key, ...params }) =>
  t(key, { ...params, column: params.column ? t(`csv.column.${params.column}`) : "" });

export function rollSection(office) {
  // Codes that were made exist nowhere else: they outlast a look at another section.
  const model = (office.kept.roll ??= {
    roll: null,
    filter: "",
    file: null,
    voters: null,
    problem: null,
    made: null,
    making: null, // so many codes
    imported: 0,
    saved: false,
    ticked: false,
  });
  const letterOf = (voter) =>
    letter({ election: office.election, cluster: office.cluster, ...voter });
  const hold = (event) => event.preventDefault();

  const load = async () => {
    try {
      model.roll = await readAll(
        (procedure, args) => office.client.call(procedure, args),
        "roll",
        "id",
      );
    } catch (error) {
      office.fail(error);
      return office.say();
    }
    office.draw();
  };

  // ---- import
  // ---------------------------------------------------------------------------------------

  const readFile = async (event) => {
    const [file] = event.target.files;
    if (!file) return;
    const read = readRoll(
      new Uint8Array(await file.arrayBuffer()),
      new Set(model.roll.map(({ id }) => id)),
    );
    const fresh = { made: null, imported: 0, saved: false, ticked: false };
    Object.assign(model, { file: file.name, ...fresh, ...read });
    office.told = null;
    office.draw();
    document.getElementById("preview").focus();
  };
  const makeCodes = async () => {
    if (model.making !== null) return;
    const { voters } = model;
    const made = [];
    model.making = 0;
    addEventListener("beforeunload", hold);
    for (const voter of voters) {
      made.push({ ...voter, ...(await makeCode(office.cluster)) });
      if (made.length % 20 === 0) {
        model.making = made.length;
        office.draw();
      }
    }
    model.making = null;
    if (model.voters !== voters) return office.draw(); // another file was chosen meanwhile
    model.made = made;
    office.draw();
    document.getElementById("letters")?.focus();
    announce(t("roll.made", { n: made.length }));
  };
  const putOnRoll = async () => {
    if (!model.saved || !model.ticked) {
      office.told = { kind: "bad", words: () => t("roll.save_first") };
      return office.say();
    }
    // Batches are whole or not at all, and the servers pass over what is on the roll already: after
    // a failure the rest can be tried again, also if it came through without our knowing.
    while (model.imported < model.made.length) {
      const batch = model.made.slice(model.imported, model.imported + batchRows);
      const rows = JSON.stringify(
        batch.map(({ id, name, district, key }) => ({ id, name, district, key })),
      );
      const more = model.imported + batch.length < model.made.length;
      const how = { progress: putWords, more };
      if (!(await office.act("did.import", "import_voters", { rows }, how))) {
        if (office.told?.isUnknown) office.told.again = () => t("roll.put_again", { n: left() });
        return office.draw();
      }
      model.imported += batch.length;
    }
    removeEventListener("beforeunload", hold);
    Object.assign(model, { made: null, voters: null, file: null, imported: 0 });
    await load();
    document.getElementById("on-roll")?.focus();
  };

  const left = () => model.made.length - model.imported;
  const putWords = () => t("roll.progress", { n: model.imported, all: model.made.length });

  const previewView = () => {
    if (model.problem) {
      return el(
        "div",
        { id: "preview", tabindex: "-1" },
        notice(
          "bad",
          el("p", {}, el("strong", {}, t("roll.unreadable", { file: model.file }))),
          el("p", {}, say(model.problem)),
        ),
      );
    }
    const bad = model.voters.filter(({ errors }) => errors.length > 0);
    const districts = new Set(model.voters.map(({ district }) => district));
    return el(
      "div",
      { id: "preview", tabindex: "-1" },
      notice(
        bad.length > 0 ? "bad" : "good",
        el(
          "p",
          {},
          el("strong", {}, t("roll.preview", { n: model.voters.length, file: model.file })),
          " ",
          t("roll.districts", { n: districts.size }),
        ),
        el("p", {}, bad.length > 0 ? t("roll.errors", { n: bad.length }) : t("roll.no_errors")),
      ),
      bad.length > 0 &&
        table(
          t("roll.error_table"),
          [
            { title: t("roll.line"), number: true },
            { title: t("roll.what_is_wrong"), wide: true },
            { title: t("csv.column.id") },
            { title: t("csv.column.name") },
          ],
          bad
            .slice(0, shownMax)
            .map(({ line, errors, id, name }) => [
              String(line),
              errors.map(say).join(" "),
              id || "–",
              name || "–",
            ]),
        ),
      bad.length > shownMax && el("p", {}, t("roll.more_errors", { n: bad.length - shownMax })),
      table(
        t("roll.first_rows"),
        [
          { title: t("csv.column.id") },
          { title: t("csv.column.name") },
          { title: t("csv.column.district") },
        ],
        model.voters
          .slice(0, 5)
          .map(({ id, name, district }) => [id || "–", name || "–", district || "–"]),
      ),
      bad.length === 0 &&
        !model.made &&
        el(
          "p",
          {},
          el(
            "button",
            {
              id: "make-codes",
              type: "button",
              class: "main",
              onclick: makeCodes,
              "aria-disabled": model.making === null ? undefined : "true",
            },
            t("roll.make", { n: model.voters.length }),
          ),
        ),
    );
  };
  const lettersView = () =>
    el(
      "section",
      { id: "letters", tabindex: "-1", "aria-labelledby": "letters-title" },
      el("h3", { id: "letters-title" }, t("roll.made", { n: model.made.length })),
      notice(
        "warn",
        el("p", {}, el("strong", {}, t("roll.only_here"))),
        el("p", {}, t("roll.only_here.what")),
      ),
      el(
        "p",
        { class: "row" },
        el(
          "button",
          {
            id: "print-letters",
            type: "button",
            class: "main",
            onclick: () => {
              model.saved = true;
              printLetters(model.made.map(letterOf));
            },
          },
          t("roll.print"),
        ),
        el(
          "button",
          {
            id: "save-codes",
            type: "button",
            onclick: () => {
              model.saved = true;
              download("codes-SECRET.csv", "text/csv", lettersCsv(model.made));
            },
          },
          t("roll.save"),
        ),
      ),
      el(
        "details",
        { id: "sample" },
        el("summary", { id: "sample-summary" }, t("roll.sample")),
        letterOf(model.made[0]),
      ),
      el(
        "label",
        { class: "option" },
        el("input", {
          type: "checkbox",
          id: "codes-saved",
          checked: model.ticked,
          onchange: (e) => {
            model.ticked = e.target.checked;
          },
        }),
        el("span", {}, t("roll.saved")),
      ),
      el(
        "p",
        {},
        el(
          "button",
          {
            id: "put-on-roll",
            type: "button",
            class: "main",
            onclick: putOnRoll,
            "aria-disabled": office.doing ? "true" : undefined,
          },
          t("roll.put", { n: left() }),
        ),
      ),
      (office.doing || model.imported > 0) &&
        el(
          "div",
          { id: "putting" },
          el("progress", {
            max: model.made.length,
            value: model.imported,
            "aria-label": t("roll.import"),
          }),
          el("p", {}, office.doing ? office.doingWords() : putWords()),
        ),
    );
  const importCard = () =>
    el(
      "section",
      { class: "card", "aria-labelledby": "import-title" },
      el("h2", { id: "import-title" }, t("roll.import")),
      el("p", {}, t("roll.import.what")),
      el(
        "pre",
        { tabindex: "0", "aria-label": t("roll.example") },
        "id,name,district\nV1004,Aris Livas,Thissio\nV1005,Angeliki Manou,Zografou",
      ),
      el("label", { for: "roll-file" }, t("roll.file")),
      el("input", {
        id: "roll-file",
        type: "file",
        accept: ".csv,.txt,text/csv",
        onchange: readFile,
      }),
      (model.voters || model.problem) && previewView(),
      model.making !== null &&
        el(
          "p",
          { id: "progress" },
          t("roll.making", { n: model.making, all: model.voters.length }),
        ),
      model.made && lettersView(),
    );

  // ---- who is on it
  // ---------------------------------------------------------------------------------

  const exclude = async ({ id, name }) => {
    const reason = await askFor({
      title: t("roll.exclude.title", { name }),
      body: t("roll.exclude.what"),
      label: t("office.reason.label"),
      action: t("roll.exclude"),
    });
    if (reason && (await office.act("did.exclude", "exclude_voter", { id, reason }))) load();
  };
  const renew = async ({ id, name, district }) => {
    const reason = await askFor({
      title: t("roll.renew.title", { name }),
      body: t("roll.renew.what"),
      label: t("office.reason.label"),
      action: t("roll.renew"),
    });
    if (!reason) return;
    const { code, key } = await makeCode(office.cluster);
    if (!(await office.act("did.renew", "replace_key", { id, key: bytes(key), reason }))) return;
    if (
      await confirmed({
        title: t("roll.renewed", { name }),
        body: [code, t("roll.renewed.what")],
        action: t("roll.print"),
      })
    )
      printLetters([letterOf({ id, name, district, code })]);
  };
  const rollCard = () => {
    const wanted = model.filter.trim().toLowerCase();
    const found = model.roll.filter(
      ({ id, name }) => id.toLowerCase().includes(wanted) || name.toLowerCase().includes(wanted),
    );
    const changeable = ["draft", "frozen", "open", "ended"].includes(office.election?.state);
    const actions = (voter) =>
      !changeable || voter.voted
        ? "–"
        : el(
            "span",
            { class: "actions" },
            el(
              "button",
              {
                type: "button",
                class: "small",
                id: `renew-${voter.id}`,
                "aria-label": `${t("roll.renew")}: ${voter.name}`,
                onclick: () => renew(voter),
              },
              t("roll.renew"),
            ),
            !voter.excluded_reason &&
              el(
                "button",
                {
                  type: "button",
                  class: "small",
                  id: `exclude-${voter.id}`,
                  "aria-label": `${t("roll.exclude")}: ${voter.name}`,
                  onclick: () => exclude(voter),
                },
                t("roll.exclude"),
              ),
          );
    return el(
      "section",
      { class: "card", "aria-labelledby": "on-roll" },
      el("h2", { id: "on-roll", tabindex: "-1" }, t("roll.on_it", { n: model.roll.length })),
      model.roll.length > 0 && [
        el("label", { for: "filter" }, t("roll.filter")),
        el("input", {
          id: "filter",
          type: "search",
          value: model.filter,
          oninput: (e) => {
            model.filter = e.target.value;
            office.draw();
          },
        }),
        el(
          "p",
          { class: "small" },
          t("roll.showing", { n: Math.min(found.length, shownMax), all: count(found.length) }),
        ),
        table(
          t("roll.table"),
          [
            { title: t("csv.column.id") },
            { title: t("csv.column.name") },
            { title: t("csv.column.district") },
            { title: t("roll.status") },
            { title: t("roll.actions") },
          ],
          found
            .slice(0, shownMax)
            .map((voter) => [
              voter.id,
              voter.name,
              voter.district,
              voter.voted
                ? t("roll.voted")
                : voter.excluded_reason
                  ? t("roll.excluded", { reason: voter.excluded_reason })
                  : "–",
              actions(voter),
            ]),
          { hideCaption: true },
        ),
      ],
    );
  };
  load();
  return () =>
    model.roll === null
      ? el("p", {}, t("app.connecting"))
      : [
          !office.election
            ? notice("info", el("p", {}, t("paper.title_first")))
            : office.election.state === "draft"
              ? importCard()
              : notice("info", el("p", {}, t("roll.frozen"))),
          rollCard(),
        ];
}

const bytes = (hex) => Uint8Array.from(hex.match(/../g), (pair) => parseInt(pair, 16));
