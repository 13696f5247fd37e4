"use strict";
// All that the view needs of a script: what comes is written as text, never as markup.

const steps = document.getElementById("steps");
if (steps && "running" in steps.dataset) {
  const now = document.getElementById("now");
  const stream = new EventSource(`${steps.dataset.events}?after=${steps.dataset.seen}`);
  stream.addEventListener("step", (event) => {
    const step = JSON.parse(event.data);
    if (step.kind === "now") {
      now.textContent = `Now: ${step.text}`;
      return;
    }
    const line = document.createElement("li");
    line.className = `${step.kind} ${step.status}`;
    if (step.status) {
      const badge = document.createElement("span");
      badge.className = `badge ${step.status}`;
      badge.textContent = step.status;
      line.append(badge, " ");
    }
    line.append(step.text);
    steps.append(line);
  });
  stream.addEventListener("over", () => {
    stream.close();
    location.reload();
  });
}

for (const area of document.querySelectorAll(".ask textarea")) {
  area.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      area.form.requestSubmit();
    }
  });
}

const planned = [...document.querySelectorAll("textarea[data-planned]")];
const edited = document.getElementById("edited");
for (const area of planned) {
  area.addEventListener("input", () => {
    const count = planned.filter((one) => one.value !== one.dataset.planned).length;
    edited.textContent = count ? `${count} changed: the guard proves ${count === 1 ? "it" : "them"} again` : "";
  });
}
