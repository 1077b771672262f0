// The page of a trial: parameters, curves, artifacts, log and record.

import { act, trialActions } from "./actions.js";
import { showArtifacts } from "./artifacts.js";
import { $, at, h, mayAct, message, show, study, trialLink } from "./dom.js";
import { Figures } from "./figures.js";
import { count, duration, number, reason, role } from "./format.js";
import { badge, tab } from "./icons.js";
import { follow } from "./polling.js";
import { Log } from "./log.js";
import { copyButton, key } from "./page.js";
import { facts, params } from "./params.js";

const me = Number(document.body.dataset.trial);
const data = (rest = "") => at.data(study, `/trial/${me}${rest}`);
const log = new Log($("#log"), $("#log-acts"), data("/log"));
const figures = new Figures((_, columns) => data(`/curves?columns=${columns}`));
let neighbors = { previous: null, next: null };
let steps = null; // of the curves that are drawn

function take(trial) {
  const look =
    trial.state === "fail"
      ? "failed"
      : trial.state === "running"
        ? trial.running
          ? "running"
          : "waiting"
        : "complete";
  const done = trial.budget ? trial.steps / trial.budget : 0;
  tab(`Trial ${me} · ${study} · ${look}`, look, done);
  document.body.classList.remove("bare");
  show($("#state"), [look, trial.reason], () => [
    badge(look, look === "failed" ? `failed: ${trial.reason.replaceAll("_", " ")}` : undefined),
    look === "complete" && trial.reason && h("span", { class: "chip" }, trial.reason),
  ]);
  show($("#acts"), [trial.state, trial.role], () => trialActions(study, trial));
  neighbors = trial.neighbors;
  show($("#neighbors"), neighbors, neighborLinks);
  show($("#notice"), [trial.state, trial.reason, trial.message], () => notice(trial));
  show(
    $("#tiles"),
    [trial.value, trial.metrics, look, trial.steps, trial.budget, trial.seconds, trial.step_seconds],
    () => tiles(trial, look),
  );
  show($("#ancestry"), [trial.role, trial.parent, trial.donors, trial.weights_of], () => ancestry(trial));
  show($("#params"), trial.params, () => params(study, trial));
  show(
    $("#facts"),
    [trial.round, trial.budget, trial.seed, trial.ended, trial.started, trial.spec?.group],
    () => facts(study, trial),
  );
  show($("#children"), trial.children, children);
  show($("#record"), [trial.spec, trial.result, trial.command], () => record(trial));
  showArtifacts($("#artifacts"), trial, study);
  note(trial);
  const drawn = `${trial.steps} ${trial.state}`;
  if (drawn !== steps && trial.steps > 0) figures.touch();
  steps = drawn;
  log.grows = trial.state === "running";
  log.read();
  return trial.state === "running" ? 1000 : 5000;
}

function neighborLinks({ previous, next }) {
  const link = (to, words, label) =>
    h(
      "a",
      {
        class: "button small",
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
  const why = reason(trial.reason);
  return message(
    "bad",
    h("p", null, h("b", null, `The trial failed: ${why}.`)),
    trial.message && h("pre", null, trial.message),
  );
}

function tiles(trial, look) {
  const { [trial.objective]: last = null, ...others } = trial.metrics;
  const tile = (heading, ...content) =>
    h("section", { class: "tile" }, h("h2", null, heading), content);
  const caption = {
    complete: "final value",
    failed: "no value",
    running: "latest value",
    waiting: "not started",
  }[look];
  const rest = Object.entries(others);
  return [
    tile(
      "Steps",
      h("p", { class: "big" }, count(trial.steps)),
      h("progress", { max: trial.budget, value: trial.steps, "aria-label": "Steps" }),
      h("p", { class: "quiet" }, `of ${count(trial.budget)}`),
    ),
    tile(
      trial.objective,
      h("p", { class: "big" }, number(trial.value ?? (look === "failed" ? null : last), 5)),
      h("p", { class: "quiet" }, caption),
    ),
    tile(
      "Time",
      h("p", { class: "big" }, duration(trial.seconds)),
      h(
        "p",
        { class: "quiet" },
        look === "running" ? "running" : trial.ended ? `ended ${trial.ended}` : "",
      ),
      trial.step_seconds !== null &&
        h("p", { class: "quiet" }, `${number(1000 * trial.step_seconds, 3)} ms per step`),
    ),
    tile(
      "Other metrics",
      rest.length
        ? h(
            "dl",
            { class: "facts" },
            rest
              .slice(0, 6)
              .map(([name, value]) => [h("dt", null, name), h("dd", null, number(value, 5))]),
          )
        : h("p", { class: "quiet" }, "none"),
    ),
  ];
}

function ancestry(trial) {
  const link = (number) => trialLink(study, number, `trial ${number}`);
  if (trial.role !== "draw") return [`${role(trial.role)} of `, link(trial.parent)];
  if (trial.parent === null) return "sampled from the prior";
  const others = trial.donors.filter((donor) => donor !== trial.parent);
  return [
    "sampled around ",
    link(trial.parent),
    others.length > 0 && [", mixed with ", others.map((one, i) => [i ? ", " : "", link(one)])],
    trial.weights_of !== null && ", starts from its weights",
  ];
}

function children(trials) {
  if (!trials.length)
    return h("p", { class: "quiet" }, "No trial continues, confirms or reruns this one.");
  return h(
    "ul",
    { class: "children" },
    trials.map((child) =>
      h(
        "li",
        null,
        trialLink(study, child.number, `trial ${child.number}`),
        h("span", { class: "quiet" }, role(child.role)),
        h("span", null, number(child.value)),
      ),
    ),
  );
}

function record(trial) {
  return [
    h("p", { class: "quiet" }, "To retrain this trial in a separate folder:"),
    h(
      "div",
      { class: "command" },
      h("code", null, trial.command),
      copyButton(trial.command, "the command"),
    ),
    h(
      "div",
      { class: "command" },
      h("code", null, trial.folder),
      copyButton(trial.folder, "the folder"),
    ),
    [
      ["spec.json", trial.spec],
      ["result.json", trial.result],
    ].map(
      ([name, content]) =>
        content &&
        h(
          "details",
          null,
          h("summary", null, name),
          h(
            "pre",
            { class: "log", tabindex: "0", "aria-label": name },
            JSON.stringify(content, null, 2),
          ),
        ),
    ),
  ];
}

let written = null; // the note that is shown

function note(trial) {
  const place = $("#note");
  place.hidden = !mayAct && !trial.note;
  if (place.hidden || written === trial.note) return;
  const field = $("textarea", place);
  if (field && field.value !== written) return; // the user is editing it
  written = trial.note;
  const form = h(
    "form",
    {
      class: "note-form",
      onsubmit: async (event) => {
        event.preventDefault();
        const text = $("textarea", form).value;
        if (await act(study, { act: "note", trial: me, text })) written = text.trim();
      },
    },
    h("textarea", { "aria-labelledby": "note-title", maxlength: "10000", ".value": trial.note }),
    h("button", { class: "button small" }, "Save"),
  );
  place.replaceChildren(
    place.firstElementChild,
    mayAct ? form : h("p", { class: "note-text" }, trial.note),
  );
}

function refused(error) {
  document.body.classList.add("bare");
  show($("#notice"), error.message, () => message("warn", h("p", null, error.message)));
}

const go = (to) => to !== null && location.assign(at.trial(study, to));
key("j", "next trial of the round", () => go(neighbors.next));
key("k", "previous trial of the round", () => go(neighbors.previous));
key("g o", "go to the study", () => location.assign(at.study(study)));
follow(() => data(), take, { refused });
