// What every page has: the theme, the keys and their list, and a line in which things are said.

import { $, h } from "./dom.js";

const THEMES = ["system", "light", "dark"];
const KEYS = [
  ["?", "this list"],
  ["g s", "to the studies"],
  ["t", "next theme: the system's, light, dark"],
];
const doing = new Map([
  ["g s", () => location.assign("/")],
  ["t", nextTheme],
  ["?", help],
]);
let first = ""; // of two keys

/** Give a key (or two, "g o") a meaning on this page; without `act`, list what has one already. */
export function key(keys, what, act = null) {
  KEYS.push([keys, what]);
  if (act) doing.set(keys, act);
}

/** Whether the page looks dark at the moment. */
export function isDark() {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}

/** Call when light becomes dark, or dark light. */
export function onTheme(act) {
  document.addEventListener("theme", act);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", act);
}

/** A sentence for the person who did something. */
export function say(sentence, { wrong = false } = {}) {
  const place = $("#said");
  place.textContent = sentence;
  place.dataset.wrong = wrong ? "yes" : "no";
  place.hidden = false;
  clearTimeout(place.timer);
  place.timer = setTimeout(() => (place.hidden = true), wrong ? 12000 : 6000);
}

/** A question before something that cannot be undone; the chosen answer, or null. */
export function question(title, content, answers) {
  return new Promise((resolve) => {
    const dialog = h(
      "dialog",
      { "aria-label": title },
      h(
        "form",
        { method: "dialog" },
        h("h2", null, title),
        content,
        h(
          "div",
          { class: "answers" },
          h(
            "button",
            { class: "button", type: "button", onclick: () => dialog.close("") },
            answers.length ? "Cancel" : "Close",
          ),
          answers.map(([value, words, kind]) =>
            h("button", { class: `button ${kind ?? ""}`, value }, words),
          ),
        ),
      ),
    );
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue || null);
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}

/** A button that puts a text on the clipboard. */
export function copyButton(text, what) {
  return h(
    "button",
    {
      class: "button small",
      type: "button",
      "aria-label": `Copy ${what}`,
      onclick: async () => {
        try {
          await navigator.clipboard.writeText(text);
          say(`Copied ${what}.`);
        } catch {
          say("This browser does not let the page copy; select the text instead.", { wrong: true });
        }
      },
    },
    "Copy",
  );
}

function help() {
  if ($("dialog[open]")) return;
  question(
    "Keys",
    h(
      "dl",
      { class: "keys" },
      KEYS.map(([keys, what]) => [
        h(
          "dt",
          null,
          keys.split(" ").map((one) => h("kbd", null, one)),
        ),
        h("dd", null, what),
      ]),
    ),
    [],
  );
}

function nextTheme() {
  const root = document.documentElement;
  const theme = THEMES[(THEMES.indexOf(root.dataset.theme ?? "system") + 1) % THEMES.length];
  if (theme === "system") delete root.dataset.theme;
  else root.dataset.theme = theme;
  try {
    if (theme === "system") localStorage.removeItem("theme");
    else localStorage.setItem("theme", theme);
  } catch {
    // It holds for this page then.
  }
  nameTheme();
  document.dispatchEvent(new Event("theme"));
}

function nameTheme() {
  const theme = document.documentElement.dataset.theme ?? "system";
  $("#theme").replaceChildren(h("span", { class: "wide" }, "Theme: "), theme);
}

function isTyping(element) {
  return element.matches(
    "textarea, select, [contenteditable], input:not([type=checkbox], [type=range])",
  );
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target) || $("dialog[open]"))
    return;
  const act = doing.get(first ? `${first} ${event.key}` : event.key);
  first = act || first || event.key !== "g" ? "" : "g";
  if (!act) return;
  event.preventDefault();
  act();
});
$("#help").addEventListener("click", help);
$("#theme").addEventListener("click", nextTheme);
nameTheme();
