// What every page has: the theme, keyboard shortcuts and their list, and the toast.

import { $, button, h } from "./dom.js";

const THEMES = ["system", "light", "dark"];
const KEYS = [
  ["?", "this list"],
  ["g s", "go to the studies"],
  ["t", "next theme: system, light, dark"],
];
const shortcuts = new Map([
  ["g s", () => location.assign("/")],
  ["t", nextTheme],
  ["?", help],
]);
let first = ""; // the first of two keys

/** Add a shortcut of one or two keys ("g o"); without `act`, only list one that exists. */
export function key(keys, description, act = null) {
  KEYS.push([keys, description]);
  if (act) shortcuts.set(keys, act);
}

/** Whether the page is dark now. */
export function isDark() {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}

/** Call a function whenever the theme changes. */
export function onTheme(act) {
  document.addEventListener("theme", act);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", act);
}

/** Show a sentence in the toast. */
export function notify(sentence, { wrong = false } = {}) {
  const toast = $("#toast");
  toast.textContent = sentence;
  toast.dataset.wrong = wrong ? "yes" : "no";
  toast.hidden = false;
  clearTimeout(toast.timer);
  toast.timer = setTimeout(() => (toast.hidden = true), wrong ? 12000 : 6000);
}

/** Ask a question in a dialog; resolves to the chosen answer, or null. */
export function question(title, content, answers) {
  return new Promise((resolve) => {
    const dialog = h(
      "dialog",
      { "aria-label": title },
      h(
        "form",
        { method: "dialog" },
        h("h2", title),
        content,
        h(
          "div.answers",
          button(answers.length ? "Cancel" : "Close", () => dialog.close(""), { class: "button" }),
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

/** A text with a button that copies it to the clipboard. */
export function copied(text, name) {
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      notify(`Copied ${name}.`);
    } catch {
      notify("The browser does not allow copying; select the text instead.", { wrong: true });
    }
  };
  const label = { "aria-label": `Copy ${name}` };
  return h("div.command", h("code", text), button("Copy", copy, label));
}

function help() {
  if ($("dialog[open]")) return;
  question(
    "Keys",
    h(
      "dl.keys",
      KEYS.map(([keys, description]) => [
        h(
          "dt",
          keys.split(" ").map((one) => h("kbd", one)),
        ),
        h("dd", description),
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
    // Then it applies to this page only.
  }
  nameTheme();
  document.dispatchEvent(new Event("theme"));
}

function nameTheme() {
  const theme = document.documentElement.dataset.theme ?? "system";
  $("#theme").replaceChildren(h("span.wide", "Theme: "), theme);
}

function isTyping(element) {
  return element.matches(
    "textarea, select, [contenteditable], input:not([type=checkbox], [type=range])",
  );
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target) || $("dialog[open]"))
    return;
  const act = shortcuts.get(first ? `${first} ${event.key}` : event.key);
  first = act || first || event.key !== "g" ? "" : "g";
  if (!act) return;
  event.preventDefault();
  act();
});
$("#help").addEventListener("click", help);
$("#theme").addEventListener("click", nextTheme);
nameTheme();
