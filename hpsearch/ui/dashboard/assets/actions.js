// Buttons that act on a search; one that is disabled says why.

import { at, button, h, mayAct } from "./dom.js";
import { question, notify } from "./page.js";

/** Post an action and show the server's answer; returns whether it succeeded. */
export async function act(name, action) {
  try {
    const response = await fetch(`/act${at.study(name)}`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(action),
    });
    const answer = await response.json().catch(() => ({}));
    if (!response.ok) throw new Error(answer.error ?? `the server answered ${response.status}`);
    notify(answer.message);
    return true;
  } catch (error) {
    notify(
      error instanceof TypeError
        ? "The server cannot be reached; nothing was done."
        : error.message,
      { wrong: true },
    );
    return false;
  }
}

/** A button; `reason` says why it is disabled, if it is. */
function actButton(words, reason, run, kind = "") {
  const refuse = () => notify(`${words.replace(" …", "")}: ${reason}.`, { wrong: true });
  return button(words, reason ? refuse : run, {
    class: `button ${kind}`,
    "data-key": words,
    "aria-disabled": reason ? "true" : null,
    title: reason || null,
  });
}

/** The buttons of a study. */
export function studyActions(name, { head, pending, rounds }) {
  if (!mayAct || !pending) return [];
  const working = head.state === "running" || head.state === "paused";
  const idle = working ? "" : "no controller is running";
  const last = rounds.length >= head.plan.rounds;
  const requested = pending.paused || pending.end_after !== null;
  return [
    pending.paused || !working
      ? actButton(
          "Resume",
          cannotResume(head, pending, working, requested),
          () => act(name, { act: "resume" }),
          head.state === "failed" || head.state === "finished" ? "" : "main",
        )
      : actButton("Pause", pending.stop ? "it is stopping" : idle, () =>
          act(name, { act: "pause" }),
        ),
    working && !pending.paused && pending.end_after !== null
      ? actButton("Continue after this round", "", () => act(name, { act: "resume" }))
      : actButton(
          "Finish after this round",
          idle ||
            (last && "this is the last round") ||
            (pending.end_after !== null && "it is already requested"),
          () => act(name, { act: "finish" }),
        ),
    actButton("Add rounds …", "", () => addRounds(name, head)),
    actButton(
      "Stop …",
      idle || (pending.stop === "now" && "it is already stopping"),
      () => stop(name),
      "danger",
    ),
  ];
}

function cannotResume(head, pending, working, requested) {
  if (working) return pending.stop ? "it is stopping" : "";
  if (head.state === "failed") return "no trial succeeded; fix the trainer and start a new search";
  const wanted = requested || pending.rounds !== null || pending.reruns.length > 0;
  return head.state === "finished" && !wanted ? "it has finished; add rounds first" : "";
}

async function addRounds(name, head) {
  const field = h("input", {
    id: "rounds-to-add",
    type: "number",
    min: "1",
    max: "1000",
    value: "1",
    required: true,
  });
  const content = h(
    "p",
    h("label", { for: "rounds-to-add" }, `Rounds to add to the planned ${head.plan.rounds} `),
    field,
  );
  const answer = await question("Add rounds", content, [["add", "Add", "main"]]);
  if (answer === "add" && field.valueAsNumber >= 1)
    await act(name, { act: "add_rounds", rounds: field.valueAsNumber });
}

async function stop(name) {
  const content = h(
    "p",
    "The controller exits; “Resume”, or the same command, continues the search later. Running trials either finish first, or stop now and continue from their last checkpoints.",
  );
  const answer = await question("Stop the search?", content, [
    ["drain", "After running trials", "main"],
    ["now", "Now", "danger"],
  ]);
  if (answer) await act(name, { act: "stop", now: answer === "now" });
}

/** The buttons of a trial. */
export function trialActions(name, trial) {
  if (!mayAct) return [];
  return [
    actButton("Rerun", trial.role === "rerun" ? "this trial is a rerun itself" : "", () =>
      act(name, { act: "rerun", trial: trial.number }),
    ),
    actButton(
      "Stop this trial …",
      trial.state === "running" ? "" : "it has ended",
      () => stopTrial(name, trial.number),
      "danger",
    ),
  ];
}

async function stopTrial(name, number) {
  const content = h(
    "p",
    "It is recorded as failed with the reason “killed”, and the search does not retry it.",
  );
  const answer = await question(`Stop trial ${number}?`, content, [["yes", "Stop it", "danger"]]);
  if (answer) await act(name, { act: "stop_trial", trial: number });
}
