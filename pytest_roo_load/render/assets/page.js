// The contents that follow the reader, and tabs over the runs of a test. Without scripts the runs stand one below the other.
"use strict";

const NARROW = matchMedia("(max-width: 74.99rem)");

function makeTabs(runs) {
  const panels = [...runs.querySelectorAll(":scope > .run")];
  if (panels.length < 2) return;
  const list = document.createElement("div");
  list.className = "tabs";
  list.setAttribute("role", "tablist");
  list.setAttribute("aria-label", "Runs of this test");
  const tabs = panels.map((panel) => makeTab(panel));
  list.append(...tabs);
  list.addEventListener("keydown", (event) => {
    const at = tabs.indexOf(document.activeElement);
    const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: tabs.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    const tab = tabs[(to + tabs.length) % tabs.length];
    tab.focus();
    choose(tab);
  });
  runs.before(list);
  runs.classList.add("tabbed");
  choose(tabs.find((tab) => !tab.querySelector(".mark.pass")) || tabs[0]);
}

function makeTab(panel) {
  const tab = document.createElement("button");
  tab.type = "button";
  tab.id = `${panel.id}-tab`;
  tab.setAttribute("role", "tab");
  tab.setAttribute("aria-controls", panel.id);
  for (const part of panel.querySelector(".run-heading").children) tab.append(part.cloneNode(true));
  tab.addEventListener("click", () => choose(tab));
  panel.setAttribute("role", "tabpanel");
  panel.setAttribute("aria-labelledby", tab.id);
  return tab;
}

function choose(tab) {
  for (const other of tab.parentElement.children) {
    other.setAttribute("aria-selected", String(other === tab));
    other.tabIndex = other === tab ? 0 : -1;
    document.getElementById(other.getAttribute("aria-controls")).classList.toggle("chosen", other === tab);
  }
}

// A link to a run opens its tab; folded contents open for what they lead to.
function openWhatIsLinked() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  const panel = target && target.closest("[role=tabpanel]");
  if (!panel) return;
  choose(document.getElementById(panel.getAttribute("aria-labelledby")));
  target.scrollIntoView();
}

function followTheReader() {
  const links = new Map([...document.querySelectorAll(".contents a")].map((link) => [link.hash.slice(1), link]));
  const sections = [...document.querySelectorAll("main > section")];
  const mark = () => {
    const reached = sections.filter((section) => section.getBoundingClientRect().top < innerHeight * 0.3);
    const current = (reached[reached.length - 1] || sections[0]).id;
    for (const [id, link] of links) {
      if (id === current) {
        if (!link.hasAttribute("aria-current")) {
          link.setAttribute("aria-current", "true");
          if (!NARROW.matches) link.scrollIntoView({ block: "nearest" });
        }
      } else link.removeAttribute("aria-current");
    }
  };
  let due = 0;
  addEventListener("scroll", () => {
    cancelAnimationFrame(due);
    due = requestAnimationFrame(mark);
  }, { passive: true });
  mark();
}

// On a narrow window the contents are a bar that folds.
function foldContents() {
  const contents = document.querySelector(".contents");
  const fold = () => {
    contents.open = !NARROW.matches;
  };
  NARROW.addEventListener("change", fold);
  contents.addEventListener("click", (event) => {
    if (NARROW.matches && event.target.closest("a")) contents.open = false;
  });
  fold();
}

document.documentElement.classList.add("js");
document.querySelectorAll(".runs").forEach(makeTabs);
foldContents();
followTheReader();
addEventListener("hashchange", openWhatIsLinked);
openWhatIsLinked();
