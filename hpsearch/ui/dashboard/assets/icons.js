// State icons, the same in the page and in the browser's tab; states differ in shape, not only in colour.

import { h, svg } from "./dom.js";

const ICONS = {
  running: ["M5 3 13 8 5 13Z", "running"],
  paused: ["M4 3h3v10H4zM9 3h3v10H9z", "paused"],
  finished: ["M6.300 12.600 2 8.300l1.800-1.800 2.500 2.500 6-6L14 4.800Z", "finished"],
  interrupted: ["M8 1.500 15 14H1ZM7 6v4h2V6zM7 11v2h2v-2z", "interrupted"],
  failed: [
    "M3.200 1.400 8 6.200l4.800-4.800 1.800 1.800L9.800 8l4.800 4.800-1.800 1.800L8 9.800l-4.800 4.800-1.800-1.800L6.200 8 1.400 3.200Z",
    "failed",
  ],
  unreadable: ["M8 1.500 15 14H1ZM7 6v4h2V6zM7 11v2h2v-2z", "unreadable"],
  complete: ["M6.300 12.600 2 8.300l1.800-1.800 2.500 2.500 6-6L14 4.800Z", "complete"],
  waiting: ["M8 2a6 6 0 1 0 .01 0ZM7 4.500h2v3l2.300 2.300-1.400 1.400L7 8.300Z", "waiting"],
};
// Legible on light and dark tab strips.
const COLOURS = {
  running: "#2f7fd6",
  paused: "#8a6fd1",
  finished: "#2b8a57",
  interrupted: "#b07400",
  failed: "#c8452f",
  unreadable: "#b07400",
};

function icon(state) {
  const [path] = ICONS[state] ?? ICONS.waiting;
  return svg(
    "svg.icon",
    { viewBox: "0 0 16 16", "aria-hidden": "true" },
    svg("path", { d: path, "fill-rule": "evenodd" }),
  );
}

/** The icon and the word. */
export function badge(state, word = ICONS[state]?.[1] ?? state) {
  return h("span.badge", { dataset: { state } }, icon(state), word);
}

/** The browser's tab: progress as a ring, the state as an icon. */
export function tab(title, state, done = 1) {
  document.title = title;
  const [path] = ICONS[state] ?? ICONS.waiting;
  const colour = COLOURS[state] ?? "#777";
  const ring = 2 * Math.PI * 14;
  const part = Math.max(0, Math.min(1, done)) * ring;
  const text = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><circle cx="16" cy="16" r="14" fill="none" stroke="#8886" stroke-width="4"/><circle cx="16" cy="16" r="14" fill="none" stroke="${colour}" stroke-width="4" stroke-dasharray="${part.toFixed(1)} ${ring.toFixed(1)}" transform="rotate(-90 16 16)"/><path transform="translate(8 8)" fill="${colour}" fill-rule="evenodd" d="${path}"/></svg>`;
  const href = `data:image/svg+xml,${encodeURIComponent(text)}`;
  const link = document.getElementById("favicon");
  if (link.getAttribute("href") !== href) link.setAttribute("href", href);
}
