// Elements without markup in strings: what comes from a study is only ever text.

const SVG = "http://www.w3.org/2000/svg";

/** An element. Props: `class`, `dataset`, `on…` listeners, properties given as `.name`, attributes. */
export function h(tag, props, ...children) {
  return made(document.createElement(tag), props, children);
}

export function svg(tag, props, ...children) {
  return made(document.createElementNS(SVG, tag), props, children);
}

function made(element, props, children) {
  for (const [name, value] of Object.entries(props ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name.startsWith(".")) element[name.slice(1)] = value;
    else if (name === "dataset") Object.assign(element.dataset, value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(
    ...children
      .flat(Infinity)
      .filter((child) => child !== null && child !== undefined && child !== false),
  );
  return element;
}

const shownIn = new WeakMap();

/** Fill an element only if what it shows has changed, so that focus and selection stay. */
export function show(element, what, build) {
  const key = JSON.stringify(what);
  if (shownIn.get(element) === key) return false;
  shownIn.set(element, key);
  const focused = element.contains(document.activeElement) && document.activeElement.dataset.key;
  const built = [build(what)]
    .flat(Infinity)
    .filter((child) => child !== null && child !== undefined && child !== false);
  element.replaceChildren(...built);
  if (focused) element.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus();
  return true;
}

export const $ = (selector, root = document) => root.querySelector(selector);

/** The page's own study, and addresses below it. */
export const study = document.body.dataset.study;
export const mayAct = document.body.dataset.control === "yes";
export const at = {
  study: (name) => `/study/${encodeURIComponent(name)}`,
  trial: (name, number) => `/study/${encodeURIComponent(name)}/trial/${number}`,
  data: (name, rest = "") => `/data/study/${encodeURIComponent(name)}${rest}`,
  file: (name, number, file) =>
    `/files/study/${encodeURIComponent(name)}/trial/${number}/${encodeURIComponent(file)}`,
  compare: (names) => `/compare?${new URLSearchParams(names.map((name) => ["study", name]))}`,
};

/** A table with headings; cells are nodes or text, rows arrays of them. */
export function table(caption, headings, rows, props) {
  return h(
    "table",
    props,
    h("caption", { class: "hidden" }, caption),
    h(
      "thead",
      null,
      h(
        "tr",
        null,
        headings.map((heading) => h("th", { scope: "col" }, heading)),
      ),
    ),
    h("tbody", null, rows),
  );
}
