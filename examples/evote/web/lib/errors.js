// Refusals and failures in words: what happened, and what to do now.
import { has, t } from "./i18n.js";

/** {title, todo, detail} */
export function explain(error) {
  const code = String(error?.code ?? "");
  const key = [code, error?.kind, "other"].find((name) => name && has(`error.${name}`));
  return {
    key,
    title: t(`error.${key}`, { message: error?.message ?? "" }),
    todo: has(`todo.${key}`) ? t(`todo.${key}`) : t("todo.other"),
    // The reason is a person's words behind the colon; the rest is the servers' English.
    detail:
      code === "excluded"
        ? t("error.reason", { reason: error.message.replace(/^[^:]*: /, "") })
        : code
          ? t("error.detail", { code, message: error?.message ?? "" })
          : String(error?.message ?? error),
  };
}
