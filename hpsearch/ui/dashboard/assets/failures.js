// What went wrong, by reason, with what it said last and what to do; and bounds that are too narrow.

import { at, h, show } from "./dom.js";
import { number, reason, several } from "./format.js";

const CURES = {
  nonfinite:
    "Mostly too large a step. If they lie at one end of a parameter, narrow its range there.",
  collapsed:
    "They keep their value. If they lie at one end of a parameter, narrow its range there.",
  discriminator_saturated:
    "They keep their value. Their discriminator learns too fast: narrow its rate, or penalise it.",
  timeout: "Raise limits.trial_seconds, or narrow what makes a trial slow.",
  out_of_memory:
    "Raise limits.trial_memory_mib, lower resources.parallel, or narrow what makes a trial large.",
  killed: "A person stopped it, or the system did when memory ran out; its message says which.",
  error: "Read the traceback and mend the trainer; the same trial would fail again.",
};
const told = new Map(); // by reason: number, message, tail

export function failed(place, head, name, news = []) {
  for (const one of news) told.set(one.reason, one);
  show(place, [head.failures, head.failures.map((one) => told.get(one.reason))], ([groups]) => {
    if (!groups.length)
      return h("p", { class: "nothing" }, head.done ? "None so far." : "Nothing has ended yet.");
    requestAnimationFrame(() =>
      place.querySelectorAll("pre").forEach((log) => (log.scrollTop = log.scrollHeight)),
    );
    return groups.map((group) => {
      const said = told.get(group.reason);
      const rest = group.count - group.numbers.length;
      return h(
        "article",
        { class: "failure" },
        h(
          "h3",
          null,
          group.reason.replaceAll("_", " "),
          h("span", { class: "chip" }, several(group.count, "trial")),
        ),
        h(
          "p",
          null,
          `${sentence(reason(group.reason))} `,
          h("span", { class: "quiet" }, CURES[group.reason] ?? ""),
        ),
        h(
          "p",
          { class: "numbers" },
          group.numbers.map((trial) =>
            h("a", { href: at.trial(name, trial), "data-key": `f${trial}` }, String(trial)),
          ),
          rest > 0 && h("span", { class: "quiet" }, `and ${rest} more`),
        ),
        said &&
          h(
            "p",
            { class: "quiet" },
            `Trial ${said.number}: `,
            h("span", { class: "said-last" }, said.message || "no message"),
          ),
        said?.tail &&
          h(
            "pre",
            {
              class: "log short",
              tabindex: "0",
              "aria-label": `The end of the log of trial ${said.number}`,
            },
            said.tail,
          ),
      );
    });
  });
}

function sentence(words) {
  return `${words[0].toUpperCase()}${words.slice(1)}.`;
}

export function warnings(place, pressing, name) {
  show(place, pressing, () =>
    pressing.map((one) =>
      h(
        "div",
        { class: "message", dataset: { kind: "warn" } },
        h(
          "p",
          null,
          h("b", null, one.parameter),
          ` presses on its ${one.side === "low" ? "lower" : "upper"} bound, ${number(one.bound)}: survivors `,
          one.survivors.map((trial, i) => [
            i ? ", " : "",
            h("a", { href: at.trial(name, trial) }, String(trial)),
          ]),
          ` lie there. Better trials may lie beyond; `,
          one.is_limit ? "wider limits under " : "limits under ",
          h("code", null, `space.${one.parameter}.within`),
          " would let the search find out.",
        ),
      ),
    ),
  );
}
