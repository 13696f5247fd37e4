"use strict";
// Extras only: without them the page says the same. Sort tables, copy queries, follow a node's lines, open all parts for paper.
(() => {
  const key = (row, at) => {
    const cell = row.cells[at];
    const text = cell.dataset.key ?? cell.textContent.trim();
    const number = text === "" ? NaN : Number(text.replaceAll(",", ""));
    return Number.isNaN(number) ? text : number;
  };
  const order = (a, b) => (typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b)));
  const sort = (head, at) => {
    const down = head.getAttribute("aria-sort") === "ascending";
    for (const other of head.parentNode.cells) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const body = head.closest("table").tBodies[0];
    const rows = [...body.rows].map((row) => [key(row, at), row]);
    rows.sort((a, b) => (down ? order(b[0], a[0]) : order(a[0], b[0])));
    body.append(...rows.map((pair) => pair[1]));
  };
  for (const head of document.querySelectorAll("table.sortable thead th")) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent;
    button.addEventListener("click", () => sort(head, head.cellIndex));
    head.replaceChildren(button);
  }

  const byHand = (text) => {
    const field = document.createElement("textarea");
    field.value = text;
    document.body.append(field);
    field.select();
    const done = document.execCommand("copy");
    field.remove();
    return done ? Promise.resolve() : Promise.reject(new Error("not copied"));
  };
  const copied = (text) => (navigator.clipboard ? navigator.clipboard.writeText(text).catch(() => byHand(text)) : byHand(text));
  for (const block of document.querySelectorAll("pre.copy")) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = "Copy";
    button.addEventListener("click", () => {
      const told = (word) => { button.textContent = word; setTimeout(() => { button.textContent = "Copy"; }, 1500); };
      copied(block.dataset.exact).then(() => told("Copied"), () => told("Not copied"));
    });
    block.prepend(button);
  }

  const graph = document.querySelector(".graph");
  for (const node of graph ? graph.querySelectorAll("[data-node]") : []) {
    node.addEventListener("pointerenter", () => {
      graph.classList.add("asked");
      for (const edge of graph.querySelectorAll(".edge")) {
        edge.classList.toggle("near", edge.dataset.a === node.dataset.node || edge.dataset.b === node.dataset.node);
      }
    });
    node.addEventListener("pointerleave", () => graph.classList.remove("asked"));
  }

  const show = () => {
    const target = document.getElementById(location.hash.slice(1));
    for (let part = target && target.closest("details"); part; part = part.parentElement.closest("details")) part.open = true;
    if (target) target.scrollIntoView();
  };
  addEventListener("hashchange", show);
  if (location.hash) show();

  let opened = [];
  addEventListener("beforeprint", () => {
    opened = [...document.querySelectorAll("details:not([open]):not(.fields)")];
    for (const part of opened) part.open = true;
  });
  addEventListener("afterprint", () => { for (const part of opened) part.open = false; });
})();
