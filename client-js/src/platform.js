// What the language and the platform give, by names of our own: those of globals are in every page
// that loads a minified copy as often as they are used.
export const assign = Object.assign;
export const entries = Object.entries;
export const isArray = Array.isArray;
export const here = globalThis;
export const later = setTimeout;
export const cancel = clearTimeout;
