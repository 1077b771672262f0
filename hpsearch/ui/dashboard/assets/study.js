// The page of a study: polls once a second and redraws only what has changed.

import { studyActions } from "./actions.js";
import { $, at, h, message, show, showRefusal, study } from "./dom.js";
import { failed, warnings } from "./failures.js";
import { Figures } from "./figures.js";
import { badge, tab } from "./icons.js";
import { fetchJson, follow } from "./polling.js";
import { copied, key } from "./page.js";
import { legend } from "./colors.js";
import { Strips } from "./strips.js";
import { Table } from "./table.js";
import { tiles } from "./tiles.js";

const table = new Table();
const strips = new Strips($("#strips"), table, study);
const figures = new Figures(
  (name, columns) => at.data(study, `/figure/${name}?columns=${columns}`),
  (trial) => location.assign(at.trial(study, trial)),
);
$("#legend").append(...legend());
key("← → ↑ ↓", "move between cells; Enter opens the trial");

function receive(answer) {
  const changes = table.merge(answer);
  const { head, pending } = table;
  unreadable(null);
  show($("#state"), [head.state, requests(pending, head.state)], ([state, chips]) => [
    badge(state),
    chips.map((chip) => h("span.chip", chip)),
  ]);
  show($("#acts"), [head.state, head.plan, table.rounds.length, pending], () =>
    studyActions(study, table),
  );
  if (answer.same) return;
  tab(
    `${head.state === "running" ? `${head.done}/${head.total} ` : ""}${study} · ${head.state}`,
    head.state,
    head.done / head.total,
  );
  show($("#notice"), [head.state, head.folder, head.done], () => notice(head));
  tiles($("#tiles"), table);
  strips.update(changes);
  failed($("#failed"), head, study);
  if (head.done === 0) return;
  if (changes.trials) {
    figures.invalidate();
    updateWarnings();
  } else figures.invalidate(["curves"]);
}

/** Requests that are not fulfilled yet. */
function requests(pending, state) {
  if (!pending) return [];
  return [
    pending.stop && "stop requested",
    pending.paused && state !== "paused" && "pause requested",
    pending.end_after !== null &&
      `${state === "finished" ? "finished" : "finishes"} after round ${pending.end_after}`,
    pending.rounds !== null && `${pending.rounds} rounds requested`,
    pending.reruns.length > 0 && `reruns requested: ${pending.reruns.join(", ")}`,
    pending.cancel.length > 0 && `stopping trial ${pending.cancel.join(", ")}`,
  ].filter(Boolean);
}

function notice(head) {
  if (head.state === "interrupted") {
    const state = "No controller is running; finished trials are stored.";
    if (!head.command.startsWith("hpsearch ")) return message("warn", state, head.command);
    const resume = `${state} The command that started the search resumes it:`;
    return message("warn", resume, copied(head.command, "the command"));
  }
  if (head.state === "failed") {
    return message("bad", [
      "Every trial that the search could continue from has failed. See ",
      h("a", { href: "#failures" }, "the failures"),
      ", fix their cause, and start a new search in another folder.",
    ]);
  }
  return head.done === 0 ? message(null, "The search has started; no trial has ended yet.") : [];
}

let updating = false;

async function updateWarnings() {
  if (updating) return;
  updating = true;
  try {
    const { body } = await fetchJson(at.data(study, "/warnings"));
    warnings($("#warnings"), body.at_bound, study);
    failed($("#failed"), table.head, study, body.failures);
  } catch {
    // The next change tries again; the page shows a lost connection.
  } finally {
    setTimeout(() => (updating = false), 3000);
  }
}

/** Show why a run folder cannot be read. */
function unreadable(error) {
  document.body.classList.toggle("bare", error !== null && table.head === null);
  if (error === null) return;
  if (table.head === null) show($("#state"), "unreadable", () => badge("unreadable"));
  showRefusal(error);
}

follow(() => at.data(study, table.query), receive, { refused: unreadable });
