// The summary at the top: progress, best value, time left, and running trials.

import { h, show, study, trialLink } from "./dom.js";
import { count, duration, number, several, spread } from "./format.js";

const RUNNING_SHOWN = 6;

export function tiles(place, table) {
  const { head } = table;
  if (!place.firstChild)
    place.append(
      ...["round", "best", "left", "now"].map((name) =>
        h("section", { class: "tile", id: `tile-${name}` }),
      ),
    );
  const [round, best, left, now] = place.children;
  show(
    round,
    [head.plan.rounds, table.rounds.length, head.done, head.total, confirming(table)],
    progress,
  );
  show(best, [head.best, head.winners[0], head.metric, head.direction], leader);
  show(left, [head.state, head.seconds_left && duration(head.seconds_left), head.failures], timeLeft);
  runningNow(now, table);
}

function confirming(table) {
  return [...table.running.keys()].some((running) => table.trials.get(running)?.role === "confirm");
}

function title(words) {
  return h("h2", null, words);
}

function progress([rounds, begun, done, total, isConfirming]) {
  return [
    title("Rounds"),
    h(
      "p",
      { class: "big" },
      `${begun} of ${rounds}`,
      isConfirming && h("small", null, " confirming"),
    ),
    h("progress", { max: total, value: done, "aria-label": "Trials that have ended" }),
    h("p", { class: "quiet" }, `${count(done)} of ${several(total, "trial")}`),
  ];
}

function leader([best, winner, metric, direction]) {
  const heading = title(`Best ${metric}`);
  const aim = direction === "minimize" ? "lower is better" : "higher is better";
  if (winner) {
    return [
      heading,
      h("p", { class: "big" }, spread(winner.confirmed)),
      h(
        "p",
        { class: "quiet" },
        trialLink(study, winner.number, `trial ${winner.number}`, "best"),
        ` over ${several(winner.confirmed.count, "fresh seed")}; ${number(winner.searched)} in the search`,
      ),
      tests(winner.metrics),
    ];
  }
  if (best) {
    return [
      heading,
      h("p", { class: "big" }, number(best.value)),
      h(
        "p",
        { class: "quiet" },
        trialLink(study, best.number, `trial ${best.number}`, "best"),
        ", one seed, not confirmed yet",
      ),
      h("p", { class: "quiet" }, aim),
    ];
  }
  return [heading, h("p", { class: "big" }, "–"), h("p", { class: "quiet" }, aim)];
}

function tests(metrics) {
  const found = Object.entries(metrics).filter(([name]) => name.startsWith("test"));
  if (!found.length) return null;
  return h(
    "p",
    { class: "quiet" },
    found.slice(0, 2).map(([name, of], i) => [i ? " · " : "", `${name} ${spread(of)}`]),
  );
}

function timeLeft([state, left, failures]) {
  const failed = failures.reduce((sum, one) => sum + one.count, 0);
  const words =
    {
      running: left ?? "unknown",
      finished: "finished",
      failed: "ended",
      paused: left ?? "paused",
      interrupted: "interrupted",
    }[state] ?? "–";
  return [
    title(state === "running" ? "Time left" : "Time"),
    h("p", { class: "big" }, words),
    h(
      "p",
      { class: "quiet" },
      failed
        ? h("a", { href: "#failures", "data-key": "failed" }, `${several(failed, "trial")} failed`)
        : "no trial failed",
    ),
  ];
}

/** Running jobs: "2", or "groups of 13, 12" for fused ones. */
function jobsOf(jobs) {
  if (jobs.every((trials) => trials === 1)) return `${jobs.length}`;
  return `${jobs.length > 1 ? "groups" : "a group"} of ${jobs.join(", ")}`;
}

function runningNow(place, table) {
  const { head } = table;
  const devices = Object.entries(head.devices)
    .map(([device, jobs]) => `${jobsOf(jobs)} on ${device}`)
    .join(", ");
  const shown = [...table.running.values()].slice(0, RUNNING_SHOWN);
  const more = table.running.size - shown.length;
  // The values change every second: the rows stay, so that a link keeps the focus.
  if (
    show(place, [shown.map((one) => one.number), devices, more, head.holder?.host], () => [
      title("Running now"),
      shown.length
        ? h(
            "ul",
            { class: "running" },
            shown.map((one) =>
              h(
                "li",
                { dataset: { number: one.number } },
                trialLink(study, one.number, `${one.number}`, `r${one.number}`),
                h("progress", { max: 1, value: 0, "aria-label": `Trial ${one.number}` }),
                h("span", { class: "quiet" }),
              ),
            ),
          )
        : h("p", { class: "big" }, "nothing"),
      h(
        "p",
        { class: "quiet" },
        [
          devices,
          more > 0 && `${more} more`,
          head.holder && `process ${head.holder.pid} on ${head.holder.host}`,
        ]
          .filter(Boolean)
          .join(" · "),
      ),
    ]) ||
    shown.length
  ) {
    for (const one of shown) {
      const row = place.querySelector(`[data-number="${one.number}"]`);
      row.children[1].value = one.step / one.budget;
      row.children[2].textContent =
        one.value === null
          ? duration(one.seconds)
          : `${number(one.value, 3)} · ${duration(one.seconds)}`;
    }
  }
}
