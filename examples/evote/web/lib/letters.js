// Letters with personal codes. They are made here, and never sent anywhere: printed, or saved as a
// file.
import { Credential, generateCode } from "../prytany-client.js";
import { codeTrouble } from "./code.js";
import { el } from "./dom.js";
import { t } from "./i18n.js";

/** {code, key (hex)}. What is made here is what voters can type. */
export async function makeCode(cluster) {
  const code = generateCode();
  if (codeTrouble(code)) throw new Error("a code was made that cannot be typed");
  return { code, key: (await Credential.code(code, cluster)).publicKey };
}

export function letter({ election, cluster, id, name, district, code, official }) {
  return el(
    "article",
    { class: "letter" },
    el("p", { class: "over" }, election?.title ?? t("app.name")),
    el("h3", {}, name),
    el("p", {}, official ? t("letter.official") : t("letter.voter", { id, district })),
    el("p", {}, t("letter.code")),
    el(
      "p",
      { class: "letter-code" },
      code.split("-").map((group) => [el("span", {}, group), " "]),
    ),
    el(
      "ol",
      {},
      el(
        "li",
        {},
        t("letter.open"),
        " ",
        el(
          "b",
          { class: "address" },
          new URL(official ? "official.html" : "vote.html", location.href).href,
        ),
      ),
      el("li", {}, t("letter.compare"), " ", el("b", { class: "address" }, cluster.fingerprint)),
      el("li", {}, t(official ? "letter.run" : "letter.type")),
    ),
    el("p", { class: "small" }, t(official ? "letter.keep_official" : "letter.keep")),
    !official && el("p", { class: "small" }, t("limits.secrecy")),
  );
}

/** Prints these and nothing else of the page. */
export function printLetters(letters) {
  const sheet = el("div", { id: "sheet" }, letters);
  document.body.append(sheet);
  document.body.dataset.print = "letters";
  const over = () => {
    sheet.remove();
    delete document.body.dataset.print;
  };
  addEventListener("afterprint", over, { once: true });
  print();
}
