// Who runs the election: appointed and dismissed by administrators.
import { confirmed } from "../../lib/dialog.js";
import { el, notice } from "../../lib/dom.js";
import { moment, t } from "../../lib/i18n.js";
import { letter, makeCode, printLetters } from "../../lib/letters.js";

export function officialsSection(office) {
  const model = { name: "", officials: null, appointed: null };
  const load = async () => {
    try {
      model.officials = (await office.read("officials")).rows;
      office.draw();
    } catch (error) {
      office.fail(error);
      office.say();
    }
  };
  const appoint = async (event) => {
    event.preventDefault();
    const name = model.name.trim();
    if (name === "") return;
    const { code, key } = await makeCode(office.cluster);
    const bytes = Uint8Array.from(key.match(/../g), (pair) => parseInt(pair, 16));
    if (!(await office.act("did.appoint", "appoint_official", { name, key: bytes }))) return;
    Object.assign(model, { name: "", appointed: { name, code } });
    await load();
    document.getElementById("appointed")?.focus();
  };
  const dismiss = async (name) => {
    if (
      (await confirmed({
        title: t("officials.dismiss.sure", { name }),
        body: t("officials.dismiss.what"),
        action: t("officials.dismiss"),
      })) &&
      (await office.act("did.dismiss", "dismiss_official", { name }))
    )
      load();
  };
  const sheet = () =>
    letter({
      election: office.election,
      cluster: office.cluster,
      official: true,
      ...model.appointed,
    });
  load();
  return () => [
    el(
      "form",
      { class: "card", onsubmit: appoint },
      el("h2", {}, t("officials.appoint")),
      el("p", {}, t("officials.what")),
      el("label", { for: "official-name" }, t("officials.name")),
      el(
        "div",
        { class: "row" },
        el("input", {
          id: "official-name",
          maxlength: "100",
          value: model.name,
          oninput: (e) => {
            model.name = e.target.value;
          },
        }),
        el("button", { id: "appoint", class: "main" }, t("officials.appoint")),
      ),
    ),
    model.appointed &&
      el(
        "section",
        { class: "card", id: "appointed", tabindex: "-1", "aria-label": t("officials.letter") },
        notice("warn", el("p", {}, el("strong", {}, t("officials.once")))),
        sheet(),
        el(
          "p",
          {},
          el(
            "button",
            {
              id: "print-official",
              type: "button",
              class: "main",
              onclick: () => printLetters([sheet()]),
            },
            t("roll.print"),
          ),
        ),
      ),
    el(
      "section",
      { class: "card", "aria-labelledby": "all-officials" },
      el("h2", { id: "all-officials" }, t("audit.officials")),
      !model.officials?.length
        ? el("p", {}, t("audit.no_officials"))
        : el(
            "ul",
            { class: "lines" },
            model.officials.map(({ name, appointed_us: us }) =>
              el(
                "li",
                {},
                el("span", {}, t("audit.official", { name, when: moment(us) })),
                el(
                  "button",
                  {
                    type: "button",
                    class: "small",
                    "aria-label": `${t("officials.dismiss")}: ${name}`,
                    onclick: () => dismiss(name),
                  },
                  t("officials.dismiss"),
                ),
              ),
            ),
          ),
    ),
  ];
}
