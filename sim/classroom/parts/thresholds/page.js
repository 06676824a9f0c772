// The game of thresholds: who holds a card with t goes in the round after at least t others have gone.
const texts = JSON.parse(document.getElementById("texts").content.textContent);
const find = (id) => document.getElementById(id);
const MOST_PEOPLE = 60;
const MOST = 99; // on a card
const SVG = "http://www.w3.org/2000/svg";
const say = (key, values) => texts[key].replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);

// Numbers from 0 to 1 that are the same for the same seed (mulberry32).
function draws(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

// Whole numbers from a normal distribution (Box and Muller), none of them below 0.
function drawn(people, mean, spread, seed) {
  const draw = draws(seed);
  return Array.from({ length: people }, () => {
    const away = Math.sqrt(-2 * Math.log(1 - draw())) * Math.cos(2 * Math.PI * draw());
    return Math.min(MOST, Math.max(0, Math.round(mean + spread * away)));
  });
}

// How many have gone before the first round and after each, until nobody else goes.
function rounds(cards) {
  const counts = [0];
  for (;;) {
    const before = counts[counts.length - 1];
    const gone = cards.filter((card) => card <= before).length;
    counts.push(gone);
    if (gone === before) return counts;
  }
}

const game = { cards: [], counts: [0], round: 0, changed: null };

// A text with the digits and signs of numbers of every script in ASCII, as digits.py has it; in each script the digits are
// ten neighbours that begin with 0.
const SIGNS = { "\u066b": ".", "\u066c": ",", "\u066a": "%", "\u2212": "-" };
const MARKS = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g; // of direction
const inAscii = (text) => text.replace(MARKS, "").replace(/[^\x00-\x7f]/gu, (letter) => {
  if (letter in SIGNS) return SIGNS[letter];
  let first = letter.codePointAt(0);
  if (!/\p{Nd}/u.test(letter)) return letter;
  while (/\p{Nd}/u.test(String.fromCodePoint(first - 1))) first -= 1;
  return String((letter.codePointAt(0) - first) % 10);
});

// The whole number that a field asks for, which then shows it: what was typed, within its range. Throws a sentence if what
// was typed is no number.
const number = (id) => {
  const field = find(id);
  const { least, most } = field.dataset;
  const typed = inAscii(field.value).trim().replace(/^([+-]?[1-9]\d{0,2})((?:[ ,]\d{3})+)$/, (all, first, rest) => first + rest.replace(/[ ,]/g, ""));
  if (!/^[+-]?\d+(\.\d+)?$/.test(typed)) throw say("number_wrong", { found: field.value.slice(0, 40), least, most });
  const found = Math.min(Number(most), Math.max(Number(least), Math.round(Number(typed))));
  field.value = found;
  return found;
};

// The cards that the form asks for. Throws a sentence if what was typed is not numbers.
function dealt() {
  const people = number("people");
  const kind = find("kind").value;
  if (kind === "ladder") return Array.from({ length: people }, (_, row) => row);
  if (kind === "drawn") return drawn(people, number("mean"), number("spread"), number("seed"));
  const typed = inAscii(find("hand").value).split(/[\s,;\u060c]+/).filter(Boolean);
  const isRight = typed.length > 1 && typed.length <= MOST_PEOPLE && typed.every((one) => /^\d{1,2}$/.test(one));
  if (!isRight) throw say("hand_wrong", { found: find("hand").value.slice(0, 40) });
  return typed.map(Number);
}

// Show in an element why an act cannot be done; returns what the act returns, or null if it cannot.
function attempt(act, place) {
  let done = null;
  find(place).classList.remove("wrong");
  try {
    done = act();
  } catch (sentence) {
    if (typeof sentence !== "string") throw sentence;
    find(place).classList.add("wrong");
    find(place).textContent = sentence;
  }
  return done;
}

function deal(event) {
  event?.preventDefault();
  const cards = attempt(dealt, "dealt");
  if (!cards) return;
  const sorted = [...cards].sort((one, other) => one - other);
  Object.assign(game, { cards: sorted, counts: rounds(sorted), round: 0, changed: null });
  find("dealt").textContent = say("dealt", { people: sorted.length, cards: sorted.join(", ") });
  find("from").replaceChildren(...[...new Set(sorted)].map((card) => new Option(card, card, false, card === 1)));
  find("cards").replaceChildren(...sorted.map((card) => {
    const paper = document.createElement("div");
    paper.className = "card";
    paper.append(texts.card, Object.assign(document.createElement("b"), { textContent: card }));
    return paper;
  }));
  find("found").textContent = "";
  tell();
}

function tell() {
  const { counts, round, cards } = game;
  const values = { round, gone: counts[round], people: cards.length };
  const isOver = round === counts.length - 1;
  find("said").textContent = round ? say(isOver ? "still" : "went", values) : texts.begun;
  find("next").disabled = isOver;
  find("key-changed").hidden = !game.changed;
  drawChart();
}

function next() {
  game.round = Math.min(game.round + 1, game.counts.length - 1);
  tell();
}

function change(event) {
  event.preventDefault();
  const [from, to] = [Number(find("from").value), attempt(() => number("to"), "found")];
  if (to === null) return;
  const cards = [...game.cards];
  cards[cards.indexOf(from)] = to;
  game.changed = rounds(cards);
  game.round = game.counts.length - 1;
  const [before, after] = [game.counts, game.changed].map((counts) => counts[counts.length - 1]);
  find("found").textContent = say("changed", { before, after, from, to, people: cards.length });
  tell();
}

function mark(kind, traits, text = "") {
  const made = document.createElementNS(SVG, kind);
  for (const [key, value] of Object.entries(traits)) made.setAttribute(key, value);
  made.textContent = text;
  find("chart").append(made);
}

function drawChart() {
  const chart = find("chart");
  const { width, height } = chart.getBoundingClientRect();
  if (!width) return;
  chart.setAttribute("viewBox", `0 0 ${width} ${height}`);
  chart.replaceChildren();
  const shown = game.counts.slice(0, game.round + 1);
  const last = Math.max(10, game.counts.length - 1, (game.changed || []).length - 1);
  const people = game.cards.length;
  const x = (round) => 40 + (round / last) * (width - 60);
  const y = (gone) => height - 42 - (gone / people) * (height - 72);
  for (const value of [0, Math.round(people / 2), people]) {
    mark("line", { class: "axis", x1: x(0), x2: x(last), y1: y(value), y2: y(value) });
    mark("text", { x: 32, y: y(value) + 5, "text-anchor": "end" }, value);
  }
  for (let round = 0; round <= last; round += Math.ceil(last / 10))
    mark("text", { x: x(round), y: height - 22, "text-anchor": "middle" }, round);
  mark("text", { x: 4, y: 16 }, texts.people_axis);
  mark("text", { x: x(last), y: height - 4, "text-anchor": "end" }, texts.round_axis);
  for (const [counts, kind] of [[shown, ""], [game.changed || [], "changed"]]) {
    if (!counts.length) continue;
    mark("path", { class: kind, d: counts.map((gone, round) => `${round ? "L" : "M"}${x(round)} ${y(gone)}`).join("") });
    counts.forEach((gone, round) => mark("circle", { class: kind, cx: x(round), cy: y(gone), r: 5 }));
  }
  const said = [shown, game.changed].filter(Boolean).map((counts) => say("chart", { counts: counts.join(", ") }));
  chart.setAttribute("aria-label", said.join(" "));
}

find("deal").addEventListener("submit", deal);
find("change").addEventListener("submit", change);
find("next").addEventListener("click", next);
find("print").addEventListener("click", () => print());
find("kind").addEventListener("change", () => {
  for (const part of document.querySelectorAll("[data-kind]")) part.hidden = part.dataset.kind !== find("kind").value;
});
addEventListener("resize", drawChart);
deal();
document.documentElement.dataset.ready = "yes";
