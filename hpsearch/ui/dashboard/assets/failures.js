// Failures by reason, with the last lines of a log and a cure; and warnings of narrow ranges.

import { h, message, show, trialLink } from "./dom.js";
import { number, reason, several } from "./format.js";

const CURES = {
  nonfinite:
    "Usually the step size is too large. If they lie at one end of a parameter, narrow its range there.",
  collapsed:
    "Their values count. If they lie at one end of a parameter, narrow its range there.",
  discriminator_saturated:
    "Their values count. Their discriminator learns too fast: lower its learning rate, or add a penalty.",
  timeout: "Raise limits.trial_seconds, or narrow the parameters that make a trial slow.",
  out_of_memory:
    "Raise limits.trial_memory_mib, lower resources.parallel, or narrow the parameters that make a trial large.",
  killed: "A user stopped it, or the system did when memory ran out; its message says which.",
  error: "Read the traceback and fix the trainer; the same trial would fail again.",
};
const details = new Map(); // by reason: number, message, tail

export function failed(place, head, name, update = []) {
  for (const failure of update) details.set(failure.reason, failure);
  show(place, [head.failures, head.failures.map((failure) => details.get(failure.reason))], ([groups]) => {
    if (!groups.length)
      return h("p", { class: "nothing" }, head.done ? "None so far." : "Nothing has ended yet.");
    requestAnimationFrame(() =>
      place.querySelectorAll("pre").forEach((log) => (log.scrollTop = log.scrollHeight)),
    );
    return groups.map((group) => {
      const detail = details.get(group.reason);
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
            trialLink(name, trial, String(trial), `f${trial}`),
          ),
          rest > 0 && h("span", { class: "quiet" }, `and ${rest} more`),
        ),
        detail &&
          h(
            "p",
            { class: "quiet" },
            `Trial ${detail.number}: `,
            h("span", { class: "failure-message" }, detail.message || "no message"),
          ),
        detail?.tail &&
          h(
            "pre",
            {
              class: "log short",
              tabindex: "0",
              "aria-label": `The end of the log of trial ${detail.number}`,
            },
            detail.tail,
          ),
      );
    });
  });
}

function sentence(words) {
  return `${words[0].toUpperCase()}${words.slice(1)}.`;
}

export function warnings(place, atBound, name) {
  show(place, atBound, () =>
    atBound.map((one) =>
      message(
        "warn",
        h(
          "p",
          null,
          "Survivors ",
          one.survivors.map((trial, i) => [i ? ", " : "", trialLink(name, trial)]),
          ` lie at the ${one.side === "low" ? "lower" : "upper"} end of `,
          h("b", null, one.parameter),
          ` (${number(one.bound)}). To search beyond it, `,
          one.is_limit ? "widen " : "set ",
          h("code", null, `space.${one.parameter}.within`),
          ".",
        ),
      ),
    ),
  );
}
