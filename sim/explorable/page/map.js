// The map of the districts, and the strip of the river that every scene shows.

import { clamp, colour, fit, say, sized, svg } from "./figures.js";
import { holders } from "./campaigns.js";

// The points of every arc, in km from the north-western corner.
function pointsOf(arcs) {
  return arcs.map((steps) => {
    const points = [];
    for (let at = 0, x = 0, y = 0; at < steps.length; at += 2) points.push([(x += steps[at]), (y += steps[at + 1])]);
    return points;
  });
}

// The point of the river that is nearest to a post, whose own place is approximate.
function atRiver(points, [x, y]) {
  const away = (point) => Math.hypot(point[0] - x, point[1] - y);
  return points.reduce((best, point) => (away(point) < away(best) ? point : best));
}

// Draw the river with its posts, fitted into the strip.
export function drawStrip(place, { river, posts }) {
  const points = river.flat();
  const margin = 9;
  const [xs, ys] = [0, 1].map((axis) => points.map((point) => point[axis]));
  const [west, north] = [Math.min(...xs) - margin, Math.min(...ys) - margin];
  place.setAttribute("viewBox", `${west} ${north} ${Math.max(...xs) + margin - west} ${Math.max(...ys) + margin - north}`);
  for (const line of river) svg("polyline", { class: "river-line", points: line.join(" ") }, place);
  return posts.map((post) => {
    const [cx, cy] = atRiver(points, post);
    return svg("circle", { class: "river-post", cx, cy, r: margin }, place);
  });
}

const ROWS = 12; // of dots, one per soldier
const GAPS = [5, 9]; // pixels between them, at least and at most

// The river of the first scene, with one dot for each soldier of the reported night.
export function drawNight(figure, { map, first, says }, river) {
  const place = svg("svg", { role: "img", "aria-label": `${river}; ${say(says.each_dot, first)}` }, figure);
  fit(figure, (width, height) => {
    place.replaceChildren();
    const points = map.river.flat();
    const [xs, ys] = [0, 1].map((axis) => points.map((point) => point[axis]));
    const [wide, high] = [Math.max(...xs) - Math.min(...xs), Math.max(...ys) - Math.min(...ys)];
    const gap = clamp((height - 64 - high * ((width - 20) / wide)) / ROWS, ...GAPS);
    const block = ROWS * gap;
    const top = block + 40;
    const factor = Math.min((width - 20) / wide, (height - top - 24) / high);
    const left = (width - wide * factor) / 2;
    const to = ([x, y]) => [left + (x - Math.min(...xs)) * factor, top + (y - Math.min(...ys)) * factor];
    for (const line of map.river) svg("polyline", { class: "river-line", points: line.map(to).join(" ") }, place);
    const [x, y] = to(atRiver(points, map.posts[first.post]));
    const columns = Math.ceil(first.soldiers / ROWS);
    const from = Math.max(4, Math.min(x - columns * gap - 8, width - columns * gap - 4));
    for (let one = 0; one < first.soldiers; one++)
      svg("circle", { class: "person", cx: from + gap * Math.floor(one / ROWS), cy: 24 + gap * (one % ROWS), r: gap * 0.34 }, place);
    svg("path", { class: "lead-line", d: `M${clamp(x, from, from + columns * gap)} ${24 + block}L${x} ${y}` }, place);
    svg("circle", { class: "river-post", cx: x, cy: y, r: 5 }, place);
    svg("text", { x: from - 2, y: 12 }, place, say(says.each_dot, first));
    svg("text", { x: width - 8, y: top + 8, "text-anchor": "end" }, place, says.north);
    svg("text", { x: 8, y: Math.min(height - 8, top + high * factor + 26) }, place, says.south);
    const [low, under] = to(points[Math.floor(points.length * 0.75)]);
    svg("text", { class: "place water", x: low, y: under + 22 }, place, river);
  });
}

export class Country {
  constructor(figure, about, texts) {
    this.figure = figure;
    this.about = about;
    this.texts = texts;
    this.arcs = pointsOf(about.map.arcs);
    this.canvas = document.createElement("canvas");
    this.overlay = svg("svg", { "aria-hidden": "true" });
    figure.setAttribute("role", "img");
    figure.append(this.canvas, this.overlay);
    fit(figure, (width, height) => this.resize(width, height));
  }

  resize(width, height) {
    const [east, south] = this.about.map.size;
    const factor = Math.min(width / east, height / south);
    const [left, top] = [(width - east * factor) / 2, (height - south * factor) / 2];
    this.place = ([x, y]) => [left + x * factor, top + y * factor];
    this.width = width;
    this.height = height;
    this.factor = factor;
    this.paths = this.about.map.districts.map((rings) => {
      const path = new Path2D();
      for (const ring of rings) {
        ring.forEach((number, row) => {
          const arc = number >= 0 ? this.arcs[number] : [...this.arcs[~number]].reverse();
          arc.forEach((point, at) => path[row + at ? "lineTo" : "moveTo"](...this.place(point)));
        });
        path.closePath();
      }
      return path;
    });
    this.provinces = new Path2D();
    for (const number of this.about.map.provinces) this.trace(this.provinces, this.arcs[number]);
    this.river = new Path2D();
    for (const line of this.about.map.river) this.trace(this.river, line);
    this.name();
    if (this.campaign) this.show(this.campaign, this.day);
  }

  trace(path, points) {
    points.forEach((point, at) => path[at ? "lineTo" : "moveTo"](...this.place(point)));
  }

  name() {
    this.overlay.replaceChildren();
    if (this.width > 330)
      for (const [name, x, y] of this.about.map.cities) {
        const [left, top] = this.place([x, y]);
        svg("circle", { cx: left, cy: top, r: 2, fill: colour("ink") }, this.overlay);
        svg("text", { class: "place", x: left + 5, y: top + 4 }, this.overlay, name);
      }
    const line = this.about.map.river.reduce((one, other) => (other.length > one.length ? other : one));
    const [left, top] = this.place(line[Math.floor(line.length * 0.35)]);
    svg("text", { class: "place water", x: left - 44, y: top - 8 }, this.overlay, this.texts.river);
  }

  // Show a campaign at the end of a day.
  show(campaign, day) {
    [this.campaign, this.day] = [campaign, day];
    if (!this.paths) return;
    const context = sized(this.canvas, this.width, this.height);
    const held = holders(campaign, day, this.about.districts);
    const [taken, ground] = [colour("held"), colour("ground")];
    context.lineWidth = 0.6;
    context.strokeStyle = "white";
    this.paths.forEach((path, row) => {
      context.fillStyle = held[row] ? taken : ground;
      context.fill(path, "evenodd");
      context.stroke(path);
    });
    context.strokeStyle = colour("quiet");
    context.stroke(this.provinces);
    context.lineJoin = "round";
    context.lineWidth = Math.max(3, this.factor * 9);
    context.strokeStyle = colour("river");
    context.stroke(this.river);
    this.people(context, campaign, day);
  }

  // Circles at the posts: soldiers who have crossed by then, area in proportion.
  people(context, campaign, day) {
    const totals = new Float64Array(this.about.posts);
    for (const night of campaign.nights) if (night.day <= day) totals[night.post] += night.soldiers;
    context.fillStyle = "#173554bb";
    context.strokeStyle = "white";
    context.lineWidth = 1;
    totals.forEach((soldiers, post) => {
      if (!soldiers) return;
      context.beginPath();
      context.arc(...this.place(this.about.map.posts[post]), Math.sqrt(soldiers) * this.factor, 0, 7);
      context.fill();
      context.stroke();
    });
  }
}
