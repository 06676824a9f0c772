// The chart of districts by evening: one can draw on it, and lines, reports and a clock are shown on it.

import { clamp, colour, count, fit, pointerIn, scale, say, sized, svg } from "./figures.js";

const TOP = 18;
const BOTTOM = 24;
const STEP = 5; // districts per arrow key

export class Curve {
  // `options`: isDrawable, onDraw(drawing), onTap(day, value)
  constructor(figure, page, options = {}) {
    Object.assign(this, { figure, page, options, lines: [], reports: [], drawing: null, campaign: null, pick: null });
    this.last = page.about.days - 1;
    this.until = this.last;
    this.canvas = document.createElement("canvas");
    this.overlay = svg("svg");
    figure.append(this.canvas, this.overlay);
    if (options.isDrawable) this.makeDrawable();
    else {
      this.overlay.setAttribute("role", "img");
      if (options.onTap) this.overlay.addEventListener("click", (event) => this.tap(event));
    }
    fit(figure, (width, height) => {
      this.width = width;
      this.height = height;
      this.render();
    });
  }

  describe(text) {
    if (this.options.isDrawable) this.figure.setAttribute("aria-label", text);
    else this.overlay.setAttribute("aria-label", text);
  }

  place(event) {
    const [left, top] = pointerIn(this.figure, event);
    return [this.x.back(left), this.y.back(top)];
  }

  tap(event) {
    this.options.onTap(...this.place(event));
  }

  render() {
    if (!this.width) return;
    const most = Math.ceil(this.page.about.districts / 100) * 100;
    const right = this.width - (this.options.right || 14);
    this.x = scale([0, this.last], [38, right]);
    this.y = scale([0, most], [this.height - BOTTOM, TOP]);
    this.drawLines();
    const keptFocus = this.overlay.contains(document.activeElement) ? this.focused : null;
    this.overlay.replaceChildren();
    this.drawAxes(most);
    if (this.drawing) this.path(this.drawing, "drawing");
    if (this.pick) this.path(this.pick, "pick");
    if (this.campaign) this.path(this.campaign, "campaign", this.until);
    this.name();
    for (const one of this.reports) this.drawReport(one);
    if (this.ends) this.drawEnds();
    if (this.options.isDrawable) this.drawKnots(keptFocus);
  }

  drawAxes(most) {
    for (let value = 0; value <= most; value += 100) {
      svg("line", { class: "axis", x1: 38, x2: this.x(this.last), y1: this.y(value), y2: this.y(value) }, this.overlay);
      svg("text", { x: 32, y: this.y(value) + 4, "text-anchor": "end" }, this.overlay, String(value));
    }
    svg("text", { x: 42, y: this.y(most) + 15 }, this.overlay, this.page.about.says.districts);
    for (const day of [0, 31, 61]) {
      const at = this.x(day);
      svg("line", { class: "axis", x1: at, x2: at, y1: this.y(0), y2: this.y(0) + 5 }, this.overlay);
      svg("text", { x: at, y: this.height - 5, "text-anchor": day ? "middle" : "start" }, this.overlay, this.page.day(day));
    }
  }

  path(values, kind, until = this.last) {
    const parts = [];
    for (let day = 0; day <= until; day++) {
      if (values[day] === null || values[day] === undefined) continue;
      const isStart = day === 0 || values[day - 1] === null || values[day - 1] === undefined;
      parts.push(`${isStart ? "M" : "L"}${this.x(day).toFixed(1)} ${this.y(values[day]).toFixed(1)}`);
    }
    svg("path", { class: kind, d: parts.join("") }, this.overlay);
  }

  // Names at the lines, where there are two: of the upper one above it, and of the lower one below it or between them.
  name() {
    if (!this.names || !this.drawing || !this.campaign) return;
    const { says } = this.page.about;
    const day = Math.min(this.until, this.last);
    const ran = this.campaign.slice(0, day + 1);
    const isAbove = this.campaign[day] > this.drawing[day];
    this.nameLine(this.drawing, this.last, says.legend_drawing, ran, !isAbove);
    if (day > 8) this.nameLine(ran, day, says.legend_campaign, this.drawing, isAbove, day < this.last);
  }

  // Write the name of a line where it covers neither line. Where there is no such place, write it on its side of its own
  // line, or not at all while the line still grows.
  nameLine(values, day, text, other, isAbove, isGrowing = false) {
    const mark = svg("text", { class: "place", "text-anchor": "end" }, this.overlay, text);
    const wide = mark.getComputedTextLength();
    const right = Math.max(this.x(day), 44 + wide);
    const heights = (line) => Array.from(line, (value, at) => (value === null ? NaN : [this.x(at), this.y(value)]))
      .filter(([x]) => x >= right - wide - 8 && x <= right + 8).map(([, y]) => y);
    const [own, others] = [heights(values), heights(other)];
    const [above, below] = [Math.min(...own) - 8, Math.max(...own) + 19];
    const isFree = (y) => y > TOP && y < this.y(0) - 4 && others.every((one) => one < y - 16 || one > y + 8);
    const places = isAbove ? [above, below] : [below, above];
    const free = places.find(isFree);
    if (free === undefined && isGrowing) return mark.remove();
    const y = free ?? (isAbove ? Math.max(above, TOP) : Math.min(below, this.y(0) - 5));
    for (const [key, value] of [["x", right], ["y", y]]) mark.setAttribute(key, value);
    return null;
  }

  drawLines() {
    const context = sized(this.canvas, this.width, this.height);
    context.lineJoin = "round";
    for (const { values, ink, width, alpha, until } of this.lines) {
      context.beginPath();
      context.strokeStyle = colour(ink);
      context.globalAlpha = alpha;
      context.lineWidth = width;
      const end = until ?? this.last;
      for (let day = 0; day <= end; day++) context[day ? "lineTo" : "moveTo"](this.x(day), this.y(values[day]));
      context.stroke();
    }
    context.globalAlpha = 1;
  }

  // Dots of the values on the last day, in a pile to the right of the lines, as large as there is room for the longest row.
  drawEnds() {
    const first = this.x(this.last) + 8;
    const placed = (size) => {
      const rows = new Map();
      return this.ends.map(({ value, isOwn }) => {
        const bin = Math.round(this.y(value) / (2 * size));
        rows.set(bin, (rows.get(bin) || 0) + 1);
        return { isOwn, cx: first + (2 * rows.get(bin) - 1) * size, cy: bin * 2 * size };
      });
    };
    let size = clamp(this.height / 90, 2.2, 5);
    while (size > 0.6 && placed(size).some(({ cx }) => cx + size > this.width - 1)) size -= 0.1;
    for (const { isOwn, cx, cy } of placed(size)) svg("circle", { class: isOwn ? "dot lit" : "dot", r: size, cx, cy }, this.overlay);
  }

  drawReport({ kind, day, value, text, isNamed }) {
    const [x, y] = [this.x(day), this.y(value)];
    const traits = { class: `report ${kind}` };
    if (kind === "centres") svg("path", { ...traits, d: `M${x} ${y - 7}l7 7-7 7-7-7z` }, this.overlay);
    else if (kind === "control") svg("circle", { ...traits, cx: x, cy: y, r: 6 }, this.overlay);
    else svg("path", { ...traits, d: `M${x - 9} ${y}h18` }, this.overlay);
    if (!isNamed) return;
    const isRight = day > this.last / 2;
    svg("text", {
      class: "reported place", x: kind === "about" ? x + 9 : isRight ? x - 12 : x + 12, y: y + { centres: 18, control: -8, about: 32 }[kind], "text-anchor": isRight ? "end" : "start",
    }, this.overlay, text);
  }

  // Drawing: by pointer on the whole figure, by keys on a handle per week.
  makeDrawable() {
    this.figure.classList.add("drawable");
    this.figure.setAttribute("role", "group");
    this.knots = [];
    for (let day = 7; day < this.last; day += 7) this.knots.push(day);
    if (this.last - this.knots[this.knots.length - 1] > 1) this.knots.push(this.last);
    this.focused = 0;
    this.figure.addEventListener("pointerdown", (event) => {
      if (event.target.closest?.(".knots") && event.pointerType === "mouse" && event.button) return;
      event.preventDefault();
      this.figure.setPointerCapture(event.pointerId);
      this.before = null;
      this.stroke(event);
    });
    this.figure.addEventListener("pointermove", (event) => {
      if (this.figure.hasPointerCapture(event.pointerId)) this.stroke(event);
    });
  }

  // From now on the drawing stays as it is.
  freeze() {
    this.options.isDrawable = false;
    this.figure.classList.remove("drawable");
    this.render();
  }

  stroke(event) {
    if (!this.options.isDrawable) return;
    const [day, value] = this.place(event);
    const here = { day: clamp(Math.round(day), 1, this.last), value: clamp(value, 0, this.page.about.districts) };
    const from = this.before || this.lastDrawn(here.day);
    this.fill(from, here);
    this.before = here;
  }

  // The last drawn day before a day, so that no gap is left when the pointer is set down further on.
  lastDrawn(day) {
    for (let at = day - 1; at >= 0; at--)
      if (this.drawing?.[at] !== null && this.drawing?.[at] !== undefined) return { day: at, value: this.drawing[at] };
    return { day: 0, value: this.start };
  }

  fill(from, here) {
    this.drawing ||= Array.from({ length: this.last + 1 }, (_, day) => (day ? null : this.start));
    const steps = Math.abs(here.day - from.day);
    for (let step = 0; step <= steps; step++) {
      const share = steps ? step / steps : 1;
      const day = from.day + Math.sign(here.day - from.day) * step;
      if (day > 0) this.drawing[day] = Math.round((from.value + (here.value - from.value) * share) * 10) / 10;
    }
    this.changed();
  }

  get isWhole() {
    return Boolean(this.drawing) && this.drawing.every((value) => value !== null);
  }

  clear() {
    this.drawing = null;
    this.changed();
  }

  changed() {
    this.render();
    this.options.onDraw?.(this.drawing);
  }

  valueAt(day) {
    const value = this.drawing?.[day];
    return value ?? this.lastDrawn(day).value;
  }

  drawKnots(keptFocus) {
    const group = svg("g", { class: "knots" }, this.overlay);
    this.knots.forEach((day, row) => {
      const value = this.valueAt(day);
      const knot = svg("g", {
        role: "slider", tabindex: row === this.focused ? 0 : -1, "aria-orientation": "vertical", "aria-valuemin": 0,
        "aria-valuemax": this.page.about.districts, "aria-valuenow": Math.round(value),
        "aria-label": say(this.page.about.says.knot, { day: this.page.day(day) }),
      }, group);
      svg("circle", { class: "knot", cx: this.x(day), cy: this.y(value), r: 6 }, knot);
      knot.addEventListener("keydown", (event) => this.key(event, row));
      knot.addEventListener("focus", () => (this.focused = row));
      if (row === keptFocus) knot.focus();
    });
  }

  key(event, row) {
    const moves = { ArrowUp: STEP, ArrowDown: -STEP, PageUp: 5 * STEP, PageDown: -5 * STEP };
    const turns = { ArrowLeft: row - 1, ArrowRight: row + 1, Home: 0, End: this.knots.length - 1 };
    if (!(event.key in moves) && !(event.key in turns)) return;
    event.preventDefault();
    if (event.key in turns) {
      this.focused = clamp(turns[event.key], 0, this.knots.length - 1);
      const carried = this.knots[this.focused];
      if (this.drawing && this.drawing[carried] === null) this.set(this.focused, this.valueAt(carried));
      else this.render();
    } else this.set(row, clamp(this.valueAt(this.knots[row]) + moves[event.key], 0, this.page.about.districts));
  }

  // Set the value of a handle; between it and the next drawn handles the line is straight.
  set(row, value) {
    const day = this.knots[row];
    const before = row ? this.knots[row - 1] : 0;
    const after = this.knots[row + 1];
    const hasAfter = after !== undefined && this.drawing && this.drawing[after] !== null;
    const end = hasAfter ? { day: after, value: this.drawing[after] } : null;
    const from = row ? { day: before, value: this.valueAt(before) } : { day: 0, value: this.start };
    if (row && (!this.drawing || this.drawing[before] === null)) this.fillQuietly(this.lastDrawn(before), from);
    this.fillQuietly(from, { day, value });
    if (end) this.fillQuietly({ day, value }, end);
    this.changed();
  }

  fillQuietly(from, here) {
    const { changed } = this;
    this.changed = () => {};
    this.fill(from, here);
    this.changed = changed;
  }
}

// Text of what was drawn, week by week, for a label.
export function describeDrawing(curve, page) {
  if (!curve.drawing) return page.about.says.no_drawing;
  const drawn = curve.knots.filter((day) => curve.drawing[day] !== null);
  const day = drawn[drawn.length - 1];
  return day === undefined ? page.about.says.no_drawing
    : say(page.about.says.drawn, { value: count(curve.drawing[day]), day: page.day(day) });
}
