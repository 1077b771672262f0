// Compares studies: their winners, parameters and progress.

import { $, at, h, message, show, trialLink } from "./dom.js";
import { Figures } from "./figures.js";
import { count, number, spread } from "./format.js";
import { badge, tab } from "./icons.js";
import { follow } from "./polling.js";
import "./page.js";

const names = new URLSearchParams(location.search).getAll("study");
const query = new URLSearchParams(names.map((name) => ["study", name]));
const figures = new Figures((x) => `/data/compare/figure?x=${x}&${query}`);
$("#choose").href = `/?${query}`;
let done = null;

function take({ studies }) {
  tab(
    `${studies.map((one) => one.id).join(", ")} · compared`,
    studies.some((one) => one.state === "running") ? "running" : "finished",
  );
  const metrics = new Set(studies.map((one) => `${one.metric} ${one.direction}`));
  show($("#notice"), metrics.size, () =>
    metrics.size > 1
      ? message(
          "warn",
          h("p", null, "These studies have different objectives, so their values do not compare."),
        )
      : [],
  );
  show(
    $("#table"),
    studies.map((one) => ({ ...one, running: 0, seconds_left: 0 })),
    () => table(studies, metrics.size === 1),
  );
  const now = studies.map((one) => one.done).join();
  if (now !== done) figures.touch();
  done = now;
  return studies.some((one) => one.state === "running") ? 2000 : 6000;
}

function table(studies, comparable) {
  const row = (heading, cells, kind = "") =>
    h(
      "tr",
      { class: kind },
      h("th", { scope: "row" }, heading),
      cells.map((cell) =>
        cell instanceof HTMLElement && cell.tagName === "TD" ? cell : h("td", null, cell),
      ),
    );
  const group = (words) =>
    h("tr", { class: "group" }, h("th", { scope: "rowgroup", colspan: studies.length + 1 }, words));
  const winners = studies.map((one) => one.winners[0]);
  const best = comparable ? winnerOf(studies) : -1;
  const metrics = [
    ...new Set(winners.flatMap((winner) => Object.keys(winner?.metrics ?? {}))),
  ].filter((name) => !(comparable && name === studies[0].metric));
  const params = [...new Set(studies.flatMap((one) => Object.keys(leader(one)?.params ?? {})))];
  return h(
    "div",
    { class: "scroll" },
    h(
      "table",
      { class: "compared" },
      h("caption", { class: "hidden" }, "Studies side by side"),
      h(
        "thead",
        null,
        h(
          "tr",
          null,
          h("td"),
          studies.map((one) =>
            h("th", { scope: "col" }, h("a", { href: at.study(one.id) }, one.id)),
          ),
        ),
      ),
      h(
        "tbody",
        null,
        row(
          "state",
          studies.map((one) => badge(one.state)),
        ),
        row(
          comparable ? studies[0].metric : "objective",
          studies.map((one, i) =>
            h(
              "td",
              { class: i === best ? "best" : "" },
              comparable ? "" : `${one.metric} `,
              winners[i]
                ? spread(winners[i].confirmed)
                : [number(one.best?.value), one.best && h("small", null, " one seed")],
              i === best && h("small", null, " best mean"),
            ),
          ),
        ),
        row(
          "in the search",
          studies.map((one, i) => number(winners[i]?.searched ?? one.best?.value)),
        ),
        row(
          "trial",
          studies.map((one) =>
            leader(one)
              ? trialLink(one.id, leader(one).number)
              : "–",
          ),
        ),
        row(
          "rounds × trials",
          studies.map((one) => `${one.plan.rounds} × ${one.plan.trials}`),
        ),
        row(
          "ended",
          studies.map((one) => `${count(one.done)} of ${count(one.total)}`),
        ),
        metrics.length > 0 && group("Other metrics of the winner"),
        metrics.map((name) =>
          row(
            name,
            winners.map((winner) => spread(winner?.metrics[name])),
          ),
        ),
        params.length > 0 && group("Its parameters; differing ones are highlighted"),
        params.map((name) => {
          const values = studies.map((one) => leader(one)?.params[name]);
          return row(
            name,
            values.map((value) => (value === undefined ? "–" : number(value, 5))),
            differ(values) ? "differs" : "",
          );
        }),
      ),
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
  $("#table").replaceChildren(
    h(
      "p",
      { class: "nothing" },
      "Choose two or more studies on the ",
      h("a", { href: `/?${query}` }, "page of all studies"),
      ".",
    ),
  );
} else {
  follow(() => `/data/compare?${query}`, take, {
    refused: (error) => show($("#notice"), error.message, () => message("warn", h("p", null, error.message))),
  });
}
