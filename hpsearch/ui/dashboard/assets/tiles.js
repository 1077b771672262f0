// The summary at the top: progress, best value, time left, and running trials.

import { big, h, quiet, show, study, trialLink } from "./dom.js";
import { count, duration, number, several, spread } from "./format.js";

const RUNNING_SHOWN = 6;

export function tiles(element, table) {
  const { head } = table;
  if (!element.firstChild)
    element.append(
      ...["round", "best", "left", "now"].map((name) => h("section.tile", { id: `tile-${name}` })),
    );
  const [round, best, left, now] = element.children;
  show(
    round,
    [head.plan.rounds, table.rounds.length, head.done, head.total, confirming(table)],
    progress,
  );
  show(best, [head.best, head.winners[0], head.metric, head.direction], leader);
  show(
    left,
    [head.state, head.seconds_left && duration(head.seconds_left), head.failures],
    timeLeft,
  );
  runningNow(now, table);
}

function confirming(table) {
  return [...table.running.keys()].some((running) => table.trials.get(running)?.role === "confirm");
}

function progress([rounds, begun, done, total, isConfirming]) {
  return [
    h("h2", "Rounds"),
    big(`${begun} of ${rounds}`, isConfirming && h("small", " confirming")),
    h("progress", { max: total, value: done, "aria-label": "Trials that have ended" }),
    quiet(`${count(done)} of ${several(total, "trial")}`),
  ];
}

function leader([best, winner, metric, direction]) {
  const heading = h("h2", `Best ${metric}`);
  const aim = quiet(direction === "minimize" ? "lower is better" : "higher is better");
  if (!best) return [heading, big("–"), aim];
  const link = (trial) => trialLink(study, trial.number, `trial ${trial.number}`, "best");
  if (!winner)
    return [
      heading,
      big(number(best.value)),
      quiet(link(best), ", one seed, not confirmed yet"),
      aim,
    ];
  const seeds = several(winner.confirmed.count, "fresh seed");
  return [
    heading,
    big(spread(winner.confirmed)),
    quiet(link(winner), ` over ${seeds}; ${number(winner.searched)} in the search`),
    tests(winner.metrics),
  ];
}

function tests(metrics) {
  const shown = Object.entries(metrics)
    .filter(([name]) => name.startsWith("test"))
    .slice(0, 2);
  return shown.length > 0 && quiet(shown.map(([name, of]) => `${name} ${spread(of)}`).join(" · "));
}

function timeLeft([state, left, failures]) {
  const failed = failures.reduce((sum, one) => sum + one.count, 0);
  const words = { running: left ?? "unknown", paused: left ?? "paused", failed: "ended" };
  const link = () =>
    h("a", { href: "#failures", "data-key": "failed" }, `${several(failed, "trial")} failed`);
  return [
    h("h2", state === "running" ? "Time left" : "Time"),
    big(words[state] ?? state),
    quiet(failed ? link() : "no trial failed"),
  ];
}

/** Running jobs: "2", or "groups of 13, 12" for fused ones. */
function jobsOf(jobs) {
  if (jobs.every((trials) => trials === 1)) return `${jobs.length}`;
  return `${jobs.length > 1 ? "groups" : "a group"} of ${jobs.join(", ")}`;
}

function runningNow(element, table) {
  const { head } = table;
  const devices = Object.entries(head.devices)
    .map(([device, jobs]) => `${jobsOf(jobs)} on ${device}`)
    .join(", ");
  const shown = [...table.running.values()].slice(0, RUNNING_SHOWN);
  const more = table.running.size - shown.length;
  const holder = head.holder && `process ${head.holder.pid} on ${head.holder.host}`;
  // The values change every second: the rows stay, so that a focused link stays focused.
  show(element, [shown.map((one) => one.number), devices, more, holder], ([numbers]) => [
    h("h2", "Running now"),
    numbers.length ? h("ul.running", numbers.map(runningRow)) : big("nothing"),
    quiet([devices, more > 0 && `${more} more`, holder].filter(Boolean).join(" · ")),
  ]);
  for (const one of shown) {
    const row = element.querySelector(`[data-number="${one.number}"]`);
    row.children[1].value = one.step / one.budget;
    const value = one.value === null ? "" : `${number(one.value, 3)} · `;
    row.children[2].textContent = `${value}${duration(one.seconds)}`;
  }
}

function runningRow(number) {
  return h(
    "li",
    { dataset: { number } },
    trialLink(study, number, `${number}`, `r${number}`),
    h("progress", { max: 1, value: 0, "aria-label": `Trial ${number}` }),
    h("span.quiet"),
  );
}
