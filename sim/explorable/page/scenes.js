// The seven scenes: what each asks, and what it shows when it was answered.

import { differences, quantile, unpack } from "./campaigns.js";
import { animate, count, isStill, say } from "./figures.js";
import { Country, drawNight, drawStrip } from "./map.js";
import { Curve, describeDrawing } from "./curve.js";
import { Dots } from "./dots.js";

const NAMES = [...document.querySelectorAll("[data-scene]")].map((scene) => scene.id);
const SAMPLE = 50;
const START = "F064"; // the reported dot of 1 May
const SINGLES = 8; // single outcomes that one press shows
const SINGLE = 0.6; // seconds for each of them
const LARGEST = 100_000; // bytes of a file of drawings
const DAY = 0.09; // seconds for a day on which nothing changes
const CHANGE = 0.028; // and for each change
const CLASS = document.getElementById("class"); // there only in a class session, with what the page has to know of it
const find = (scene, name) => document.getElementById(scene).querySelector(`[data-${name}]`);
const show = (element, isShown) => element && (element.hidden = !isShown);
const content = (id) => document.getElementById(id).content.textContent.trim();

// What a reader has done, kept for a reload of this window.
class Memory {
  constructor(key) {
    this.key = `panj-${key}`;
    this.state = {
      seed: null, drawing: null, isLocked: false, hasRun: false, pick: null, brackets: {}, sentence: "", reached: 0,
      shown: [], // in a class, decisions whose pairs the wall has shown
    };
    try {
      Object.assign(this.state, JSON.parse(sessionStorage.getItem(this.key)) || {});
    } catch { /* a window without storage forgets */ }
  }

  set(changes) {
    Object.assign(this.state, changes);
    try {
      sessionStorage.setItem(this.key, JSON.stringify(this.state));
    } catch { /* as above */ }
  }
}

class Page {
  constructor({ about, campaigns }) {
    this.about = about;
    this.campaigns = campaigns;
    this.texts = JSON.parse(content("texts"));
    this.runs = about.seeds.length;
    this.adopted = {}; // by scene, what shows again what the state has
    this.isAgain = false; // whether what is told was done before this page was loaded
    this.class = CLASS && JSON.parse(content("class"));
    const session = this.class ? `-${this.class.code}-${this.class.attempt}` : "";
    this.memory = new Memory(about.fingerprints.settings + about.seeds.join().length + about.decisions.length + session);
    if (this.class) return this.attend();
    const asked = about.seeds.indexOf(Number(new URLSearchParams(location.search).get("seed") ?? NaN));
    if (asked >= 0) this.memory.set({ seed: asked });
    else if (this.state.seed === null) this.memory.set({ seed: Math.floor(Math.random() * this.runs) });
    this.sample = sampleOf(this.runs, this.state.seed);
  }

  // In a class the campaign is given, and the scenes are those to which the teacher has come.
  attend() {
    this.memory.set({ seed: this.class.campaign, reached: this.class.scene });
    this.sample = sampleOf(this.runs, this.state.seed);
    this.adopt(this.class.kept, () => true);
    document.addEventListener("panj-class", ({ detail: { scene, kept, waiting } }) => {
      if (kept) this.adopt(kept, (key) => waiting.includes(key));
      this.follow(scene);
    });
  }

  // Show what the class keeps of this student, who may have done it in another tab. What has not arrived stays.
  adopt({ drawing, hasRun, brackets, shown }, isWaiting) {
    const before = this.state;
    const state = { ...before, hasRun: before.hasRun || hasRun, brackets: {}, shown };
    if (drawing) Object.assign(state, { drawing, isLocked: true });
    else if (hasRun && !isWaiting("drawing ")) Object.assign(state, { drawing: null, isLocked: true });
    for (const [decision, bracket] of Object.entries(before.brackets))
      if (isWaiting(`bracket ${decision}`)) state.brackets[decision] = bracket;
    for (const [decision, bracket] of Object.entries(brackets)) state.brackets[decision] = this.measured(decision, bracket);
    const done = ({ isLocked, drawing: drawn, hasRun: ran, brackets: set }) => JSON.stringify([isLocked && drawn, ran,
      Object.keys(set).sort().map((decision) => [decision, set[decision].low, set[decision].high])]);
    const isOther = done(state) !== done(before);
    const isSeen = shown.join() !== before.shown.join();
    this.memory.set(state);
    if (isOther) document.dispatchEvent(new CustomEvent("panj-other"));
    if (isOther || isSeen) for (const show of Object.values(this.adopted)) show();
  }

  // A bracket with the number of pairs that it holds.
  measured(decision, { low, high }) {
    const row = this.about.decisions.findIndex((one) => one.key === decision);
    const held = differences(this.campaigns[0], row).filter((one) => one >= low && one <= high).length;
    return { low, high, held, runs: this.runs };
  }

  follow(scene) {
    if (scene === this.state.reached) return;
    this.memory.set({ reached: scene });
    this.go(NAMES[scene]);
  }

  // Tell again what was done before this page was loaded, in case it has not arrived.
  tellAgain() {
    const { isLocked, drawing, hasRun, brackets } = this.state;
    this.isAgain = true;
    if (isLocked && drawing) this.tell("drawing", { drawing });
    if (hasRun) this.settle();
    for (const [decision, bracket] of Object.entries(brackets)) this.tell("bracket", { decision, ...bracket });
    this.isAgain = false;
  }

  get state() { return this.memory.state; }
  get own() { return this.campaigns[0][0][this.state.seed]; }
  get last() { return this.about.days - 1; }

  dateOf(day) {
    const date = new Date(`${this.about.start}T00:00:00Z`);
    date.setUTCDate(date.getUTCDate() + day);
    return date;
  }

  day(day) {
    const date = this.dateOf(day);
    const { says } = this.about;
    return say(says.date, { day: date.getUTCDate(), month: says.months[date.getUTCMonth()] });
  }

  // Tell the page of a class, and the window around this one if it is of the same site, what was done.
  tell(kind, values) {
    document.dispatchEvent(new CustomEvent("panj-told", { detail: { kind, isAgain: this.isAgain, ...values } }));
    if (parent !== self && location.origin !== "null")
      parent.postMessage({ panj: "explorable", version: 1, kind, ...values }, location.origin);
  }

  // The drawing stays as it is; one that is not whole is none.
  lock() {
    const drawing = isDrawing(this.state.drawing, this.about) ? this.state.drawing : null;
    this.memory.set({ isLocked: true, drawing });
    if (drawing) this.tell("drawing", { drawing });
  }

  // The own campaign has been seen: nothing can be drawn any more.
  settle() {
    if (this.isSettled) return;
    this.isSettled = true;
    if (!this.state.isLocked) this.lock();
    this.memory.set({ hasRun: true });
    this.tell("campaign", { seed: this.about.seeds[this.state.seed], held: [...this.own.held], drawing: this.state.drawing });
  }

  go(name) {
    if (location.hash === `#${name}`) this.enter(name);
    else location.hash = name;
  }

  // The place of a scene, or of the last one before it that was reached.
  placeOf(name) {
    return Math.min(Math.max(NAMES.indexOf(name), 0), this.state.reached);
  }

  enter(asked) {
    const place = this.placeOf(asked);
    const name = NAMES[place];
    for (const scene of NAMES) document.getElementById(scene).hidden = scene !== name;
    document.getElementById("step").textContent = say(this.texts.step, { n: place + 1, all: NAMES.length });
    this.coverSources();
    document.getElementById(`${name}-heading`).focus({ preventScroll: true });
    scrollTo(0, 0);
    this.scenes[name]?.();
  }

  // The sources do not give away what a reader is asked to draw.
  coverSources() {
    const isAsked = this.state.reached < NAMES.indexOf("reports");
    for (const { id } of this.about.record)
      if (id !== START) show(document.querySelector(`[data-source="${id}"]`), !isAsked);
  }

  next(name) {
    const place = NAMES.indexOf(name) + 1;
    if (this.class && place > this.state.reached) return document.dispatchEvent(new CustomEvent("panj-wait"));
    this.memory.set({ reached: Math.max(this.state.reached, place) });
    return this.go(NAMES[place]);
  }
}

// Fifty seeds, evenly spread, one of which is the reader's own.
function sampleOf(runs, own) {
  return Array.from({ length: SAMPLE }, (_, row) => (own + Math.floor((row * runs) / SAMPLE)) % runs);
}

function line(campaign, ink, width, alpha) {
  return { values: campaign.held, ink, width, alpha };
}

function draw(page) {
  const { about, memory } = page;
  const said = find("draw", "said");
  const lock = find("draw", "lock");
  const curve = new Curve(find("draw", "chart"), page, {
    isDrawable: true,
    onDraw() {
      lock.disabled = !curve.isWhole;
      memory.set({ drawing: curve.drawing });
      const text = describeDrawing(curve, page);
      curve.describe(say(about.says.chart_of_drawing, { drawn: text }));
      said.textContent = curve.drawing ? text : page.texts.hint;
    },
  });
  const dot = about.record.find((one) => one.id === START);
  curve.start = dot.value;
  curve.reports = [{ ...dot, isNamed: true, text: `${say(about.says.dot_of_may, dot)} ${dot.id}` }];
  curve.drawing = page.state.drawing;
  curve.describe(say(about.says.chart_of_drawing, { drawn: describeDrawing(curve, page) }));
  lock.disabled = !curve.isWhole;
  const wipe = find("draw", "wipe");
  const freeze = () => {
    wipe.disabled = true;
    lock.textContent = page.texts.next;
    lock.disabled = false;
    curve.drawing = page.state.drawing;
    curve.freeze();
    said.textContent = page.state.drawing ? page.texts.locked : page.texts.too_late;
  };
  page.scenes.draw = () => page.state.isLocked && freeze();
  page.scenes.draw();
  page.adopted.draw = page.scenes.draw;
  wipe.addEventListener("click", () => curve.clear());
  lock.addEventListener("click", () => {
    if (!page.state.isLocked) page.lock();
    freeze();
    page.next("draw");
  });
}

function run(page) {
  const { about, own } = page;
  const [slider, date, said] = ["day", "date", "said"].map((name) => find("run", name));
  const [button, next] = [find("run", "run"), find("run", "next")];
  const country = new Country(find("run", "map"), about, page.texts);
  const curve = new Curve(find("run", "chart"), page);
  const strip = document.querySelectorAll("#river-strip .river-post");
  let stop = null;
  let isRun = false;
  curve.names = true;

  function at(day) {
    slider.value = day;
    slider.setAttribute("aria-valuetext", page.day(day));
    date.textContent = page.day(day);
    Object.assign(curve, { campaign: own.held, until: day, drawing: page.state.drawing });
    curve.render();
    country.show(own, day);
    const crossed = count(own.crossed[day]);
    country.figure.setAttribute("aria-label", say(about.says.map, {
      day: page.day(day), value: own.held[day], districts: about.districts, count: crossed,
    }));
    curve.describe(`${page.day(day)}: ${say(about.says.held, { value: own.held[day] })}`);
    const used = new Set(own.nights.filter((night) => night.day <= day).map((night) => night.post));
    strip.forEach((post, row) => (post.style.fill = used.has(row) ? "var(--deep)" : ""));
    if (day < page.last && !isRun) said.textContent = day ? say(about.says.crossed, { count: crossed }) : "";
    if (day === page.last) finish();
  }

  function finish() {
    pause();
    page.settle();
    isRun = true;
    const values = { value: own.held[page.last], drawn: count(page.state.drawing?.[page.last] ?? 0) };
    said.textContent = say(page.state.drawing ? about.says.ran : about.says.ran_without, values);
    show(next, true);
    show(find("run", "lead"), false);
    button.classList.remove("main");
    next.classList.add("main");
  }

  function pause() {
    stop?.();
    stop = null;
    button.textContent = page.texts.run;
  }

  function play() {
    if (stop) return pause();
    let day = Number(slider.value) >= page.last ? 0 : Number(slider.value);
    if (isStill()) return at(page.last);
    button.textContent = page.texts.pause;
    let left = 0;
    said.setAttribute("aria-live", "off");
    stop = animate((seconds) => {
      left -= seconds;
      if (left > 0) return true;
      at(day);
      if (day === page.last) return said.setAttribute("aria-live", "polite") || false;
      day += 1;
      left = DAY + CHANGE * Math.abs(own.held[day] - own.held[day - 1]);  // slower where more happens
      return true;
    });
    return null;
  }

  button.addEventListener("click", play);
  slider.addEventListener("input", () => {
    pause();
    at(Number(slider.value));
  });
  at(0);
  page.adopted.run = () => at(Number(slider.value));
  page.scenes.run = () => at(isRun ? page.last : Number(slider.value));
}

function gather(page) {
  const { about, memory } = page;
  const [said, picker, pick, choose, start] = ["said", "picker", "pick", "choose", "gather"].map((name) => find("gather", name));
  const byEnd = [...page.sample].sort((one, other) => endOf(one) - endOf(other));
  const curve = new Curve(find("gather", "chart"), page, {
    right: 90,
    onTap(day, value) {
      if (picker.hidden) return;
      const at = Math.max(0, Math.min(page.last, Math.round(day)));
      const gap = (seed) => Math.abs(page.campaigns[0][0][seed].held[at] - value);
      const nearest = byEnd.reduce((best, seed, row) => (gap(seed) < gap(byEnd[best]) ? row : best), 0);
      pick.value = nearest;
      choosing();
    },
  });
  let shown = 0;

  function endOf(seed) {
    return page.campaigns[0][0][seed].held[page.last];
  }

  function lay() {
    const seeds = page.sample.slice(0, shown);
    curve.lines = seeds.map((seed) => line(page.campaigns[0][0][seed], "blue", 1.2, 0.5));
    curve.campaign = page.own.held;
    curve.ends = seeds.map((seed) => ({ value: endOf(seed), isOwn: seed === page.state.seed }));
    curve.render();
    const { manner } = about.worlds[0];
    find("gather", "caption").textContent = say(about.says.sample, { count: Math.max(1, shown), runs: page.runs, manner });
    describeLines(curve, page, seeds.map((seed) => page.campaigns[0][0][seed]));
  }

  function done() {
    shown = SAMPLE;
    lay();
    const ends = page.sample.map(endOf);
    find("gather", "lead").textContent = page.texts.ask;
    said.textContent = say(about.says.gathered, { low: Math.min(...ends), high: Math.max(...ends), value: endOf(page.state.seed) });
    show(start, false);
    show(picker, true);
    show(choose, true);
    if (document.activeElement === document.body || document.activeElement === start) pick.focus({ preventScroll: true });
    chosen();
  }

  function chosen() {
    const seed = byEnd[Number(pick.value)];
    curve.pick = page.campaigns[0][0][seed].held;
    curve.render();
    showKey("gather", curve);
    pick.setAttribute("aria-valuetext", say(about.says.picked, { value: endOf(seed) }));
    return seed;
  }

  // The line that is lit at first is nobody's choice, so it is kept only once the reader has chosen.
  function choosing() {
    memory.set({ pick: chosen() });
  }

  if (page.class) {
    find("gather", "lead").textContent = page.class.texts.gather;
    page.scenes.gather = () => page.settle();
  }
  start.addEventListener("click", () => {
    start.disabled = true;
    if (isStill()) return done();
    let seconds = 0;
    said.setAttribute("aria-live", "off");
    animate((passed) => {
      seconds += passed;
      const wanted = Math.min(SAMPLE, Math.floor((seconds / 5) ** 1.5 * SAMPLE) + 1);
      if (wanted > shown) {
        shown = wanted;
        lay();
        said.textContent = say(about.says.gathering, { count: shown });
      }
      if (seconds < 5) return true;
      said.setAttribute("aria-live", "polite");
      done();
      return false;
    });
    return null;
  });
  pick.addEventListener("input", choosing);
  choose.addEventListener("click", () => {
    choosing();
    page.tell("pick", { seed: about.seeds[page.state.pick] });
    page.next("gather");
  });
  lay();
}

// Name the two lines that are not like the others, as far as they are drawn.
function showKey(scene, curve) {
  for (const [name, isDrawn] of [["own", curve.campaign], ["pick", curve.pick]])
    show(document.querySelector(`#${scene} [data-line=${name}]`), Boolean(isDrawn));
}

function describeLines(curve, page, campaigns) {
  if (!campaigns.length) return curve.describe(say(page.about.says.chart_of_own, { value: page.own.held[page.last] }));
  const ends = campaigns.map((campaign) => campaign.held[page.last]);
  return curve.describe(say(page.about.says.chart_of_lines, {
    count: campaigns.length, low: count(quantile(ends, 0.25)), high: count(quantile(ends, 0.75)),
  }));
}

function reports(page) {
  const { about } = page;
  const [said, button, next, after, key] = ["said", "show", "next", "after", "key"].map((name) => find("reports", name));
  const curve = new Curve(find("reports", "chart"), page);
  const centres = about.record.filter((one) => one.kind === "centres");
  const dated = centres[centres.length - 1];
  let worlds = 0;
  let areShown = false;

  function lay() {
    const campaigns = page.campaigns[worlds][0];
    curve.lines = campaigns.map((campaign) => line(campaign, "blue", 1, 0.22));
    curve.pick = !worlds && page.state.pick !== null ? campaigns[page.state.pick].held : null;
    curve.campaign = worlds ? null : page.own.held;
    showKey("reports", curve);
    curve.reports = areShown ? about.record.map((one) => ({ ...one, isNamed: true, text: `${one.text} ${one.id}` })) : [];
    curve.render();
    describeLines(curve, page, campaigns);
    const { manner } = about.worlds[worlds];
    find("reports", "caption").textContent = say(about.says.campaigns, { runs: page.runs, manner });
    if (!areShown) return;
    const there = campaigns.map((campaign) => campaign.held[dated.day]);
    said.textContent = say(about.says.reported, {
      below: there.filter((value) => value < dated.value).length, above: there.filter((value) => value > dated.value).length,
      runs: campaigns.length, value: Math.round(dated.value), day: page.day(dated.day),
    });
  }

  button.addEventListener("click", () => {
    areShown = true;
    lay();
    for (const one of [after, key, next]) show(one, true);
    show(button, false);
    show(find("reports", "lead"), false);
    next.focus({ preventScroll: true });
  });
  for (const radio of after.querySelectorAll("input"))
    radio.addEventListener("change", () => {
      worlds = Number(radio.value);
      lay();
    });
  page.scenes.reports = lay;
}

function decision(page) {
  const { about, memory } = page;
  const [said, one, after, again, fall, next, select] =
    ["said", "one", "after", "again", "fall", "next", "decision"].map((name) => find("decision", name));
  const dots = new Dots(find("decision", "dots"), page, {
    onBracket: () => (fall.disabled = false),
    onFixed: () => (said.textContent = about.says.bracket_stays),
  });
  let worlds = 0;
  let stop = null;

  const found = () => differences(page.campaigns[worlds], Number(select.value));
  // Before the pairs fall, the axis is the same for every decision, so that it gives nothing away.
  const rounded = (value) => Math.max(20, Math.ceil(value / 10) * 10);
  const rangeOfAll = () => rounded(quantile(about.decisions.slice(1).flatMap((_, row) =>
    differences(page.campaigns[0], row + 1).map(Math.abs)), 0.99));
  const rangeOfOne = () =>
    rounded(Math.max(...[...found(), dots.bracket?.low ?? 0, dots.bracket?.high ?? 0].map(Math.abs)));
  const keyOf = () => about.decisions[Number(select.value)].key;

  function begin() {
    stop?.();
    worlds = 0;
    const range = rangeOfAll();
    const kept = memory.state.brackets[keyOf()];
    const isSeen = !kept && memory.state.shown.includes(keyOf()); // on the wall, so that no bracket can be set any more
    const first = { low: -Math.round(range / 4), high: Math.round(range / 4) };
    dots.isDone = false;
    dots.isFixed = Boolean(kept); // it was set before its pairs had fallen
    fall.disabled = !kept && !isSeen;
    dots.begin(range, kept ? { low: kept.low, high: kept.high } : isSeen ? null : first);
    said.textContent = isSeen ? page.class.texts.seen : "";
    one.textContent = "";
    for (const element of [after, again, next]) show(element, false);
    show(fall, true);
    show(find("decision", "before"), !isSeen);
    const free = after.querySelector("[data-worlds] input");
    if (free) free.checked = true;
    select.disabled = false;
    caption();
  }

  function caption() {
    const { about: meaning } = about.decisions[Number(select.value)];
    const { manner } = about.worlds[worlds];
    const said = say(about.says.pairs, { runs: page.runs, manner, meaning: dots.isDone ? "" : meaning });
    find("decision", "caption").textContent = said.trim();
  }

  function told() {
    dots.isDone = true;
    dots.render();
    said.textContent = say(dots.bracket ? about.says.fallen : about.says.fallen_seen, { runs: page.runs, ...dots.summaryText });
    caption();
  }

  // The bracket is kept before its pairs fall, so that a page that is loaded again while they do has it as it was.
  function keepBracket() {
    if (!dots.bracket || memory.state.brackets[keyOf()]) return;
    const bracket = page.measured(keyOf(), dots.bracket);
    memory.set({ brackets: { ...memory.state.brackets, [keyOf()]: bracket } });
    page.tell("bracket", { decision: keyOf(), ...bracket });
  }

  function drop() {
    keepBracket();
    show(fall, false);
    show(find("decision", "before"), false);
    select.disabled = true;
    dots.isDone = false;
    dots.isFixed = true;
    said.textContent = "";
    dots.fall(found(), rangeOfOne(), () => {
      select.disabled = false;
      told();
      for (const element of [after, again, next]) show(element, true);
      if (document.activeElement === document.body || document.activeElement === fall) again.focus({ preventScroll: true });
    });
  }

  // Single outcomes, one after the other: which pair is shown is drawn anew each time.
  function single() {
    const seed = Math.floor(Math.random() * page.runs);
    dots.light(seed);
    const end = (row) => page.campaigns[worlds][row][seed].held[page.last];
    one.textContent = say(about.says.one_pair, { seed: about.seeds[seed], without: end(0), with: end(Number(select.value)) });
  }

  again.addEventListener("click", () => {
    stop?.();
    for (const radio of after.querySelectorAll("[data-kind] input")) radio.checked = radio.value === "all";
    dots.isFifty = false;
    single();
    if (isStill()) return;
    let left = SINGLE;
    let shown = 1;
    one.setAttribute("aria-live", "off");
    stop = animate((seconds) => {
      left -= seconds;
      if (left > 0) return true;
      if (shown === SINGLES) return one.setAttribute("aria-live", "polite") || false;
      left = SINGLE;
      shown += 1;
      single();
      return true;
    });
  });
  fall.addEventListener("click", drop);
  select.addEventListener("change", begin);
  for (const radio of after.querySelectorAll("[data-worlds] input"))
    radio.addEventListener("change", () => {
      stop?.();
      worlds = Number(radio.value);
      one.textContent = "";
      drop();
    });
  for (const radio of after.querySelectorAll("[data-kind] input"))
    radio.addEventListener("change", () => {
      stop?.();
      one.textContent = "";
      dots.isFifty = radio.value === "fifty";
      dots.light(-1);
    });
  begin();
  page.adopted.decision = () => {
    const kept = memory.state.brackets[keyOf()];
    const isOpen = !kept && !memory.state.shown.includes(keyOf()); // a bracket can be set
    const isSame = kept ? dots.isFixed && kept.low === dots.bracket?.low && kept.high === dots.bracket?.high
      : isOpen ? dots.bracket && !dots.isFixed : !dots.bracket;
    if (!isSame) begin();
  };
}

function claim(page) {
  const { about, memory } = page;
  const sentence = find("claim", "sentence");
  sentence.value = page.state.sentence;
  sentence.addEventListener("input", () => memory.set({ sentence: sentence.value }));
  if (page.class) {
    share(page, sentence);
    giveToTeacher(page, sentence);
  }
  find("claim", "print").addEventListener("click", () => {
    document.querySelector("footer details").open = true;
    print();
  });
  find("claim", "save").addEventListener("click", () => {
    const { seed, drawing, isLocked, pick, brackets } = page.state;
    const file = {
      format: "panj explorable", version: 1, fingerprints: about.fingerprints, start: about.start, runs: page.runs,
      seed: about.seeds[seed], drawing, is_locked: isLocked, ended: page.own.held[page.last],
      picked_seed: pick === null ? null : about.seeds[pick], brackets, sentence: sentence.value,
    };
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([JSON.stringify(file, null, 1)], { type: "application/json" }));
    link.download = `drawings-${about.seeds[seed]}.json`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
    find("claim", "said").textContent = about.says.saved;
  });
}

// In a class the sentence goes to the teacher.
function giveToTeacher(page, sentence) {
  const [give, save, said] = ["give", "save", "said"].map((name) => find("claim", name));
  const { texts } = page.class;
  give.textContent = texts.give;
  show(give, true);
  save.classList.remove("main");
  give.addEventListener("click", () => {
    if (!sentence.value.trim()) return sentence.focus();
    page.tell("sentence", { sentence: sentence.value.trim() });
    said.textContent = texts.given;
    return null;
  });
}

// Pages of one student in a class have one sentence: the one typed last. It stays in their windows.
function share(page, sentence) {
  const channel = new BroadcastChannel(page.memory.key);
  sentence.addEventListener("input", () => channel.postMessage({ sentence: sentence.value }));
  channel.addEventListener("message", ({ data }) => {
    if (data.isAsked) return sentence.value && channel.postMessage({ sentence: sentence.value });
    sentence.value = data.sentence;
    return page.memory.set({ sentence: data.sentence });
  });
  if (!sentence.value) channel.postMessage({ isAsked: true });
}

// Lay the drawings of a class, as their files say, over each other; the files stay in this window.
function gatherClass(page) {
  const { about } = page;
  const [files, figure, read, sentences] =
    ["files", "class", "read", "sentences"].map((name) => find("teachers", name));
  let curve = null;
  files.addEventListener("change", async () => {
    const texts = await Promise.all([...files.files].filter((file) => file.size < LARGEST).map((file) => file.text()));
    const found = texts.map(parsed).filter((one) => one?.format === "panj explorable" && isDrawing(one.drawing, about));
    const others = files.files.length - found.length;
    show(figure, found.length > 0);
    sentences.replaceChildren(...found.filter((one) => one.sentence).map((one) => {
      const item = document.createElement("li");
      item.textContent = String(one.sentence);
      return item;
    }));
    const ends = found.map((one) => one.drawing[page.last]);
    const [low, high] = found.length ? [0.25, 0.75].map((share) => count(quantile(ends, share))) : ["?", "?"];
    read.textContent = say(about.says.class_read, { count: found.length, low, high, others });
    curve ||= new Curve(figure, page);
    curve.lines = found.map((one) => ({ values: one.drawing, ink: "ink", width: 1.5, alpha: 0.6 }));
    curve.reports = about.record.map((one) => ({ ...one, isNamed: true, text: `${one.text} ${one.id}` }));
    curve.describe(read.textContent);
    curve.render();
  });
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function isDrawing(values, about) {
  return Array.isArray(values) && values.length === about.days &&
    values.every((value) => Number.isFinite(value) && value >= 0 && value <= about.districts);
}

async function open() {
  const loading = document.getElementById("loading");
  const texts = JSON.parse(content("texts"));
  if (typeof DecompressionStream === "undefined") {
    loading.textContent = texts.old;
    return;
  }
  const page = new Page(await unpack(content("campaigns")));
  page.scenes = {};
  drawStrip(document.getElementById("river-strip"), page.about.map);
  drawNight(find("river", "river"), page.about, texts.river);
  gatherClass(page);
  const papers = document.getElementById("teachers");
  papers.open ||= location.hash === `#${papers.id}`; // a link to the worksheet
  const made = new Set(["river"]);
  const makers = { draw, run, gather, reports, decision, claim };
  const enter = () => {
    const name = NAMES[page.placeOf(location.hash.slice(1))];
    if (!made.has(name)) {
      made.add(name);
      document.getElementById(name).hidden = false;
      makers[name](page);
    }
    page.enter(name);
  };
  for (const name of NAMES) {
    find(name, "next")?.addEventListener("click", () => page.next(name));
    find(name, "back")?.addEventListener("click", () => page.go(NAMES[NAMES.indexOf(name) - 1]));
  }
  addEventListener("hashchange", enter);
  loading.remove();
  if (page.class) page.tellAgain();
  if (page.class && location.hash !== `#${NAMES[page.state.reached]}`) location.replace(`#${NAMES[page.state.reached]}`);
  enter();
  document.documentElement.dataset.ready = String(Math.round(performance.now()));
}

open();
