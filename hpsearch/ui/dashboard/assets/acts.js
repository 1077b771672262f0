// What a person may ask of a search; a button that makes no sense now says why.

import { at, h, mayAct } from "./dom.js";
import { question, say } from "./page.js";

/** Ask the server to act; says what came of it. */
export async function act(name, asked) {
  try {
    const response = await fetch(`/act${at.study(name)}`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(asked),
    });
    const answer = await response.json().catch(() => ({}));
    if (!response.ok) throw new Error(answer.error ?? `the server answered ${response.status}`);
    say(answer.said);
    return true;
  } catch (error) {
    say(
      error instanceof TypeError
        ? "The server cannot be reached; nothing was done."
        : error.message,
      { wrong: true },
    );
    return false;
  }
}

/** A button; `not` is why it makes no sense at the moment, if it does not. */
export function actButton(words, not, does, kind = "") {
  return h(
    "button",
    {
      class: `button ${kind}`,
      type: "button",
      "data-key": words,
      "aria-disabled": not ? "true" : null,
      title: not || null,
      onclick: () => (not ? say(`${words.replace(" …", "")}: ${not}.`, { wrong: true }) : does()),
    },
    words,
  );
}

/** The acts on a search. */
export function actsOf(name, { head, pending, rounds }) {
  if (!mayAct || !pending) return [];
  const working = head.state === "running" || head.state === "paused";
  const idle = working ? "" : "no controller is at work";
  const last = rounds.length >= head.plan.rounds;
  const stands = pending.paused || pending.end_after !== null;
  return [
    pending.paused || !working
      ? actButton(
          "Resume",
          goesOn(head, pending, working, stands),
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
            (pending.end_after !== null && "that is asked for already"),
          () => act(name, { act: "finish" }),
        ),
    actButton("Add rounds …", "", () => addRounds(name, head)),
    actButton(
      "Stop …",
      idle || (pending.stop === "now" && "it is stopping now"),
      () => stop(name),
      "danger",
    ),
  ];
}

function goesOn(head, pending, working, stands) {
  if (working) return pending.stop ? "it is stopping" : "";
  if (head.state === "failed")
    return "there is nothing to resume; mend the trainer and start afresh";
  const wanted = stands || pending.rounds !== null || pending.again.length > 0;
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
    null,
    h("label", { for: "rounds-to-add" }, `Rounds beyond the ${head.plan.rounds} that there are `),
    field,
  );
  const answer = await question("Add rounds", content, [["add", "Add", "main"]]);
  if (answer === "add" && field.valueAsNumber >= 1)
    await act(name, { act: "add_rounds", rounds: field.valueAsNumber });
}

async function stop(name) {
  const content = h(
    "p",
    null,
    "The controller ends; “Resume”, or the same command, continues the search later. Running trials may finish first, or end now and be trained from their last checkpoints then.",
  );
  const answer = await question("Stop the search?", content, [
    ["drain", "After the running trials", "main"],
    ["now", "Now", "danger"],
  ]);
  if (answer) await act(name, { act: "stop", now: answer === "now" });
}

/** The acts on a trial. */
export function actsOn(name, trial) {
  if (!mayAct) return [];
  return [
    actButton("Rerun", trial.role === "again" ? "this trial is a rerun itself" : "", () =>
      act(name, { act: "rerun", trial: trial.number }),
    ),
    actButton(
      "Stop this trial …",
      trial.state === "running" ? "" : "it has ended",
      () => cancel(name, trial.number),
      "danger",
    ),
  ];
}

async function cancel(name, number) {
  const content = h(
    "p",
    null,
    "It counts as failed, with the reason “killed”, and is not trained again by the search.",
  );
  const answer = await question(`Stop trial ${number}?`, content, [["yes", "Stop it", "danger"]]);
  if (answer) await act(name, { act: "stop_trial", trial: number });
}
