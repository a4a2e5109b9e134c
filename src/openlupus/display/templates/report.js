// Every printed cell can be asked which results it rests on. Without this script the report says
// the same, only not cell by cell.
"use strict";
(() => {
  const dialog = document.createElement("dialog");
  dialog.setAttribute("aria-labelledby", "asked");
  document.body.append(dialog);

  const element = (name, text, more = {}) =>
    Object.assign(document.createElement(name), { textContent: text ?? "" }, more);

  function answer(button, evidence) {
    const cell = button.closest("td");
    const word = (value) => (Array.isArray(value) ? evidence.words[value[0]] : value);
    const rows = cell.dataset.rests.split(" ").map((i) => evidence.rows[i].map(word));
    const label = cell.closest("tr").querySelector("th:last-of-type").textContent;
    const table = element("table", "", { className: "plain" });
    evidence.columns.forEach((name, column) => {
      if (rows.every((row) => row[column] === "" || row[column] === null) && name !== "value") return;
      const line = table.insertRow();
      line.append(element("th", name, { scope: "row" }));
      rows.forEach((row) => line.append(element("td", row[column] === null ? "none" : row[column])));
    });
    const close = element("button", "Close", { type: "button", onclick: () => dialog.close() });
    const scroll = element("div", "", { className: "scroll", tabIndex: 0 });
    scroll.append(table);
    dialog.replaceChildren(
      element("h2", `${label}: ${button.textContent} rests on`, { id: "asked" }), scroll, close);
    dialog.showModal();
  }

  function step(buttons, at, key) {
    const cell = buttons[at].closest("td");
    const beside = { ArrowRight: at + 1, ArrowLeft: at - 1 }[key];
    if (beside !== undefined) return buttons[beside];
    const same = buttons.filter((b) => b.closest("td").cellIndex === cell.cellIndex);
    return same[same.indexOf(buttons[at]) + (key === "ArrowDown" ? 1 : -1)];
  }

  for (const display of document.querySelectorAll("section.display")) {
    const script = display.querySelector("script.evidence");
    if (!script) continue;
    const evidence = JSON.parse(script.textContent);
    const buttons = [...display.querySelectorAll("td[data-rests]")].map((cell) => {
      const button = element("button", "", { type: "button", className: "ask", tabIndex: -1 });
      button.append(cell.firstChild);
      cell.prepend(button);
      button.onclick = () => answer(button, evidence);
      return button;
    });
    if (buttons.length) buttons[0].tabIndex = 0;
    display.addEventListener("keydown", (event) => {
      const at = buttons.indexOf(event.target);
      if (at < 0 || !event.key.startsWith("Arrow")) return;
      event.preventDefault();
      const next = step(buttons, at, event.key);
      if (!next) return;
      buttons[at].tabIndex = -1;
      next.tabIndex = 0;
      next.focus();
    });
  }
})();
