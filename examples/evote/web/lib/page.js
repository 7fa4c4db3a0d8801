// What all pages share: genesis and the cluster, header and footer, the servers' panel, and one
// place where content is shown, so that it can be said again in the other language.
import { Cluster, fingerprint, problem } from "../prytany-client.js";
import { showDevPanel } from "../dev_panel.js";
import { announce, el, fill, notice } from "./dom.js";
import { explain } from "./errors.js";
import { language, languages, onLanguage, setLanguage, t } from "./i18n.js";
import { Servers, showServers } from "./servers.js";

const pages = ["index", "vote", "board", "results", "audit", "official"];
const patienceMs = 1500;
const main = document.getElementById("main");

let page = "index";
let render = () => [];

/**
 * Shows what `view` returns, now and whenever the language changes. With `focus`, its heading gets
 * the focus, so that a screen reader begins to read there: for a new step, not for an update.
 */
export function show(view, { focus = false } = {}) {
  render = view;
  draw();
  if (!focus) return;
  const target = main.querySelector("[data-focus]") ?? main.querySelector("h1");
  target?.setAttribute("tabindex", "-1");
  target?.focus();
  scrollTo({ top: 0 });
}

const focusable = () => [
  ...main.querySelectorAll("a, button, input, textarea, summary, [tabindex]"),
];

/** Draws again where it is: whoever has the focus keeps it, and what was unfolded stays so. */
export function draw() {
  const active = document.activeElement;
  const held = main.contains(active) && {
    id: active.id,
    tag: active.tagName,
    place: focusable().indexOf(active),
  };
  const unfolded = [...main.querySelectorAll("details[id][open]")].map(({ id }) => id);
  const scroll = scrollY;
  fill(main, render());
  for (const id of unfolded) document.getElementById(id)?.setAttribute("open", "");
  document.title = `${main.querySelector("h1").textContent} – ${t("app.name")}`;
  if (!held) return;
  // What has no name is found by its place, if the same kind of thing is there now.
  if (held.tag === "H1") main.querySelector("h1").setAttribute("tabindex", "-1");
  const again = held.id ? document.getElementById(held.id) : focusable()[held.place];
  if (again?.tagName !== held.tag) return;
  again.focus({ preventScroll: true });
  scrollTo({ top: scroll });
}

function drawFrame() {
  const here = page === "recount" ? "results" : page;
  document.getElementById("skip").textContent = t("app.skip");
  fill(
    document.getElementById("header"),
    el(
      "div",
      { class: "bar" },
      el(
        "a",
        { class: "brand", href: "./" },
        el("img", { src: "icon.svg", alt: "", width: "28", height: "28" }),
        t("app.name"),
      ),
      el(
        "nav",
        { "aria-label": t("app.nav") },
        el(
          "ul",
          {},
          pages.map((name) =>
            el(
              "li",
              {},
              el(
                "a",
                {
                  href: name === "index" ? "./" : `${name}.html`,
                  "aria-current": name === here ? "page" : undefined,
                },
                t(`nav.${name}`),
              ),
            ),
          ),
        ),
      ),
      el(
        "div",
        { class: "languages", role: "group", "aria-label": t("app.language") },
        Object.entries(languages).map(([tag, { name }]) =>
          el(
            "button",
            {
              id: `language-${tag}`,
              type: "button",
              lang: tag,
              "aria-pressed": String(tag === language),
              onclick: () => setLanguage(tag),
            },
            name,
          ),
        ),
      ),
    ),
  );
  fill(
    document.getElementById("footer"),
    el(
      "div",
      { class: "limits" },
      el("h2", {}, t("limits.title")),
      el("p", {}, t("limits.secrecy")),
      el("p", {}, t("limits.more"), " ", el("a", { href: "safety.html" }, t("nav.safety")), "."),
    ),
  );
}

/** connect-src as narrow as genesis allows: policies add up, so this can only take away. */
function narrowPolicy(replicas) {
  const hosts = replicas.flatMap(({ url }) => [
    new URL(url).origin,
    new URL(url.replace(/^ws/, "http")).origin,
  ]);
  document.head.append(
    el("meta", {
      "http-equiv": "Content-Security-Policy",
      content: `connect-src 'self' ${hosts.join(" ")}`,
    }),
  );
}

const failure = ({ code, message }) => Object.assign(new Error(message), { code });

async function loadGenesis() {
  const trouble = await problem();
  if (trouble) throw failure(trouble);
  const answer = await fetch("genesis.json", { cache: "no-store" });
  if (!answer.ok)
    throw failure({ code: "bad_genesis", message: `${answer.status} ${answer.statusText}` });
  return answer.text();
}

export function showError(error, servers) {
  const trouble = explain(error);
  const shutOut =
    error.kind === "no_quorum" && servers?.replicas.some(({ id }) => servers.shutsOut(id));
  show(() => [
    el("h1", {}, t("error.title")),
    notice(
      "bad",
      el("p", {}, el("strong", {}, trouble.title)),
      el("p", {}, shutOut ? t("todo.shut_out", { origin: location.origin }) : trouble.todo),
      el("p", { class: "small" }, trouble.detail),
    ),
    el(
      "p",
      {},
      el(
        "button",
        { type: "button", class: "main", onclick: () => location.reload() },
        t("app.again"),
      ),
    ),
  ]);
}

/** Until every server has connected or failed to, so that a first answer has all voices. */
function everybodyTried(cluster) {
  const tried = new Set();
  return new Promise((resolve) => {
    const heard = ({ replica }) => {
      tried.add(replica);
      if (tried.size === cluster.replicas.length) resolve();
    };
    for (const type of ["connect", "reconnecting"]) cluster.addEventListener(type, heard);
    setTimeout(resolve, patienceMs);
    cluster.connect().catch(() => {}); // who asks something will be told
  });
}

/** Runs one page: begin({cluster, genesis, servers, read}). */
export async function start(name, begin) {
  let servers;
  page = name;
  drawFrame();
  show(() => [el("h1", {}, t(`nav.${page}`)), el("p", { class: "waiting" }, t("app.connecting"))]);
  onLanguage(() => {
    drawFrame();
    draw();
    document.getElementById(`language-${language}`).focus();
    announce(t("app.language_now"));
  });
  try {
    const genesis = await loadGenesis();
    const cluster = await Cluster.open(genesis, { timeout: 20_000 });
    narrowPolicy(cluster.replicas);
    servers = new Servers(cluster);
    const redraw = () => showServers(servers, cluster);
    servers.addEventListener("change", redraw);
    onLanguage(redraw);
    redraw();
    if (cluster.development)
      onLanguage(await showDevPanel(document.getElementById("dev"), { t, el, fill }));
    servers.compareGenesis(fingerprint);
    await everybodyTried(cluster);
    await begin({
      cluster,
      genesis,
      servers,
      read: (procedure, args, options) => servers.read(procedure, args, options),
    });
  } catch (error) {
    showError(error, servers);
    throw error;
  }
}
