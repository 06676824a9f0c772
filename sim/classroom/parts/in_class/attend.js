// Show what the class is doing on a page that Solara does not draw; the server's side is sim/classroom/notices.py.

const EVERY = 2000; // milliseconds between questions
const place = document.getElementById("attending");
let shown = "";

function element(name, text) {
  const made = document.createElement(name);
  made.textContent = text;
  return made;
}

function show(notice) {
  const { call, called, said, link, href } = notice;
  if (shown === JSON.stringify(notice)) return; // nothing is read aloud twice
  shown = JSON.stringify(notice);
  place.className = call ? `attending-${call}` : "";
  place.replaceChildren(...(called ? [element("strong", called)] : []), ...(said ? [element("span", said)] : []));
  if (link) place.append(Object.assign(element("a", link), { href }));
  for (const one of document.body.children) one.inert = one !== place && Boolean(call); // what was typed is kept
}

async function ask() {
  try {
    const response = await fetch(place.dataset.from, { cache: "no-store" });
    if (response.ok) show(await response.json());
  } catch { /* the server does not answer; the page works without it */ }
  setTimeout(ask, EVERY);
}

if (window.top === window) {
  document.body.prepend(place);
  ask();
}
