// Personal codes: 26 digits of Crockford's base 32, as people type and read them.
import { t } from "./i18n.js";

const length = 26;

export const plainCode = (typed) => typed.replace(/[\s-]/g, "");

/** null, or in words what is wrong with a code as it was typed. */
export function codeTrouble(typed) {
  const plain = plainCode(typed);
  const strange = [...plain].find((c) => !/[0-9A-TV-Za-tv-z]/.test(c));
  if (plain.length === 0) return t("code.none");
  if (strange) return t("code.strange", { c: strange });
  if (plain.length < length) return t("code.short", { n: plain.length, all: length });
  if (plain.length > length) return t("code.long", { n: plain.length, all: length });
  return null;
}
export const codeCount = (typed) => t("code.count", { n: plainCode(typed).length, all: length });

/** "A B C D, E F G H": what a screen reader should say for a code in groups. */
export const spelled = (code) =>
  code
    .split("-")
    .map((group) => [...group].join(" "))
    .join(", ");
