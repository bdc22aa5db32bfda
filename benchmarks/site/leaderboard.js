(function sorting() {
  function compare(kind, sign) {
    return ([a], [b]) => sign * (kind === "num" ? Number(a) - Number(b) : a.localeCompare(b));
  }

  function sort(table, head) {
    const first = head.dataset.first;
    const other = first === "ascending" ? "descending" : "ascending";
    const order = head.getAttribute("aria-sort") === first ? other : first;
    for (const each of table.querySelectorAll("thead th")) each.setAttribute("aria-sort", "none");
    head.setAttribute("aria-sort", order);
    const body = table.tBodies[0];
    const rows = [...body.rows].map((row) => [row.cells[head.cellIndex].dataset.value, row]);
    rows.sort(compare(head.dataset.kind, order === "ascending" ? 1 : -1));
    body.append(...rows.map(([, row]) => row));
  }

  for (const table of document.querySelectorAll(".board table")) {
    for (const head of table.querySelectorAll("thead th")) {
      head.firstElementChild.addEventListener("click", () => sort(table, head));
    }
  }
})();

(function filters() {
  const [game, set, agent] = [$("game"), $("set"), $("agent")];

  function narrow(section, items, fits) {
    let shown = 0;
    for (const item of items) {
      item.hidden = !(fits && item.dataset.text.includes(agent.value.trim().toLowerCase()));
      shown += !item.hidden;
    }
    section.hidden = shown === 0;
    return shown;
  }

  function apply() {
    let shown = 0;
    for (const board of document.querySelectorAll(".board")) {
      const fits = (!game.value || board.dataset.game === game.value) && (!set.value || board.dataset.set === set.value);
      shown += narrow(board, board.querySelectorAll("tbody tr"), fits);
    }
    for (const section of document.querySelectorAll(".unverified")) {
      const items = [...section.querySelectorAll("li")];
      const fitting = items.filter((item) => !set.value && (!game.value || item.dataset.game === game.value));
      for (const item of items) item.hidden = true;
      shown += narrow(section, fitting, true);
    }
    $("shown").textContent = shown === 1 ? "1 entry shown" : `${shown} entries shown`;
  }

  for (const control of [game, set, agent]) control.addEventListener("input", apply);
  agent.form.addEventListener("submit", (event) => event.preventDefault());
  apply();
})();
