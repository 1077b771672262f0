// A trial's parameters beside its parent's, their origin, and facts about the trial.

import { factList, h, listed, quiet, row, table, trialLink } from "./dom.js";
import { count, number, role, several } from "./format.js";

/** Where a trial's parameters come from; `link` shows the number of a trial. */
export function origin(trial, link) {
  if (trial.parent === null) return "sampled from the prior";
  if (trial.role !== "draw") return [`${role(trial.role)} of `, link(trial.parent)];
  const others = trial.donors.filter((donor) => donor !== trial.parent);
  const mixed = others.length > 0 && [", mixed with ", listed(others.map(link))];
  return ["sampled around ", link(trial.parent), mixed];
}

export function params(study, trial) {
  if (!trial.params.length) return quiet("This study has no parameters.");
  const value = (one) => h("td", number(one.value, 6));
  if (trial.parent === null) {
    const rows = trial.params.map((one) => row(one.name, [value(one)]));
    return table("Parameters", ["parameter", "value"], rows, { class: "params" });
  }
  const drawn = trial.role === "draw";
  const donor = (one) =>
    one.donor === null ? h("small", "the prior") : trialLink(study, one.donor);
  const rows = trial.params.map((one) => {
    const before = one.inherited ? number(one.parent, 6) : h("small", "inactive");
    const cells = [value(one), before, change(one), ...(drawn ? [donor(one)] : [])];
    return row(one.name, cells, { class: one.changed ? "changed" : "" });
  });
  const headings = ["parameter", "value", `trial ${trial.parent}`, "change"];
  if (drawn) headings.push("sampled around");
  return h(
    "div.scroll",
    table("Parameters beside the parent's", headings, rows, { class: "params" }),
  );
}

/** A parameter's change from the parent, on the parameter's scale. */
function change(one) {
  if (!one.changed) return h("small", "–");
  if (!one.inherited) return h("small", "new");
  if (one.choice || typeof one.value !== "number" || typeof one.parent !== "number")
    return h("small", "other");
  if (one.log) return h("small", `× ${number(one.value / one.parent, 3)}`);
  const by = one.value - one.parent;
  return h("small", `${by > 0 ? "+" : "−"}${number(Math.abs(by), 3)}`);
}

/** The trials of its fused group; the other trials are links. */
function group(study, trial) {
  return listed(
    trial.spec.group.map((number) =>
      number === trial.number ? `${number}` : trialLink(study, number, `${number}`, `g${number}`),
    ),
  );
}

export function facts(study, trial) {
  const inRound = trial.role === "draw" || trial.role === "continue";
  const all = [
    ["round", inRound && `${trial.round}, index ${trial.index}`],
    ["budget", several(trial.budget, "step")],
    ["seed", String(trial.seed)],
    ["recorded", trial.started],
    ["ended", trial.ended],
    ["device", trial.spec?.device],
    ["threads", trial.spec?.threads && count(trial.spec.threads)],
    ["group", trial.spec?.group?.length > 1 && group(study, trial)],
  ];
  return factList(all.filter(([, value]) => value));
}
