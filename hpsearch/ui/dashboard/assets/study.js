// The page of a study: one answer a second, and only what it changes is drawn anew.

import { actsOf } from "./acts.js";
import { $, at, h, show, study } from "./dom.js";
import { failed, warnings } from "./failures.js";
import { Figures } from "./figures.js";
import { badge, tab } from "./icons.js";
import { ask, follow } from "./live.js";
import { copyButton, key } from "./page.js";
import { legend } from "./shades.js";
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
key("← → ↑ ↓", "from cell to cell, Enter opens the trial");

function take(answer) {
  const changes = table.take(answer);
  const { head, pending } = table;
  unreadable(null);
  show($("#state"), [head.state, asked(pending, head.state)], ([state, chips]) => [
    badge(state),
    chips.map((chip) => h("span", { class: "chip" }, chip)),
  ]);
  show($("#acts"), [head.state, head.plan, table.rounds.length, pending], () =>
    actsOf(study, table),
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
    figures.touch();
    remark();
  } else figures.touch(["curves"]);
}

/** What has been asked for and has not happened yet. */
function asked(pending, state) {
  if (!pending) return [];
  return [
    pending.stop && "stop asked for",
    pending.paused && state !== "paused" && "to be paused",
    pending.end_after !== null &&
      `${state === "finished" ? "ended" : "ends"} after round ${pending.end_after}`,
    pending.rounds !== null && `${pending.rounds} rounds asked for`,
    pending.again.length > 0 && `to rerun: ${pending.again.join(", ")}`,
    pending.cancel.length > 0 && `stopping trial ${pending.cancel.join(", ")}`,
  ].filter(Boolean);
}

function notice(head) {
  if (head.state === "interrupted") {
    const known = head.command.startsWith("hpsearch ");
    const lost = "Nobody works on this search at the moment; nothing that had finished is lost.";
    return h(
      "div",
      { class: "message", dataset: { kind: "warn" } },
      h("p", null, known ? `${lost} The command that started it goes on with it:` : lost),
      known
        ? h(
            "div",
            { class: "command" },
            h("code", null, head.command),
            copyButton(head.command, "the command"),
          )
        : h("p", null, head.command),
    );
  }
  if (head.state === "failed") {
    return h(
      "div",
      { class: "message", dataset: { kind: "bad" } },
      h(
        "p",
        null,
        "Every trial that the search could go on with has failed, so there is nothing to tighten around. ",
        h("a", { href: "#failures" }, "What they said last"),
        " tells why; once that is mended, start it afresh in another folder.",
      ),
    );
  }
  if (head.done === 0) {
    return h(
      "div",
      { class: "message" },
      h("p", null, "The search has begun; no trial has ended yet. This page fills by itself."),
    );
  }
  return [];
}

let remarking = false;

async function remark() {
  if (remarking) return;
  remarking = true;
  try {
    const { body } = await ask(at.data(study, "/remarks"));
    warnings($("#warnings"), body.pressing, study);
    failed($("#failed"), table.head, study, body.failures);
  } catch {
    // They come with the next change; the connection's state is told elsewhere.
  } finally {
    setTimeout(() => (remarking = false), 3000);
  }
}

/** A run folder that says nothing yet, or cannot be read. */
function unreadable(error) {
  document.body.classList.toggle("bare", error !== null && table.head === null);
  if (error === null) return;
  if (table.head === null) show($("#state"), "unreadable", () => badge("unreadable"));
  show($("#notice"), error.message, () =>
    h("div", { class: "message", dataset: { kind: "warn" } }, h("p", null, error.message)),
  );
}

follow(() => at.data(study, table.query), take, { refused: unreadable });
