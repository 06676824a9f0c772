// The chart of paired differences: a bracket is set first, then the pairs fall and it holds or not.

import { animate, clamp, count, fit, isStill, pointerIn, scale, say, svg } from "./figures.js";
import { quantile } from "./campaigns.js";

const CEILING = 34;
const BASE = 74; // axis, bracket and their names
const SIDE = 24;
const FALL = 0.4; // seconds that one dot falls
const BEGIN = 3; // seconds in which all begin to fall
const FIFTY = 50;
const LABEL = 48; // least pixels between the numbers of the axis

export class Dots {
  // `options`: onBracket(bracket), onFixed() when somebody tries to move a bracket that stays as it was set
  constructor(figure, page, options) {
    Object.assign(this, { figure, page, options, differences: null, isFifty: false, isFixed: false, isDone: false, lit: -1 });
    this.overlay = svg("svg");
    figure.setAttribute("role", "group");
    figure.append(this.overlay);
    fit(figure, (width, height) => {
      this.width = width;
      this.height = height;
      this.render();
    });
    figure.addEventListener("pointermove", (event) => this.drag(event));
    for (const end of ["pointerup", "pointercancel"]) figure.addEventListener(end, () => (this.held = null));
  }

  // Set the range of the axis and the bracket before anything has fallen; a bracket of null is none.
  begin(range, bracket) {
    this.stop?.();
    Object.assign(this, { range, bracket, differences: null, lit: -1 });
    this.render();
  }

  // Let the differences of all pairs fall; `then` is called when they lie.
  fall(differences, range, then) {
    this.stop?.();
    Object.assign(this, { differences, range, lit: -1 });
    this.render();
    const falling = this.circles;
    if (isStill() || !falling.length) return then();
    let seconds = 0;
    for (const { mark } of falling) mark.setAttribute("visibility", "hidden");
    this.stop = animate((passed) => {
      seconds += passed;
      falling.forEach(({ mark, y }, row) => {
        const share = clamp((seconds - (row / falling.length) * BEGIN) / FALL, 0, 1);
        if (share > 0) mark.setAttribute("visibility", "visible");
        mark.setAttribute("cy", CEILING + (y - CEILING) * share * share);
      });
      if (seconds < BEGIN + FALL) return true;
      then();
      return false;
    });
    return null;
  }

  get summary() {
    const found = this.differences;
    return {
      low: quantile(found, 0.05), high: quantile(found, 0.95),
      mean: found.reduce((sum, one) => sum + one, 0) / found.length,
      held: found.filter((one) => this.holds(one)).length,
      fewer: found.filter((one) => one < 0).length,
      same: found.filter((one) => one === 0).length,
      more: found.filter((one) => one > 0).length,
    };
  }

  holds(value) {
    return !this.bracket || value >= this.bracket.low && value <= this.bracket.high;
  }

  // Show one pair, as one outcome that might have been.
  light(row) {
    this.lit = row;
    this.render();
  }

  render() {
    if (!this.width || !this.range) return;
    const focused = document.activeElement?.getAttribute?.("data-end");
    const hasFocus = this.overlay.contains(document.activeElement);
    this.overlay.replaceChildren();
    this.floor = this.height - BASE;
    this.x = scale([-this.range, this.range], [SIDE, this.width - SIDE]);
    this.drawAxis();
    this.drawDots();
    if (this.bracket) this.drawBracket();
    if (hasFocus) this.overlay.querySelector(`[data-end=${focused}]`)?.focus();
    const { low, high } = this.bracket || { low: 0, high: 0 };
    const says = this.page.about.says;
    this.figure.setAttribute("aria-label", this.differences
      ? say(says.chart_of_dots, { runs: this.differences.length, ...this.summaryText })
      : say(this.bracket ? says.waiting : says.waiting_seen, { low: count(low, true), high: count(high, true) }));
  }

  get summaryText() {
    const found = this.summary;
    return {
      ...found, low: count(found.low, true), high: count(found.high, true),
      mean: found.mean && Math.abs(found.mean) < 1 ? found.mean.toFixed(1).replace("-", "\u2212").replace(/^(\d)/, "+$1") : count(found.mean, true),
    };
  }

  drawAxis() {
    const { texts } = this.page;
    const unit = this.x(1) - this.x(0);
    const step = [5, 10, 20, 50, 100].find((size) => size * unit >= LABEL) || 100; // whole districts
    for (let value = -Math.floor(this.range / step) * step; value <= this.range; value += step) {
      const x = this.x(value);
      svg("line", { class: value ? "axis" : "zero", x1: x, x2: x, y1: value ? this.floor : CEILING - 6, y2: this.floor + 6 }, this.overlay);
      svg("text", { x, y: this.floor + 20, "text-anchor": "middle", class: value ? "" : "strong" }, this.overlay, count(value, true));
    }
    svg("line", { class: "zero", x1: this.x(-this.range), x2: this.x(this.range), y1: this.floor, y2: this.floor }, this.overlay);
    svg("text", { x: SIDE, y: 14 }, this.overlay, `\u2190 ${texts.fewer}`);
    svg("text", { x: this.width - SIDE, y: 14, "text-anchor": "end" }, this.overlay, `${texts.more} \u2192`);
  }

  // The dots: of every pair or, if `isFifty`, of fifty quantiles. Each bin is filled row by row from the floor.
  drawDots() {
    this.circles = [];
    if (!this.differences) return;
    const values = this.isFifty
      ? Array.from({ length: FIFTY }, (_, row) => quantile(this.differences, (row + 0.5) / FIFTY))
      : this.differences;
    const unit = this.x(1) - this.x(0);
    const bin = [1, 2, 5, 10].find((size) => size * unit >= (this.isFifty ? 12 : 9)) || 10;
    const wide = bin * unit;
    const bins = new Map();
    values.forEach((value) => {
      const key = Math.round(value / bin);
      bins.set(key, (bins.get(key) || 0) + 1);
    });
    const most = Math.max(...bins.values());
    const room = this.floor - CEILING - 4;
    const sizeOf = (many) => Math.min(wide / many, room / Math.ceil(most / many));
    const columns = [1, 2, 3, 4, 5, 6, 8, 10].reduce((best, many) => (sizeOf(many) > sizeOf(best) ? many : best));
    const size = sizeOf(columns);
    const filled = new Map();
    values.forEach((value, row) => {
      const key = Math.round(value / bin);
      const place = filled.get(key) || 0;
      filled.set(key, place + 1);
      const used = Math.min(columns, bins.get(key));
      const x = this.x(key * bin) + ((place % columns) - (used - 1) / 2) * size;
      const y = this.floor - 2 - size * (0.5 + Math.floor(place / columns));
      const isLit = row === this.lit && !this.isFifty;
      const kind = `dot${isLit ? " lit" : this.holds(value) ? "" : " out"}`;
      const mark = svg("circle", { class: kind, cx: x, cy: y, r: isLit ? Math.max(6, size / 2) : size / 2 - 0.4 }, this.overlay);
      this.circles.push({ mark, y });
      if (isLit) this.litPlace = [x, y];
    });
    if (this.lit >= 0 && !this.isFifty) {
      const mark = this.circles[this.lit].mark;
      this.overlay.append(mark);
      const value = this.differences[this.lit];
      svg("path", { class: "bracket", d: `M${this.x(0)} ${CEILING - 8}H${this.x(value)}` }, this.overlay);
      svg("text", { class: "strong", x: this.x(value) + (value < 0 ? -6 : 6), y: CEILING - 3, "text-anchor": value < 0 ? "end" : "start" },
        this.overlay, count(value, true));
    }
    if (this.isDone) {
      const { low, high, mean } = this.summary;
      svg("path", { class: "nine", d: `M${this.x(low)} ${this.floor + 29}H${Math.max(this.x(high), this.x(low) + 2)}` }, this.overlay);
      svg("path", { class: "mean", d: `M${this.x(mean)} ${this.floor + 22}v14` }, this.overlay);
    }
  }

  drawBracket() {
    const { low, high } = this.bracket;
    const [from, to] = [this.x(low), this.x(high)];
    const base = this.floor + 42;
    const within = svg("rect", {
      class: "within", x: from, y: CEILING, width: Math.max(to - from, 1), height: base - CEILING,
    }, this.overlay);
    within.addEventListener("pointerdown", (event) => this.grab(event, "both"));
    svg("path", { class: "bracket", d: `M${from} ${base - 8}V${base}H${to}V${base - 8}` }, this.overlay);
    for (const end of ["low", "high"]) {
      const handle = svg("g", {
        role: "slider", tabindex: this.isFixed ? -1 : 0, "data-end": end, "aria-label": this.page.texts[end],
        "aria-valuemin": -this.range, "aria-valuemax": this.range, "aria-valuenow": this.bracket[end],
        "aria-valuetext": say(this.page.about.says.bracket_text, { value: count(this.bracket[end], true) }),
        ...(this.isFixed ? { "aria-disabled": "true" } : {}),
      }, this.overlay);
      svg("circle", { class: "handle", cx: this.x(this.bracket[end]), cy: base, r: 11 }, handle);
      const isClose = to - from < 60;
      svg("text", {
        class: "strong", x: this.x(this.bracket[end]) + (isClose ? (end === "low" ? -14 : 14) : 0), y: base + (isClose ? 5 : 27),
        "text-anchor": isClose ? (end === "low" ? "end" : "start") : "middle",
      }, handle, count(this.bracket[end], true));
      handle.addEventListener("pointerdown", (event) => this.grab(event, end));
      handle.addEventListener("keydown", (event) => this.key(event, end));
    }
  }

  grab(event, end) {
    if (this.isFixed) return this.options.onFixed();
    event.preventDefault();
    this.figure.setPointerCapture(event.pointerId);
    this.held = { end, from: this.x.back(pointerIn(this.figure, event)[0]), ...this.bracket };
    return null;
  }

  drag(event) {
    if (!this.held || this.isFixed) return;
    const moved = Math.round(this.x.back(pointerIn(this.figure, event)[0]) - this.held.from);
    const { end } = this.held;
    this.move(
      end === "high" ? this.held.low : this.held.low + moved,
      end === "low" ? this.held.high : this.held.high + moved,
      end,
    );
  }

  key(event, end) {
    const moves = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -10, PageUp: 10 };
    if (!(event.key in moves)) return null;
    if (this.isFixed) return this.options.onFixed();
    event.preventDefault();
    const moved = { ...this.bracket, [end]: this.bracket[end] + moves[event.key] };
    return this.move(moved.low, moved.high, end);
  }

  move(low, high, end) {
    const bound = (value) => clamp(value, -this.range, this.range);
    if (end === "low") low = Math.min(low, high);
    if (end === "high") high = Math.max(low, high);
    this.bracket = { low: bound(low), high: bound(high) };
    this.render();
    this.options.onBracket(this.bracket);
  }
}
