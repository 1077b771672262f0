// Compares studies: their winners, parameters and progress.

import { $, at, h, message, row, show, showRefusal, studyQuery, table, trialLink } from "./dom.js";
import { Figures } from "./figures.js";
import { count, number, spread } from "./format.js";
import { badge, tab } from "./icons.js";
import { follow } from "./polling.js";
import "./page.js";

const names = new URLSearchParams(location.search).getAll("study");
const query = studyQuery(names);
const figures = new Figures((x) => `/data/compare/figure?x=${x}&${query}`);
$("#choose").href = `/?${query}`;
let done = null;

function receive({ studies }) {
  tab(
    `${studies.map((one) => one.id).join(", ")} · compared`,
    studies.some((one) => one.state === "running") ? "running" : "finished",
  );
  const metrics = new Set(studies.map((one) => `${one.metric} ${one.direction}`));
  show($("#notice"), metrics.size, () =>
    metrics.size > 1
      ? message("warn", "These studies have different objectives; their values do not compare.")
      : [],
  );
  show(
    $("#table"),
    studies.map((one) => ({ ...one, running: 0, seconds_left: 0 })),
    () => comparison(studies, metrics.size === 1),
  );
  const now = studies.map((one) => one.done).join();
  if (now !== done) figures.invalidate();
  done = now;
  return studies.some((one) => one.state === "running") ? 2000 : 6000;
}

function comparison(studies, comparable) {
  const group = (words) =>
    h("tr.group", h("th", { scope: "rowgroup", colspan: studies.length + 1 }, words));
  const each = (heading, cell) => row(heading, studies.map(cell));
  const metrics = new Set(studies.flatMap((one) => Object.keys(one.winners[0]?.metrics ?? {})));
  if (comparable) metrics.delete(studies[0].metric);
  const params = [...new Set(studies.flatMap((one) => Object.keys(leader(one)?.params ?? {})))];
  const links = studies.map((one) => h("a", { href: at.study(one.id) }, one.id));
  const rows = [
    each("state", (one) => badge(one.state)),
    row(comparable ? studies[0].metric : "objective", objectives(studies, comparable)),
    each("in the search", (one) => number(one.winners[0]?.searched ?? one.best?.value)),
    each("trial", (one) => (leader(one) ? trialLink(one.id, leader(one).number) : "–")),
    each("rounds × trials", (one) => `${one.plan.rounds} × ${one.plan.trials}`),
    each("ended", (one) => `${count(one.done)} of ${count(one.total)}`),
    metrics.size > 0 && group("Other metrics of the winner"),
    [...metrics].map((name) => each(name, (one) => spread(one.winners[0]?.metrics[name]))),
    params.length > 0 && group("Its parameters; differing ones are highlighted"),
    params.map((name) => {
      const values = studies.map((one) => leader(one)?.params[name]);
      return row(
        name,
        values.map((value) => number(value, 5)),
        { class: differ(values) ? "differs" : "" },
      );
    }),
  ];
  const headings = [h("span.hidden", "Property"), ...links];
  return h("div.scroll", table("Studies side by side", headings, rows, { class: "compared" }));
}

/** A cell per study: its confirmed mean, else its best value. */
function objectives(studies, comparable) {
  const best = comparable ? winnerOf(studies) : -1;
  return studies.map((one, i) =>
    h(
      "td",
      { class: i === best ? "best" : "" },
      comparable ? "" : `${one.metric} `,
      one.winners.length
        ? spread(one.winners[0].confirmed)
        : [number(one.best?.value), one.best && h("small", " one seed")],
      i === best && h("small", " best mean"),
    ),
  );
}

/** Whether studies that have a parameter disagree on it. */
function differ(values) {
  return new Set(values.filter((value) => value !== undefined)).size > 1;
}

/** The confirmed winner, else the best trial. */
function leader(one) {
  return one.winners[0] ?? one.best;
}

/** Index of the study with the best confirmed mean; -1 if none, or one alone, is confirmed. */
function winnerOf(studies) {
  const sign = studies[0]?.direction === "minimize" ? 1 : -1;
  const known = studies
    .map((one, i) => [sign * (one.winners[0]?.confirmed.mean ?? Infinity), i])
    .filter(([mean]) => Number.isFinite(mean));
  return known.length > 1 ? known.sort((a, b) => a[0] - b[0])[0][1] : -1;
}

if (names.length < 2) {
  const link = h("a", { href: `/?${query}` }, "page of all studies");
  $("#table").replaceChildren(h("p.nothing", "Choose two or more studies on the ", link, "."));
} else {
  follow(() => `/data/compare?${query}`, receive, { refused: showRefusal });
}
