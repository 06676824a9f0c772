// Follow a class session through the scenes: ask where the teacher has taken it, and send what was done. The server's
// side is sim/classroom/scenes.py. It talks to the page by events: `panj-told`, `panj-wait` and `panj-other` come from
// it, and `panj-class` goes to it: where the class is and, if the server keeps other things of this student than the page
// knew, what it keeps. What waits to arrive is named too, because it is not kept yet.

const own = JSON.parse(document.getElementById("class").content.textContent);
const EVERY = 800; // milliseconds between questions
const OUT = `panj-out-${own.code}`; // kept by a tab whose student has left the scenes while the class is in them
const address = `explorable/class?class=${own.code}&page=${own.page}`;
const waiting = new Map(); // what was done and has not arrived yet
const LATER = ["scene_ahead", "paused"]; // why what was done is sent again
let isSending = false;
let hasToWait = false;
let refused = ""; // why something that was done was not kept
let isOther = false; // whether the page shows what was done in another tab
let isSaved = false; // whether the sentence has been saved as it is
let hasEnded = false; // whether the class has left the scenes while a sentence of this student was not saved
let has = own.has; // number of things that the page knows to be kept; none of these after a refusal

const bar = document.createElement("div");
const said = document.createElement("span");
const away = document.createElement("a");
const eyes = document.createElement("div");
bar.className = "class-bar";
bar.setAttribute("role", "region");
bar.setAttribute("aria-label", own.texts.bar);
said.setAttribute("role", "status");
away.href = `join?class=${own.code}`;
away.textContent = own.texts.leave;
eyes.className = "eyes";
eyes.setAttribute("role", "alert");
bar.append(said, away);
document.querySelector("header").after(bar);

away.addEventListener("click", () => {
  try {
    sessionStorage.setItem(OUT, "1");
  } catch { /* the page of the class leads back here */ }
});

function say(text, isUrgent = false) {
  if (said.textContent !== text) said.textContent = text;
  bar.classList.toggle("is-urgent", isUrgent);
}

// Pause and all eyes: the scenes cannot be used; what was done in them is kept.
function obey(call) {
  const main = document.querySelector("main");
  if (main.inert !== Boolean(call)) main.inert = Boolean(call);
  if (call === "eyes" && !eyes.isConnected) {
    document.body.append(eyes);
    eyes.textContent = own.texts.eyes;
  }
  if (call !== "eyes") eyes.remove();
}

function tell({ scene, call, kept, has: count }) {
  obey(call);
  if (scene !== own.scene) hasToWait = false;
  own.scene = scene;
  has = count;
  document.dispatchEvent(new CustomEvent("panj-class", { detail: { scene, kept, waiting: [...waiting.keys()] } }));
  const asked = call ? own.texts[call] : refused || (hasToWait ? own.texts.wait : isOther ? own.texts.other : "");
  say(asked || own.texts.team, Boolean(asked));
}

// The answer of the server as an object; nothing if this page does not belong to the class any more.
async function answered(response) {
  const found = await response.json().catch(() => ({}));
  if (response.status === 401 || (found.why && !LATER.includes(found.why) && found.why !== "other_attempt")) leave();
  return found;
}

// Return to the page of the class; a sentence that would be lost can be saved first.
function leave() {
  hasEnded = Boolean(document.querySelector("[data-sentence]").value) && !isSaved;
  if (!hasEnded) return location.replace(away.href);
  obey("");
  return say(own.texts.ended, true);
}

// Things are sent in the order in which they were done: what cannot arrive yet holds back what was done after it.
async function send() {
  if (isSending) return;
  isSending = true;
  try {
    for (const [key, done] of waiting) {
      const response = await fetch(`${address}&attempt=${own.attempt}`, {
        method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(done),
      });
      const found = await answered(response);
      if (LATER.includes(found.why) || response.status >= 500) break;
      if (waiting.get(key) === done) waiting.delete(key);
      if (found.other) isOther = true;
      if (!response.ok) has = "";
      if (!response.ok && found.why !== "other_attempt") refused = found.error;
      else if ("scene" in found && found.attempt === own.attempt) tell(found);
    }
  } catch { /* the server does not answer; it is sent with the next question */ }
  isSending = false;
}

async function ask() {
  try {
    const found = await answered(await fetch(`${address}&has=${has}`, { cache: "no-store" }));
    if ("scene" in found && found.attempt !== own.attempt) return location.reload(); // nothing of the old one is sent
    if ("scene" in found) tell(found);
    if (waiting.size) await send();
  } catch {
    say(own.texts.lost, true);
  }
  if (!hasEnded) setTimeout(ask, EVERY);
}

document.querySelector("[data-sentence]").addEventListener("input", () => (isSaved = false));
document.querySelector("[data-save]").addEventListener("click", () => (isSaved = true));

document.addEventListener("panj-told", ({ detail: { kind, isAgain, decision, low, high, drawing, sentence } }) => {
  if (kind === "sentence") isSaved = true;
  if (!isAgain) {
    refused = "";
    isOther = false;
  }
  const done = { drawing: { kind, drawing }, campaign: { kind }, bracket: { kind, decision, low, high },
    sentence: { kind, sentence } }[kind];
  if (!done) return;
  waiting.set(`${kind} ${decision || ""}`, done);
  send();
});
document.addEventListener("panj-wait", () => {
  hasToWait = true;
  say(own.texts.wait, true);
});
document.addEventListener("panj-other", () => {
  isOther = true;
  if (!refused) say(own.texts.other, true);
});
addEventListener("pagehide", () => navigator.sendBeacon(`${address}&left=1`));
say(own.texts.team);
ask();
