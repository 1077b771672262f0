// The list of run folders: state, best value, and the choice of studies to compare.

import { $, at, h, message, quiet, show, studyQuery, svg, table } from "./dom.js";
import { count, duration, number, several, spread } from "./format.js";
import { badge, tab } from "./icons.js";
import { follow } from "./polling.js";
import { key } from "./page.js";

const filter = $("#filter");
const list = $("#studies");
const chosen = new Set(new URLSearchParams(location.search).getAll("study"));
let known = { runs: "", studies: [] };

filter.value = new URLSearchParams(location.search).get("filter") ?? "";

function draw() {
  const wanted = filter.value.trim().toLowerCase();
  const studies = known.studies.filter((one) =>
    `${one.id} ${one.name} ${one.state}`.toLowerCase().includes(wanted),
  );
  show(list, [studies, wanted, known.runs], () => {
    if (!known.studies.length) return empty();
    if (!studies.length) return h("p.nothing", `No study matches “${filter.value}”.`);
    const compareHeading = h("span.hidden", "Compare");
    return table(
      "Studies",
      [compareHeading, "Study", "State", "Best", "Progress", "Best by round", "Time left"],
      studies.map(studyRow),
      { class: "studies" },
    );
  });
  compare();
}

function studyRow(one) {
  const check = h("input", {
    type: "checkbox",
    ".checked": chosen.has(one.id),
    "data-key": `c${one.id}`,
    "aria-label": `Compare ${one.id}`,
    onchange: (event) => choose(one.id, event.target.checked),
  });
  const name = h(
    "th",
    { scope: "row" },
    h("a", { href: at.study(one.id), "data-key": one.id }, one.id),
    one.name !== one.id && h("small.quiet", ` ${one.name}`),
  );
  const state = h("td", badge(one.state));
  if (one.state === "unreadable")
    return h("tr", h("td"), name, state, h("td.quiet", { colspan: "4" }, one.error));
  return h(
    "tr",
    h("td", check),
    name,
    state,
    h("td", bestOf(one)),
    h("td.of", progressOf(one)),
    h("td", spark(one.curve)),
    h("td.quiet", one.seconds_left === null ? "" : duration(one.seconds_left)),
  );
}

function bestOf({ winner, best, metric }) {
  const seeds = winner ? several(winner.confirmed.count, "seed") : best && "one seed";
  return [
    winner ? spread(winner.confirmed) : number(best?.value),
    h("div.quiet", seeds ? `${metric}, ${seeds}` : metric),
  ];
}

function progressOf(one) {
  const label = `Trials of ${one.id} that have ended`;
  return [
    h(
      "span.quiet",
      `round ${one.round + 1} of ${one.rounds} · ${count(one.done)} of ${count(one.total)} trials`,
      one.failed > 0 && ` · ${count(one.failed)} failed`,
    ),
    h("progress", { max: one.total, value: one.done, "aria-label": label }),
  ];
}

/** The best value of each round as a line; its label names the first and the last. */
function spark(curve) {
  const points = curve.map((value, i) => [i, value]).filter(([, value]) => value !== null);
  if (points.length < 2) return null;
  const values = points.map(([, value]) => value);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const at = ([i, value]) =>
    [
      2 + (92 * i) / (curve.length - 1),
      23 - 20 * (high > low ? (value - low) / (high - low) : 0.5),
    ].map((x) => x.toFixed(1));
  const last = at(points.at(-1));
  return svg(
    "svg.spark",
    {
      viewBox: "0 0 96 26",
      role: "img",
      "aria-label": `from ${number(values[0])} to ${number(values.at(-1))}`,
    },
    svg("path", { d: `M${points.map((point) => at(point).join(" ")).join("L")}` }),
    svg("circle", { cx: last[0], cy: last[1], r: 2.5 }),
  );
}

function empty() {
  return message(
    null,
    [h("b", "No study has started here yet."), " A study appears when a search runs:"],
    [h("code", `hpsearch run my_study.yaml --runs ${known.runs}`)],
    quiet(
      "or, in a checkout of hpsearch, ",
      h("code", "make sweep"),
      ", which trains GANs on real digits for three minutes.",
    ),
  );
}

function choose(id, yes) {
  if (yes) chosen.add(id);
  else chosen.delete(id);
  saveToUrl();
  compare();
}

/** The URL holds the choice, so that going back restores it. */
function saveToUrl() {
  const query = studyQuery([...chosen]);
  if (filter.value) query.set("filter", filter.value);
  history.replaceState(null, "", query.size ? `?${query}` : location.pathname);
}

function compare() {
  const link = $("#compare");
  const there = [...chosen].filter((id) => known.studies.some((one) => one.id === id));
  if (there.length >= 2) {
    link.href = at.compare(there);
    link.removeAttribute("aria-disabled");
    link.textContent = `Compare ${there.length} studies`;
  } else {
    link.removeAttribute("href");
    link.setAttribute("aria-disabled", "true");
    link.textContent = "Compare: choose two or more";
  }
}

function receive(answer) {
  known = answer;
  $("#runs").textContent = answer.runs;
  const running = answer.studies.filter((one) => one.state === "running").length;
  tab(
    `${running ? `${running} running · ` : ""}Studies · hpsearch`,
    running ? "running" : "finished",
  );
  draw();
  return running ? 1500 : 4000;
}

filter.addEventListener("input", () => {
  saveToUrl();
  draw();
});
key("/", "focus the filter", () => filter.focus());
follow(() => "/data/studies", receive);
