// Every printed cell can be asked what it rests on: numbers, patients, method, and how to get it
// again. Tables can be sorted and filtered. Without this script the report says the same, only not
// cell by cell.
"use strict";
(() => {
  let held, at;
  async function unpack() {
    const text = atob(document.getElementById("evidence").textContent);
    const bytes = Uint8Array.from(text, (letter) => letter.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    held = JSON.parse(await new Response(stream).text());
    at = Object.fromEntries(held.columns.map((name, i) => [name, i]));
    document.documentElement.dataset.ready = "yes";
  }
  const word = (value) => (Array.isArray(value) ? held.words[value[0]] : value);
  const element = (name, text, more = {}) =>
    Object.assign(document.createElement(name), { textContent: text ?? "" }, more);
  const append = (parent, ...children) => (parent.append(...children), parent);
  const results = (cell) => cell.dataset.rests.split(" ").map((i) => held.rows[i]);
  const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

  // Gaps between ascending places, six bits a letter, the highest of them says that more follow.
  function places(text) {
    const found = [];
    let last = -1, value = 0, shift = 0;
    for (const letter of text) {
      const bits = DIGITS.indexOf(letter);
      value += (bits & 31) << shift;
      if (bits & 32) { shift += 5; continue; }
      found.push((last += value + 1));
      value = shift = 0;
    }
    return found;
  }

  function folded(summary, open, ...children) {
    const details = element("details", "", { open });
    return append(details, element("summary", summary), ...children);
  }

  function scrolling(table, name) {
    const scroll = element("div", "", { className: "scroll", tabIndex: 0 });
    scroll.setAttribute("role", "group");
    scroll.setAttribute("aria-label", name);
    return append(scroll, table);
  }

  function numbers(rows) {
    const table = element("table", "", { className: "plain" });
    held.columns.forEach((name, column) => {
      const texts = rows.map((row) => word(row[column]));
      if (name !== "value" && texts.every((text) => text === "" || text === null)) return;
      const line = table.insertRow();
      line.append(element("th", name, { scope: "row" }));
      texts.forEach((text) => line.append(element("td", text === null ? "none" : text)));
    });
    return scrolling(table, "Results behind the cell");
  }

  function patients(rows) {
    const sources = [...new Set(rows.map((row) => row[at.source][0]))];
    return sources.map((source) => {
      if (held.behind[source] === undefined)
        return element("p", "The patients are not in this page; the command below lists them.");
      const who = places(held.behind[source]);
      const table = element("table", "", { className: "plain" });
      const head = table.createTHead().insertRow();
      held.subjects.columns.forEach((name) => head.append(element("th", name, { scope: "col" })));
      const body = table.createTBody();
      for (const place of who) {
        const line = body.insertRow();
        held.subjects.rows[place].forEach((value, i) =>
          line.append(i ? element("td", word(value)) : element("th", word(value), { scope: "row" })));
      }
      const of = rows.filter((row) => row[at.source][0] === source).map((row) => word(row[at.statistic]));
      const name = `${who.length} patients behind ${of.join(", ")}`;
      const profile = `openlupus profile ${held.study} SUBJECT --out page.html`;
      return folded(name, false, scrolling(table, name),
        append(element("p", "A page of one of them: "), element("code", profile)));
    });
  }

  function again(row) {
    const names = ["analysis", "statistic", "group", "comparator", "parameter", "visit", "subgroup"];
    const given = names.filter((name) => word(row[at[name]]) !== "");
    const quoted = (name) => JSON.stringify(word(row[at[name]]));
    const shell = (name) => `'${word(row[at[name]]).replaceAll("'", "'\\''")}'`;
    const command = `openlupus records ${held.study} ` + given.map((n) => `--${n} ${shell(n)}`).join(" ");
    const python = [
      "import openlupus", "from openlupus.analysis import records_behind",
      `study = openlupus.load(${JSON.stringify(held.study)})`, "data = openlupus.derive(study)",
      `results = openlupus.analyse(study, data, only=[${quoted("analysis")}])`,
      `(row,) = results.find(${given.map((n) => `${n}=${quoted(n)}`).join(", ")})`,
      "row.value, records_behind(data, row.source)"].join("\n");
    const listing = element("pre", "", { tabIndex: 0 });
    return folded("How to get this number and its records again", false,
      append(element("p", ""), element("code", command)), append(listing, element("code", python)));
  }

  const dialog = element("dialog");
  dialog.setAttribute("aria-labelledby", "asked");
  document.body.append(dialog);

  async function answer(button) {
    await ready;
    const cell = button.closest("td");
    const rows = results(cell);
    const label = cell.closest("tr").querySelector("th:last-of-type").textContent;
    const analyses = [...new Set(rows.map((row) => word(row[at.analysis])))];
    const notes = analyses.map((name) => 
      element("p", document.getElementById(`method-${held.methods[name]}`)?.nextElementSibling.textContent));
    const close = element("button", "Close", { type: "button", onclick: () => dialog.close() });
    dialog.replaceChildren(
      element("h2", `${label}: ${button.textContent} rests on`, { id: "asked" }),
      numbers(rows), ...patients(rows), folded("Method", false, ...notes), again(rows[0]), close);
    hide();
    dialog.showModal();
  }

  // -- what a cell says in passing, by mouse or by keyboard
  const hint = element("div", "", { id: "hint", hidden: true });
  hint.setAttribute("role", "tooltip");
  document.body.append(hint);
  const hide = () => { hint.hidden = true; };
  function tell(button) {
    if (!held) return;
    hint.textContent = results(button.closest("td"))
      .map((row) => `${word(row[at.statistic])} ${row[at.value] ?? "none"}`).join(" · ");
    hint.hidden = false;
    const box = button.getBoundingClientRect();
    const left = Math.min(box.left, document.documentElement.clientWidth - hint.offsetWidth - 8);
    hint.style.left = `${Math.max(8, left) + scrollX}px`;
    hint.style.top = `${box.bottom + scrollY + 6}px`;
    button.setAttribute("aria-describedby", "hint");
  }
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") hide(); });

  // -- rows as an outline, for sorting and filtering
  const first = (row) => row.querySelector("th");
  const level = (row) => Number(row.dataset.indent ?? 0) - (row.matches(".heading") ? 0.5 : 0);
  const number = (text) => {
    const found = text.replaceAll("−", "-").replaceAll(",", "").match(/-?\d*\.?\d+/);
    return found ? Number(found[0]) : null;
  };

  function tree(rows) {
    const top = { children: [], level: -1 };
    const above = [top];
    for (const row of rows) {
      const node = { row, children: [], level: level(row) };
      while (above.at(-1).level >= node.level) above.pop();
      above.at(-1).children.push(node);
      above.push(node);
    }
    return top;
  }

  function sorted(nodes, column, sign) {
    const key = (node) => node.row.cells[column]?.firstChild?.textContent ?? "";
    const compare = (a, b) => {
      const [x, y] = [key(a), key(b)];
      const [m, n] = [number(x), number(y)];
      if (column > 0 && m !== null && n !== null) return sign * (m - n);
      if (column > 0 && (m !== null || n !== null)) return m === null ? 1 : -1;
      return sign * x.localeCompare(y);
    };
    const order = sign ? [...nodes].sort(compare) : nodes;
    return order.flatMap((node) => [node.row, ...sorted(node.children, column, sign)]);
  }

  function sortable(table) {
    const bodies = [...table.tBodies].map((body) => [body, tree([...body.rows])]);
    const heads = [...table.tHead.querySelector("tr.columns").cells];
    const turn = { none: ["ascending", 1], ascending: ["descending", -1], descending: ["none", 0] };
    heads.forEach((head, column) => {
      if (head.tagName !== "TH") return;
      const button = element("button", "", { type: "button", className: "sort" });
      button.append(...head.childNodes);
      head.append(button);
      button.onclick = () => {
        const [next, sign] = turn[head.getAttribute("aria-sort") ?? "none"];
        heads.forEach((other) => other.removeAttribute("aria-sort"));
        if (sign) head.setAttribute("aria-sort", next);
        for (const [body, top] of bodies) body.append(...sorted(top.children, column, sign));
        [...table.querySelectorAll("tbody tr")].forEach((row, i) => {
          row.classList.toggle("even", i % 2 === 0);
          row.classList.toggle("odd", i % 2 === 1);
        });
      };
    });
  }

  function filterable(table, name) {
    const rows = [...table.querySelectorAll("tbody tr")];
    const input = element("input", "", { type: "search" });
    const count = element("span", "", { className: "count" });
    count.setAttribute("aria-live", "polite");
    const label = append(element("label", `Filter rows of ${name} `), input);
    const show = (node, wanted, inherited) => {
      const own = inherited || node.row.textContent.toLowerCase().includes(wanted);
      const below = node.children.map((child) => show(child, wanted, own)).some(Boolean);
      node.row.hidden = !(own || below);
      return own || below;
    };
    input.oninput = () => {
      const wanted = input.value.trim().toLowerCase();
      for (const body of table.tBodies)
        tree([...body.rows]).children.forEach((node) => show(node, wanted, false));
      const shown = rows.filter((row) => !row.hidden).length;
      count.textContent = wanted ? ` ${shown} of ${rows.length} rows` : "";
    };
    table.closest(".scroll").before(append(element("p", "", { className: "filter" }), label, count));
  }

  // -- cells: one stop of the Tab key a table, arrows from cell to cell
  function step(buttons, from, key) {
    const beside = { ArrowRight: from + 1, ArrowLeft: from - 1 }[key];
    if (beside !== undefined) return buttons[beside];
    const column = buttons[from].closest("td").cellIndex;
    const same = buttons.filter((b) => b.closest("td").cellIndex === column);
    return same[same.indexOf(buttons[from]) + (key === "ArrowDown" ? 1 : -1)];
  }

  function askable(table) {
    const cells = [...table.querySelectorAll("td[data-rests]")];
    cells.forEach((cell, i) => {
      const button = element("button", "", { type: "button", className: "ask", tabIndex: i ? -1 : 0 });
      button.append(cell.firstChild);
      cell.prepend(button);
      button.onclick = () => answer(button);
      button.onmouseenter = button.onfocus = () => tell(button);
      button.onmouseleave = button.onblur = hide;
    });
    table.addEventListener("keydown", (event) => {
      if (!event.target.matches("button.ask") || !event.key.startsWith("Arrow")) return;
      event.preventDefault();
      const buttons = [...table.querySelectorAll("tr:not([hidden]) button.ask")];
      const next = step(buttons, buttons.indexOf(event.target), event.key);
      if (!next) return;
      event.target.tabIndex = -1;
      next.tabIndex = 0;
      next.focus();
    });
  }

  const ready = unpack();
  for (const table of document.querySelectorAll("table.grid")) {
    const rows = table.querySelectorAll("tbody tr").length;
    askable(table);
    if (rows > 2) sortable(table);
    if (rows > 11) filterable(table, table.querySelector("caption .number").textContent.replace(/\.$/, ""));
  }
  addEventListener("beforeprint", () => document.querySelectorAll("main details").forEach((d) => { d.open = true; }));
})();
