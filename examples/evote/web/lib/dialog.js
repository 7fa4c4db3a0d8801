// A question before something that cannot be taken back.
import { el } from "./dom.js";
import { t } from "./i18n.js";

/** Resolves to whether it was confirmed. The way out has the focus. */
export function confirmed({ title, body, action }) {
  return new Promise((resolve) => {
    const dialog = el(
      "dialog",
      { "aria-labelledby": "dialog-title", "aria-describedby": "dialog-body" },
      el("h2", { id: "dialog-title" }, title),
      el(
        "div",
        { id: "dialog-body" },
        [body].flat().map((words) => el("p", {}, words)),
      ),
      el(
        "form",
        { method: "dialog", class: "row" },
        el("button", { id: "dialog-no", value: "no", autofocus: true }, t("app.cancel")),
        el("button", { id: "dialog-yes", value: "yes", class: "main" }, action),
      ),
    );
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes");
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}

/** The same with one line to fill in: resolves to the text, or null. */
export function askFor({ title, body, label, action }) {
  return new Promise((resolve) => {
    const input = el("input", { id: "dialog-input", required: true, maxlength: "200" });
    const dialog = el(
      "dialog",
      { "aria-labelledby": "dialog-title" },
      el("h2", { id: "dialog-title" }, title),
      el("p", {}, body),
      el(
        "form",
        { method: "dialog" },
        el("label", { for: "dialog-input" }, label),
        input,
        el(
          "p",
          { class: "row" },
          el(
            "button",
            {
              id: "dialog-no",
              value: "no",
              formnovalidate: true,
              type: "button",
              onclick: () => dialog.close("no"),
            },
            t("app.cancel"),
          ),
          el("button", { id: "dialog-yes", value: "yes", class: "main" }, action),
        ),
      ),
    );
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes" ? input.value.trim() || null : null);
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}
