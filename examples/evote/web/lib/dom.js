// Elements without a framework. Texts go in as text, never as HTML: nothing a server says becomes
// markup.

const asProperty = new Set([
  "value",
  "checked",
  "disabled",
  "hidden",
  "open",
  "selected",
  "htmlFor",
  "id",
  "indeterminate",
]);

/** el("button", {class: "main", onclick: act}, "Cast") */
export function el(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (asProperty.has(name)) node[name] = value;
    else node.setAttribute(name, value === true ? "" : value);
  }
  fill(node, ...children);
  return node;
}

export function fill(node, ...children) {
  node.replaceChildren(
    ...children.flat(Infinity).filter((c) => c !== null && c !== undefined && c !== false),
  );
  return node;
}

/** Says it to a screen reader, without moving the focus. */
export function announce(text) {
  const region = document.getElementById("status");
  // The same words twice are announced twice.
  region.textContent = region.textContent === text ? `${text}\u00a0` : text;
}

/** A drawing that only repeats what the words beside it say. */
export const mark = (kind) =>
  el(
    "span",
    { class: `mark ${kind}`, "aria-hidden": "true" },
    { good: "✓", bad: "✕", warn: "!", none: "○", wait: "…", info: "i" }[kind],
  );

export function notice(kind, ...children) {
  return el("div", { class: `notice ${kind}` }, mark(kind), el("div", {}, ...children));
}

/** A file for the person in front of the screen; it does not leave this machine. */
export function download(name, type, text) {
  const link = el("a", { href: URL.createObjectURL(new Blob([text], { type })), download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/**
 * Columns: [{title, number, wide}]; rows of texts or nodes. The first column heads its row. On a phone
 * a row of many columns becomes a block, with the title before each value; the roles keep it a table
 * for whoever does not see it.
 */
export function table(caption, columns, rows, { hideCaption = false } = {}) {
  const cell = (column, tag, props, content) =>
    el(
      tag,
      { ...props, class: column.number ? "number" : column.wide ? "wide" : undefined },
      content,
    );
  const head = { scope: "row", role: "rowheader" };
  return el(
    "div",
    { class: "scroll", role: "group", tabindex: "0", "aria-label": caption },
    el(
      "table",
      { role: "table", class: columns.length > 3 ? "blocks" : undefined },
      el("caption", { class: hideCaption ? "unseen" : undefined }, caption),
      el(
        "thead",
        { role: "rowgroup" },
        el(
          "tr",
          { role: "row" },
          columns.map((c) => cell(c, "th", { scope: "col", role: "columnheader" }, c.title)),
        ),
      ),
      el(
        "tbody",
        { role: "rowgroup" },
        rows.map((row) =>
          el(
            "tr",
            { role: "row" },
            row.map((content, i) =>
              i === 0
                ? cell(columns[i], "th", head, content)
                : cell(
                    columns[i],
                    "td",
                    { role: "cell", "data-title": columns[i].title },
                    el("div", {}, content),
                  ),
            ),
          ),
        ),
      ),
    ),
  );
}
