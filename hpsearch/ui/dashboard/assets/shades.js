// The colours of cells, and what their looks mean.

import { h } from "./dom.js";

// Viridis without its ends: dark is worse. Readable for the colour-blind, light or dark around it.
const SHADES = [
  [68, 20, 105],
  [59, 82, 139],
  [33, 145, 140],
  [94, 201, 98],
  [243, 228, 45],
];

export function shade(good) {
  const place = good * (SHADES.length - 1);
  const left = Math.min(SHADES.length - 2, Math.floor(place));
  const mix = SHADES[left].map((from, i) =>
    Math.round(from + (place - left) * (SHADES[left + 1][i] - from)),
  );
  return `rgb(${mix.join(" ")})`;
}

/** What the cells' looks mean. */
export function legend() {
  const sample = (look, words, extra = "") =>
    h(
      "span",
      { class: "key" },
      h("i", { class: `cell ${extra}`, dataset: { look }, "aria-hidden": "true" }),
      words,
    );
  const ramp = h("i", { class: "ramp", "aria-hidden": "true" });
  ramp.style.background = `linear-gradient(to right, ${[0, 0.25, 0.5, 0.75, 1].map(shade).join(", ")})`;
  return [
    h("span", { class: "key" }, "worse", ramp, "better in its round"),
    sample("done", "survivor", "survivor plain"),
    sample("done", "continuation", "continued plain"),
    sample("done", "collapsed", "collapsed plain"),
    sample("failed", "failed"),
    sample("running", "running"),
    sample("waiting", "waits"),
  ];
}
