// Two languages: the words are in lang/, by the same keys. The choice is remembered in this
// browser.
import { de } from "../lang/de.js";
import { en } from "../lang/en.js";

export const languages = { en: { name: "English", texts: en }, de: { name: "Deutsch", texts: de } };
const kept = "evote language";
const listeners = new Set();

function first() {
  const wanted = [remembered(), ...(navigator.languages ?? [])].map((tag) =>
    String(tag).slice(0, 2),
  );
  return wanted.find((tag) => Object.hasOwn(languages, tag)) ?? "en";
}
function remembered() {
  try {
    return localStorage.getItem(kept);
  } catch {
    return null; // storage may be forbidden; then the choice lasts as long as the page
  }
}

export let language = first();
document.documentElement.lang = language;

export function setLanguage(tag) {
  language = tag;
  document.documentElement.lang = tag;
  try {
    localStorage.setItem(kept, tag);
  } catch {
    // as above
  }
  for (const listener of listeners) listener();
}
export const onLanguage = (listener) => listeners.add(listener);

export const has = (key) => Object.hasOwn(languages[language].texts, key);

/** The words for `key`. `{name}` stands for params.name; {one, other} is chosen by params.n. */
export function t(key, params = {}) {
  let text = languages[language].texts[key];
  if (text === undefined) throw new Error(`no words for ${key}`);
  if (typeof text === "object")
    text = text[new Intl.PluralRules(language).select(params.n)] ?? text.other;
  return text.replace(/\{(\w+)\}/g, (all, name) => {
    const value = params[name];
    return typeof value === "number" ? count(value) : String(value ?? all);
  });
}

/** Numbers and dates as this person's country writes them, if the language is spoken there. */
const locale = () =>
  (navigator.languages ?? []).find((tag) => tag.startsWith(language)) ?? language;

export const count = (n) => new Intl.NumberFormat(locale()).format(n);
export const percent = (part, whole) =>
  new Intl.NumberFormat(locale(), { style: "percent", maximumFractionDigits: 1 }).format(
    whole ? part / whole : 0,
  );
export const moment = (us) =>
  us === null || us === undefined
    ? "–"
    : new Intl.DateTimeFormat(locale(), { dateStyle: "medium", timeStyle: "short" }).format(
        new Date(us / 1000),
      );
export const list = (items) => new Intl.ListFormat(language).format(items.map(String));
/** "in 3 hours" */
export function until(us) {
  const minutes = (us / 1000 - Date.now()) / 60_000;
  const [n, unit] =
    Math.abs(minutes) < 90
      ? [minutes, "minute"]
      : Math.abs(minutes) < 48 * 60
        ? [minutes / 60, "hour"]
        : [minutes / 1440, "day"];
  return new Intl.RelativeTimeFormat(language).format(Math.round(n), unit);
}
