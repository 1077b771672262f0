// The colours of cells, and their legend.

import { h } from "./dom.js";

// Viridis without its ends; dark is worse. Safe for colour blindness on light and dark pages.
const COLORMAP = [
  [68, 20, 105],
  [59, 82, 139],
  [33, 145, 140],
  [94, 201, 98],
  [243, 228, 45],
];

export function shade(good) {
  const position = good * (COLORMAP.length - 1);
  const left = Math.min(COLORMAP.length - 2, Math.floor(position));
  const mix = COLORMAP[left].map((from, i) =>
    Math.round(from + (position - left) * (COLORMAP[left + 1][i] - from)),
  );
  return `rgb(${mix.join(" ")})`;
}

/** The legend of the cells. */
export function legend() {
  const sample = (look, words, extra = "") =>
    h(
      "span.key",
      h("i", { class: `cell ${extra}`, dataset: { look }, "aria-hidden": "true" }),
      words,
    );
  const ramp = h("i.ramp", { "aria-hidden": "true" });
  ramp.style.background = `linear-gradient(to right, ${[0, 0.25, 0.5, 0.75, 1].map(shade).join(", ")})`;
  return [
    h("span.key", "worse", ramp, "better in its round"),
    sample("done", "survivor", "survivor plain"),
    sample("done", "continuation", "continued plain"),
    sample("done", "collapsed", "collapsed plain"),
    sample("failed", "failed"),
    sample("running", "running"),
    sample("waiting", "waiting"),
  ];
}
