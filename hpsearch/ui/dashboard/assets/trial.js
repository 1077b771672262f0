// The page of a trial: parameters, curves, artifacts, log and record.

import { act, trialActions } from "./actions.js";
import { showArtifacts } from "./artifacts.js";
import {
  $,
  at,
  big,
  factList,
  h,
  mayAct,
  message,
  quiet,
  show,
  showRefusal,
  study,
  tile,
  trialLink,
} from "./dom.js";
import { Figures } from "./figures.js";
import { count, duration, number, reason, role } from "./format.js";
import { badge, tab } from "./icons.js";
import { follow } from "./polling.js";
import { Log } from "./log.js";
import { copied, key } from "./page.js";
import { facts, origin, params } from "./params.js";

const OTHERS_SHOWN = 6; // metrics besides the objective
const me = Number(document.body.dataset.trial);
const data = (rest = "") => at.data(study, `/trial/${me}${rest}`);
const log = new Log($("#log"), $("#log-acts"), data("/log"));
const figures = new Figures((_, columns) => data(`/curves?columns=${columns}`));
let neighbors = { previous: null, next: null };
let steps = null; // of the curves that are drawn

function receive(trial) {
  const ended = { fail: "failed", complete: "complete" }[trial.state];
  const look = ended ?? (trial.running ? "running" : "waiting");
  const done = trial.budget ? trial.steps / trial.budget : 0;
  tab(`Trial ${me} · ${study} · ${look}`, look, done);
  document.body.classList.remove("bare");
  show($("#state"), [look, trial.reason], () => [
    badge(look, look === "failed" ? `failed: ${trial.reason.replaceAll("_", " ")}` : undefined),
    look === "complete" && trial.reason && h("span.chip", trial.reason),
  ]);
  show($("#acts"), [trial.state, trial.role], () => trialActions(study, trial));
  neighbors = trial.neighbors;
  show($("#neighbors"), neighbors, neighborLinks);
  show($("#notice"), [trial.state, trial.reason, trial.message], () => notice(trial));
  const { value, metrics, seconds, step_seconds } = trial;
  show($("#tiles"), [value, metrics, look, trial.steps, trial.budget, seconds, step_seconds], () =>
    tiles(trial, look),
  );
  const { parent, donors, weights_of } = trial;
  show($("#ancestry"), [trial.role, parent, donors, weights_of], () => ancestry(trial));
  show($("#params"), trial.params, () => params(study, trial));
  const { round, budget, seed, started } = trial;
  show($("#facts"), [round, budget, seed, trial.ended, started, trial.spec?.group], () =>
    facts(study, trial),
  );
  show($("#children"), trial.children, children);
  show($("#record"), [trial.spec, trial.result, trial.command], () => record(trial));
  showArtifacts($("#artifacts"), trial, study);
  note(trial);
  const drawn = `${trial.steps} ${trial.state}`;
  if (drawn !== steps && trial.steps > 0) figures.invalidate();
  steps = drawn;
  log.grows = trial.state === "running";
  log.read();
  return trial.state === "running" ? 1000 : 5000;
}

function neighborLinks({ previous, next }) {
  const link = (to, words, label) =>
    h(
      "a.button.small",
      {
        href: to === null ? null : at.trial(study, to),
        "aria-disabled": to === null ? "true" : null,
        "data-key": words,
        "aria-label": label,
        role: to === null ? "link" : null,
      },
      words,
    );
  return [link(previous, "← previous", "Previous trial"), link(next, "next →", "Next trial")];
}

function notice(trial) {
  if (trial.state !== "fail") return [];
  const why = h("b", `The trial failed: ${reason(trial.reason)}.`);
  return message("bad", [why], trial.message && h("pre", trial.message));
}

const CAPTIONS = {
  complete: "final value",
  failed: "no value",
  running: "latest value",
  waiting: "not started",
};

function tiles(trial, look) {
  const { [trial.objective]: last = null, ...others } = trial.metrics;
  const rest = Object.entries(others).slice(0, OTHERS_SHOWN);
  const ended = trial.ended ? `ended ${trial.ended}` : "";
  return [
    tile(
      "Steps",
      big(count(trial.steps)),
      h("progress", { max: trial.budget, value: trial.steps, "aria-label": "Steps" }),
      quiet(`of ${count(trial.budget)}`),
    ),
    tile(
      trial.objective,
      big(number(trial.value ?? (look === "failed" ? null : last), 5)),
      quiet(CAPTIONS[look]),
    ),
    tile(
      "Time",
      big(duration(trial.seconds)),
      quiet(look === "running" ? "running" : ended),
      trial.step_seconds !== null && quiet(`${number(1000 * trial.step_seconds, 3)} ms per step`),
    ),
    tile(
      "Other metrics",
      rest.length ? factList(rest.map(([name, value]) => [name, number(value, 5)])) : quiet("none"),
    ),
  ];
}

function ancestry(trial) {
  return [
    origin(trial, (number) => trialLink(study, number, `trial ${number}`)),
    trial.weights_of !== null && ", starts from its weights",
  ];
}

function children(trials) {
  if (!trials.length) return quiet("No trial continues, confirms or reruns this one.");
  return h(
    "ul.children",
    trials.map((child) =>
      h(
        "li",
        trialLink(study, child.number, `trial ${child.number}`),
        h("span.quiet", role(child.role)),
        h("span", number(child.value)),
      ),
    ),
  );
}

function record(trial) {
  const file = (name, content) =>
    content &&
    h(
      "details",
      h("summary", name),
      h("pre.log", { tabindex: "0", "aria-label": name }, JSON.stringify(content, null, 2)),
    );
  return [
    quiet("To retrain this trial in a separate folder:"),
    copied(trial.command, "the command"),
    copied(trial.folder, "the folder"),
    file("spec.json", trial.spec),
    file("result.json", trial.result),
  ];
}

let written = null; // the note that is shown

function note(trial) {
  const panel = $("#note");
  panel.hidden = !mayAct && !trial.note;
  if (panel.hidden || written === trial.note) return;
  const field = $("textarea", panel);
  if (field && field.value !== written) return; // the user is editing it
  written = trial.note;
  const form = h(
    "form.note-form",
    {
      onsubmit: async (event) => {
        event.preventDefault();
        const text = $("textarea", form).value;
        if (await act(study, { act: "note", trial: me, text })) written = text.trim();
      },
    },
    h("textarea", { "aria-labelledby": "note-title", maxlength: "10000", ".value": trial.note }),
    h("button.button.small", "Save"),
  );
  panel.replaceChildren(panel.firstElementChild, mayAct ? form : h("p.note-text", trial.note));
}

function refused(error) {
  document.body.classList.add("bare");
  showRefusal(error);
}

const go = (to) => to !== null && location.assign(at.trial(study, to));
key("j", "next trial of the round", () => go(neighbors.next));
key("k", "previous trial of the round", () => go(neighbors.previous));
key("g o", "go to the study", () => location.assign(at.study(study)));
follow(() => data(), receive, { refused });
