// Shows one run at a time and steps through it. The page is whole without this.
"use strict";
(() => {
  const runs = [...document.querySelectorAll(".run")];
  const lines = document.querySelector("#source .scroll");
  if (runs.length === 0) return;
  let shown = null;

  const rowsOf = (run) => [...run.querySelectorAll(".steps tr[id]")];
  const rowOf = (run) => Number(run.dataset.row || 0);

  // Puts an element into view within its own frame only: the page stays where it is.
  function reveal(frame, element, down = true, aside = true) {
    const outer = frame.getBoundingClientRect();
    const inner = element.getBoundingClientRect();
    const room = 48;
    if (down && inner.top < outer.top + room) frame.scrollTop += inner.top - outer.top - room;
    if (down && inner.bottom > outer.bottom - room) frame.scrollTop += inner.bottom - outer.bottom + room;
    if (aside && inner.left < outer.left + room) frame.scrollLeft += inner.left - outer.left - room;
    if (aside && inner.right > outer.right - room) frame.scrollLeft += inner.right - outer.right + room;
  }

  // What a fact is at a row: its course is pairs of a row and the value from there on.
  function valueAt(course, row) {
    let value = null;
    for (const [since, next] of course) if (since <= row) value = next;
    return value;
  }

  function showFacts(run, row) {
    for (const fact of run.querySelectorAll(".fact")) {
      const course = JSON.parse(fact.dataset.course);
      const now = valueAt(course, row);
      const before = row > 0 ? valueAt(course, row - 1) : now;
      const changed = now !== before;
      fact.hidden = now === null && !changed;
      fact.classList.toggle("changed", changed);
      fact.classList.toggle("gone", changed && now === null);
      fact.querySelector(".value").textContent = now === null ? "–" : now;
      fact.querySelector(".was").textContent =
        !changed ? "" : before === null ? "new" : `was ${before}`;
    }
    for (const body of run.querySelectorAll(".facts tbody")) {
      body.hidden = !body.querySelector(".fact:not([hidden])");
    }
  }

  function showLines(run, row) {
    for (const line of lines.querySelectorAll("li.here")) line.classList.remove("here");
    for (const marks of lines.querySelectorAll(".marks")) marks.replaceChildren();
    const names = [...run.querySelectorAll(".steps thead th")].slice(1, -2);
    for (const place of row.dataset.at.split(" ").filter(Boolean)) {
      const [thread, line] = place.split(":").map(Number);
      const mark = document.createElement("span");
      mark.className = `name t${thread % 6}`;
      mark.textContent = names[thread].textContent.split(" ")[0];
      document.querySelector(`#L${line} .marks`)?.append(mark);
    }
    const line = document.getElementById(`L${row.dataset.line}`);
    if (line) {
      line.classList.add("here");
      reveal(lines, line, true, false);
    }
  }

  function showNode(run, row) {
    for (const node of run.querySelectorAll(".graph .here")) node.classList.remove("here");
    const says = run.querySelector(".here-says");
    const node = run.querySelector(`.graph .node[data-node="${row.dataset.node}"]`);
    says.hidden = !node;
    if (!node) return;
    node.classList.add("here");
    says.textContent = `${node.dataset.node}: ${node.querySelector("title").textContent}`;
    reveal(run.querySelector(".graph .scroll"), node);
  }

  function step(run, to, focus) {
    const rows = rowsOf(run);
    if (rows.length === 0) return;
    const at = Math.max(0, Math.min(to, rows.length - 1));
    run.dataset.row = at;
    rows.forEach((row, number) => {
      row.setAttribute("aria-selected", number === at);
      row.tabIndex = number === at ? 0 : -1;
    });
    for (const box of run.querySelectorAll("[data-step]")) {
      box.classList.toggle("here", Number(box.dataset.step) === at + 1);
    }
    const row = rows[at];
    reveal(run.querySelector(".trace"), row, true, false);
    if (focus) row.focus({ preventScroll: true });
    run.querySelector(".stepper output").textContent = `step ${at + 1} of ${rows.length}`;
    for (const button of run.querySelectorAll(".stepper button")) {
      const back = ["first", "back"].includes(button.dataset.go);
      button.disabled = at === (back ? 0 : rows.length - 1);
    }
    run.querySelector(".state h3").textContent = `State after step ${at + 1}`;
    showFacts(run, at);
    showLines(run, row);
    showNode(run, row);
    history.replaceState(null, "", `#${row.id}`);
  }

  function go(run, where, focus) {
    const last = rowsOf(run).length - 1;
    const to = { first: 0, back: rowOf(run) - 1, on: rowOf(run) + 1, last }[where];
    step(run, to, focus);
  }

  function show(run) {
    shown = run;
    for (const other of runs) other.hidden = other !== run;
    for (const link of document.querySelectorAll("a.outcome")) {
      if (link.hash === `#${run.id}`) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
  }

  // `#run-2` shows a run, `#run-2-step-5` one of its steps; other targets are the browser's.
  function follow() {
    const [, id, number] = location.hash.match(/^#(run-\d+)(?:-step-(\d+))?$/) || [];
    const run = runs.find((run) => run.id === id);
    if (!run) return false;
    show(run);
    step(run, number ? number - 1 : rowOf(run));
    const { top } = run.getBoundingClientRect();
    if (top < 0 || top > innerHeight / 2) run.scrollIntoView();
    return true;
  }

  const keys = { j: "on", k: "back", ArrowDown: "on", ArrowUp: "back", Home: "first", End: "last" };

  document.addEventListener("keydown", (event) => {
    const where = keys[event.key];
    if (!where || event.ctrlKey || event.altKey || event.metaKey) return;
    const inTable = event.target.closest?.(".steps") !== null;
    // Arrows, Home and End scroll everywhere else.
    if (!inTable && event.key.length > 1) return;
    event.preventDefault();
    go(shown, where, inTable);
  });

  document.addEventListener("click", (event) => {
    const button = event.target.closest(".stepper button");
    if (button) return go(shown, button.dataset.go, false);
    const row = event.target.closest(".steps tr[id]");
    if (row) return step(shown, rowsOf(shown).indexOf(row), true);
    const box = event.target.closest("[data-step]");
    if (box) return step(shown, Number(box.dataset.step) - 1, false);
    const node = event.target.closest(".graph .node");
    const to = node && rowsOf(shown).findIndex((row) => row.dataset.node === node.dataset.node);
    if (node && to >= 0) step(shown, to, false);
  });

  document.documentElement.classList.add("live");
  for (const stepper of document.querySelectorAll(".stepper")) stepper.hidden = false;
  addEventListener("hashchange", follow);
  if (!follow()) {
    show(document.getElementById(document.body.dataset.first) || runs[0]);
    step(shown, 0);
    history.replaceState(null, "", location.pathname + location.search);
  }
})();
