// Failures by reason, with the last lines of a log and a cure; and warnings of narrow ranges.

import { h, listed, message, quiet, show, trialLink } from "./dom.js";
import { number, reason, several } from "./format.js";

const CURES = {
  nonfinite:
    "Usually the step size is too large. If they lie at one end of a parameter, narrow its range there.",
  collapsed: "Their values count. If they lie at one end of a parameter, narrow its range there.",
  discriminator_saturated:
    "Their values count. Their discriminator learns too fast: lower its learning rate, or add a penalty.",
  timeout: "Raise limits.trial_seconds, or narrow the parameters that make a trial slow.",
  out_of_memory:
    "Raise limits.trial_memory_mib, lower resources.parallel, or narrow the parameters that make a trial large.",
  killed: "A user stopped it, or the system did when memory ran out; its message says which.",
  error: "Read the traceback and fix the trainer; the same trial would fail again.",
};
const details = new Map(); // by reason: number, message, tail

export function failed(element, head, name, update = []) {
  for (const failure of update) details.set(failure.reason, failure);
  const known = head.failures.map((failure) => details.get(failure.reason));
  show(element, [head.failures, known], ([groups]) => {
    if (!groups.length)
      return h("p.nothing", head.done ? "None so far." : "Nothing has ended yet.");
    requestAnimationFrame(() =>
      element.querySelectorAll("pre").forEach((log) => (log.scrollTop = log.scrollHeight)),
    );
    return groups.map((group) => failure(group, name, details.get(group.reason)));
  });
}

/** The trials that failed for one reason, and the message and log of the first. */
function failure(group, name, example) {
  const rest = group.count - group.numbers.length;
  const size = h("span.chip", several(group.count, "trial"));
  const links = group.numbers.map((trial) => trialLink(name, trial, String(trial), `f${trial}`));
  const parts = [
    h("h3", group.reason.replaceAll("_", " "), size),
    h("p", `${sentence(reason(group.reason))} `, h("span.quiet", CURES[group.reason] ?? "")),
    h("p.numbers", links, rest > 0 && h("span.quiet", `and ${rest} more`)),
  ];
  if (example) {
    const text = h("span.failure-message", example.message || "no message");
    parts.push(quiet(`Trial ${example.number}: `, text));
  }
  if (example?.tail) {
    const label = `The end of the log of trial ${example.number}`;
    parts.push(h("pre.log.short", { tabindex: "0", "aria-label": label }, example.tail));
  }
  return h("article.failure", parts);
}

function sentence(words) {
  return `${words[0].toUpperCase()}${words.slice(1)}.`;
}

export function warnings(element, atBound, name) {
  show(element, atBound, () =>
    atBound.map((one) =>
      message("warn", [
        "Survivors ",
        listed(one.survivors.map((trial) => trialLink(name, trial))),
        ` lie at the ${one.side === "low" ? "lower" : "upper"} end of `,
        h("b", one.parameter),
        ` (${number(one.bound)}). To search beyond it, ${one.is_limit ? "widen" : "set"} `,
        h("code", `space.${one.parameter}.within`),
        ".",
      ]),
    ),
  );
}
