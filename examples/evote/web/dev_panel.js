// The development panel: buttons that hurt a server, to watch that nothing is lost. Only `prytany
// dev` answers what it asks; anywhere else the panel stays hidden, and nothing is asked unless
// genesis says that the cluster is for development.
//
//   GET /dev/replicas            {"replicas": [{"id": 2, "state": "running",
//                                              "actions": ["kill", "lie"]}]}
//                                404: this is not `prytany dev`
//   POST /dev/replicas/2/kill    200, empty; the new state is in the next GET
//
// `state` is running, stopped, or lying. `actions` are what may be done to this replica now; one
// button each. Known: kill, start, lie, stop_lying; a button of an unknown one shows its own name.

const everyMs = 2000;

/** Fills `section` if there is something to show. Returns what draws it in another language. */
export async function showDevPanel(section, { t, el, fill }) {
  let replicas = await ask();
  if (!replicas) return () => {};

  const words = (kind, name) => {
    try {
      return t(`dev.${kind}.${name}`);
    } catch {
      return name;
    }
  };
  async function act(id, action) {
    await fetch(`/dev/replicas/${id}/${action}`, { method: "POST" });
    await look();
  }
  const button = (id, action, name) =>
    el(
      "button",
      {
        type: "button",
        id: `dev-${action}-${id}`,
        "aria-label": `${words("action", action)}: ${name}`,
        onclick: () => act(id, action),
      },
      words("action", action),
    );
  function server({ id, state, actions }) {
    const name = t("dev.server", { id: String(id) });
    return el(
      "li",
      {},
      el(
        "div",
        {},
        el("b", {}, name),
        el("span", {}, words("state", state)),
        el(
          "span",
          { class: "actions" },
          actions.map((action) => button(id, action, name)),
        ),
      ),
    );
  }
  function draw() {
    const held = section.contains(document.activeElement) && document.activeElement.id;
    section.hidden = false;
    fill(
      section,
      el("h2", { id: "dev-title" }, t("dev.title")),
      el("p", {}, t("dev.what")),
      el("ul", { class: "servers" }, replicas.map(server)),
    );
    // The button that was pressed may be gone: then the focus goes to another of the same server.
    if (held)
      (
        document.getElementById(held) ??
        section.querySelector(`[id$="${held.slice(held.lastIndexOf("-"))}"]`)
      )?.focus();
  }
  async function look() {
    const now = await ask().catch(() => null);
    if (!now || JSON.stringify(now) === JSON.stringify(replicas)) return;
    replicas = now;
    draw();
  }
  draw();
  setInterval(look, everyMs);
  return draw;
}

async function ask() {
  const answer = await fetch("/dev/replicas").catch(() => null);
  return answer?.ok ? (await answer.json()).replicas : null;
}
