// A trial's parameters beside its parent's, and facts about the trial.

import { h, table, trialLink } from "./dom.js";
import { count, number, several } from "./format.js";

export function params(study, trial) {
  if (!trial.params.length) return h("p", { class: "quiet" }, "This study has no parameters.");
  if (trial.parent === null) {
    return table(
      "Parameters",
      ["parameter", "value"],
      trial.params.map((one) =>
        h("tr", null, h("th", { scope: "row" }, one.name), h("td", null, number(one.value, 6))),
      ),
      { class: "params" },
    );
  }
  const rows = trial.params.map((one) =>
    h(
      "tr",
      { class: one.changed ? "changed" : "" },
      h("th", { scope: "row" }, one.name),
      h("td", null, number(one.value, 6)),
      h("td", null, one.inherited ? number(one.parent, 6) : h("small", null, "inactive")),
      h("td", null, change(one)),
      trial.role === "draw" &&
        h(
          "td",
          null,
          one.donor === null
            ? h("small", null, "the prior")
            : trialLink(study, one.donor),
        ),
    ),
  );
  const headings = ["parameter", "value", `trial ${trial.parent}`, "change"];
  if (trial.role === "draw") headings.push("sampled around");
  return h(
    "div",
    { class: "scroll" },
    table("Parameters beside the parent's", headings, rows, { class: "params" }),
  );
}

/** A parameter's change from the parent, on the parameter's scale. */
function change(one) {
  if (!one.changed) return h("small", null, "–");
  if (!one.inherited) return h("small", null, "new");
  if (one.choice || typeof one.value !== "number" || typeof one.parent !== "number")
    return h("small", null, "other");
  if (one.log) return h("small", null, `× ${number(one.value / one.parent, 3)}`);
  const by = one.value - one.parent;
  return h("small", null, `${by > 0 ? "+" : "−"}${number(Math.abs(by), 3)}`);
}

/** The trials of its fused group; the other trials are links. */
function group(study, trial) {
  return trial.spec.group.flatMap((number, i) => [
    i ? ", " : "",
    number === trial.number ? `${number}` : trialLink(study, number, `${number}`, `g${number}`),
  ]);
}

export function facts(study, trial) {
  const shown = [
    [
      "round",
      trial.role === "draw" || trial.role === "continue"
        ? `${trial.round}, index ${trial.index}`
        : null,
    ],
    ["budget", several(trial.budget, "step")],
    ["seed", String(trial.seed)],
    ["recorded", trial.started],
    ["ended", trial.ended],
    ["device", trial.spec?.device],
    ["threads", trial.spec?.threads && count(trial.spec.threads)],
    ["group", trial.spec?.group?.length > 1 ? group(study, trial) : null],
  ].filter(([, value]) => value);
  return h(
    "dl",
    { class: "facts" },
    shown.map(([name, value]) => [h("dt", null, name), h("dd", null, value)]),
  );
}
