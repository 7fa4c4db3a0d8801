// Refusals and failures in words: what happened, and what to do now.
import { has, t } from "./i18n.js";

/** {key, title, todo, detail}; the words are those of the language at the moment they are read. */
export function explain(error) {
  const code = String(error?.code ?? "");
  const message = error?.message ?? "";
  const key = [code, error?.kind, "other"].find((name) => name && has(`error.${name}`));
  return {
    key,
    get title() {
      return t(`error.${key}`, { message });
    },
    get todo() {
      return t(has(`todo.${key}`) ? `todo.${key}` : "todo.other");
    },
    get detail() {
      // The reason is a person's words behind the colon; the rest is the servers' English.
      if (code === "excluded" && message.includes(": "))
        return t("error.reason", { reason: message.replace(/^[^:]*: /, "") });
      return code ? t("error.detail", { code, message }) : String(message || error);
    },
  };
}
