// Parts that all figures of the page share.

const SVG = "http://www.w3.org/2000/svg";

// A new SVG element; `text` becomes its content.
export function svg(kind, traits = {}, parent = null, text = "") {
  const made = document.createElementNS(SVG, kind);
  for (const [key, value] of Object.entries(traits)) made.setAttribute(key, value);
  if (text) made.textContent = text;
  parent?.append(made);
  return made;
}

// A linear scale from [a, b] to [c, d], and its inverse.
export function scale([a, b], [c, d]) {
  const to = (value) => c + ((value - a) / (b - a)) * (d - c);
  to.back = (place) => a + ((place - c) / (d - c)) * (b - a);
  return to;
}

export const clamp = (value, low, high) => Math.max(low, Math.min(high, value));

// A sentence with its values filled in.
export function say(sentence, values = {}) {
  return sentence.replace(/\{(\w+)\}/g, (whole, key) => (key in values ? values[key] : whole));
}

// A whole number with a true minus, and with a plus where `isSigned`.
export function count(value, isSigned = false) {
  const rounded = Math.round(Math.abs(value));
  const digits = String(rounded).replace(/\B(?=(\d{3})+$)/g, ",");
  if (value < 0 && rounded) return `\u2212${digits}`;
  return isSigned && rounded ? `+${digits}` : digits;
}

export const isStill = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

// How much larger letters are than 16 pixels; figures are drawn in pixels of 16-pixel letters and enlarged as a whole.
export const unit = () => parseFloat(getComputedStyle(document.documentElement).fontSize) / 16;

// Call `draw(width, height)` now and whenever the figure changes its size.
export function fit(figure, draw) {
  new ResizeObserver(() => {
    const box = figure.getBoundingClientRect();
    const [width, height] = [box.width / unit(), box.height / unit()];
    if (!width || !height) return;
    for (const part of figure.querySelectorAll("svg")) part.setAttribute("viewBox", `0 0 ${width} ${height}`);
    draw(width, height);
  }).observe(figure);
}

// Where a pointer is, in the coordinates of a figure.
export function pointerIn(figure, event) {
  const box = figure.getBoundingClientRect();
  return [(event.clientX - box.left) / unit(), (event.clientY - box.top) / unit()];
}

// A canvas sized for the screen, and its context in the coordinates of the figure.
export function sized(canvas, width, height) {
  const ratio = (devicePixelRatio || 1) * unit();
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return context;
}

// Call `frame(seconds since the last call)` until it returns false; returns a function that stops it.
export function animate(frame) {
  let last = null;
  let handle = requestAnimationFrame(function step(now) {
    const seconds = last === null ? 0 : Math.min(0.1, (now - last) / 1000);
    last = now;
    handle = frame(seconds) === false ? 0 : requestAnimationFrame(step);
  });
  return () => cancelAnimationFrame(handle);
}

// The colour of a custom property of the style sheet.
export const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
