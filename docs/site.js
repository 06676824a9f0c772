// Wide tables scroll inside themselves; let the keyboard reach them. The theme wraps them after the page has loaded.
addEventListener("load", () => {
  for (const wide of document.querySelectorAll(".md-typeset__scrollwrap")) wide.tabIndex = 0;
});
