(function viewer() {
  const data = JSON.parse($("data").textContent);
  const SECONDS = 0.9; // of a frame while it plays
  const kinds = [["", "all"], ["solved", "solved"], ["failed", "failed"], ["lost", "lost (masked)"], ["tree", "with candidates"]];
  const text = (number) => data.texts[number];
  const signed = (value) => (value >= 0 ? "+" : "\u2212") + Math.abs(value).toFixed(3);
  const lane = (agent) => `lane-${episode.agents.indexOf(agent) % 2}`;
  const opened = new Set(); // agents whose prompts stay open from step to step
  let [listed, episode, frame, timer, noting] = [data.episodes, null, 0, null, null];

  // ---- the parts of the page ---------------------------------------------------------------------------------
  const present = kinds.filter(([kind]) => !kind || data.episodes.some((each) => each.outcome === kind));
  const choice = make("select", { id: "outcome" }, ...present.map(([kind, name]) => make("option", { value: kind }, name)));
  const list = make("ul", { class: "list", role: "listbox", tabindex: "0", "aria-label": "Episodes" });
  const picker = make("nav", { class: "picker", "aria-label": "Episodes" }, make("label", {}, "Outcome", choice), list);
  const button = (id, sign, label) => make("button", { type: "button", id, "aria-label": label, title: label }, sign);
  const [start, back] = [button("start", "|\u25c0\ufe0e", "First step (Home)"), button("back", "\u25c0\ufe0e", "Step back (left arrow)")];
  const play = button("play", "\u25b6\ufe0e Play", "Play (space)");
  const [next, end] = [button("next", "\u25b6\ufe0e", "Step on (right arrow)"), button("end", "\u25b6\ufe0e|", "Last step (End)")];
  const slider = make("input", { type: "range", id: "slider", min: "0", value: "0", "aria-label": "Step" });
  const where = make("span", { class: "where", id: "where", role: "status" });
  const keys = make("p", { class: "quiet keys" }, "Keys: ");
  for (const [key, what] of [["\u2190 \u2192", "step"], ["Space", "play"], ["Home", ""], ["End", "ends"], ["[ ]", "episode"]]) {
    keys.append(make("kbd", {}, key), ` ${what} `);
  }
  const controls = make("div", { class: "controls", role: "group", "aria-label": "Steps" }, start, back, play, next, end, slider, where);
  const picture = make("img", { alt: "" });
  const drawn = make("pre", { tabindex: "0", "aria-label": "Board as text" });
  const caption = make("figcaption");
  const figure = make("figure", { class: "board-now" }, picture, drawn, caption);
  const lanes = make("div", { class: "lanes" });
  const candidates = make("section", { class: "candidates", "aria-label": "Candidates" });
  const stage = make("div", { class: "stage" }, controls, figure, lanes, candidates, keys);

  // ---- what is shown -----------------------------------------------------------------------------------------
  function showList() {
    listed = data.episodes.filter((each) => !choice.value || each.outcome === choice.value);
    list.replaceChildren(...listed.map((each) => {
      const item = make("li", { role: "option", id: `episode-${data.episodes.indexOf(each)}`, "aria-selected": "false" },
        make("span", {}, each.name), make("span", { class: `outcome-${each.outcome}` }, each.outcome === "tree" ? "candidates" : each.outcome));
      item.addEventListener("click", () => select(each));
      return item;
    }));
    if (!listed.includes(episode)) select(listed[0]);
    else mark();
  }

  function mark() {
    for (const item of list.children) {
      const chosen = item.id === `episode-${data.episodes.indexOf(episode)}`;
      item.setAttribute("aria-selected", String(chosen));
      if (chosen) {
        list.setAttribute("aria-activedescendant", item.id);
        list.scrollTop += item.getBoundingClientRect().top - list.getBoundingClientRect().top - list.clientHeight / 2;
      }
    }
  }

  function select(found, at = 0) {
    if (!found) return;
    stop();
    episode = found;
    slider.max = String(episode.steps.length);
    mark();
    go(at);
  }

  function go(to) {
    frame = Math.max(0, Math.min(episode.steps.length, Math.round(to)));
    slider.value = String(frame);
    [start.disabled, back.disabled] = [frame === 0, frame === 0];
    [next.disabled, end.disabled] = [frame === episode.steps.length, frame === episode.steps.length];
    showBoard();
    showLanes();
    showCandidates();
    const step = episode.steps[frame - 1];
    const who = step ? step.said.map((each) => each.agent).join(" and ") : "the beginning";
    where.textContent = `${episode.name} (${episode.task}), step ${frame} of ${episode.steps.length}: ${who}`;
    slider.setAttribute("aria-valuetext", where.textContent);
    clearTimeout(noting); // browsers refuse an address that changes at every frame of a scrub
    noting = setTimeout(() => history.replaceState(null, "", `#episode=${data.episodes.indexOf(episode)}&step=${frame}`), 250);
  }

  function showBoard() {
    const board = episode.boards[frame];
    picture.hidden = !board || board.picture === undefined;
    drawn.hidden = !board || board.picture !== undefined;
    if (!board) {
      const lost = frame > 0 && episode.steps[frame - 1].lost;
      caption.textContent = lost
        ? "The infrastructure lost this step: the episode ends here, and counts neither way."
        : "No board: what programs and graders said in training is not kept. The prompt has what the agent saw.";
      return;
    }
    if (board.picture !== undefined) {
      picture.src = data.pictures[board.picture];
      picture.alt = text(board.text);
    }
    drawn.textContent = text(board.text);
    const ended = frame === episode.steps.length ? { solved: "Solved.", failed: "Not solved." }[episode.outcome] : "";
    caption.textContent = [total(), ended].filter(Boolean).join(" ");
  }

  function total() {
    const steps = episode.steps.slice(0, frame).filter((step) => step.rewards);
    if (!steps.length) return "";
    const sums = episode.agents.map((agent) => `${agent} ${signed(steps.reduce((sum, step) => sum + step.rewards[agent], 0))}`);
    return `Return so far: ${sums.join(", ")}.`;
  }

  // The latest answer of every agent: that of this step, or, dimmed, the last one before it.
  function showLanes() {
    lanes.replaceChildren(...episode.agents.map((agent) => {
      for (let i = frame; i > 0; i -= 1) {
        const said = episode.steps[i - 1].said.find((each) => each.agent === agent);
        if (said) return showSaid(agent, said, episode.steps[i - 1], frame - i);
      }
      return make("article", { class: `lane past ${lane(agent)}` }, make("h3", {}, agent, make("small", {}, "has not acted yet")));
    }), ...showTerms());
  }

  function showSaid(agent, said, step, ago) {
    const amount = step.rewards ? signed(step.rewards[agent]) : "";
    const when = ago === 0 ? `now ${amount}` : `${ago} ${ago === 1 ? "step" : "steps"} ago ${amount}`;
    const answer = make("pre", { class: "said", tabindex: "0", "aria-label": `Answer of ${agent}` }, text(said.text) || "(nothing)");
    const summary = make("summary", {}, "Prompt");
    const prompt = make("details", { open: opened.has(agent) }, summary,
      ...said.prompt.map((part) => make("pre", { tabindex: "0", "aria-label": `Prompt of ${agent}` }, text(part))));
    summary.addEventListener("click", () => (prompt.open ? opened.delete(agent) : opened.add(agent))); // it is yet to change
    const wrong = (step.errors || {})[agent];
    return make("article", { class: `lane ${ago ? "past " : ""}${lane(agent)}`, "data-agent": agent },
      make("h3", {}, agent, make("small", {}, when)), answer,
      ...(wrong === undefined ? [] : [make("p", { class: "error" }, `Wrong with it: ${text(wrong)}`)]), prompt);
  }

  function showTerms() {
    const step = episode.steps[frame - 1];
    if (!step || !step.rewards) return [];
    const terms = Object.entries(step.team).map(([name, value]) => ["team", name, value]);
    for (const [agent, own] of Object.entries(step.local)) {
      terms.push(...Object.entries(own).map(([name, value]) => [agent, name, value]));
    }
    if (!terms.length) return [make("p", { class: "quiet" }, "This step has no reward.")];
    const rows = terms.map(([whose, name, value]) => make("tr", {}, make("th", { scope: "row" }, whose), make("td", {}, name),
      make("td", { class: `num ${value < 0 ? "minus" : value > 0 ? "plus" : ""}` }, signed(value))));
    return [make("table", { class: "terms" }, make("caption", {}, "Reward of this step, by its terms"), make("tbody", {}, ...rows))];
  }

  function showCandidates() {
    const step = episode.steps[frame - 1];
    candidates.replaceChildren(...(step && step.groups ? step.groups : []).flatMap(showGroup));
  }

  // Equal texts have equal rewards, from one state: each is shown once, the best first.
  function showGroup(group) {
    const counted = new Map();
    group.candidates.forEach((each, number) => {
      const key = `${each.reward} ${each.text}`;
      const known = counted.get(key) || { ...each, times: 0, chosen: false };
      known.times += 1;
      known.chosen ||= number === group.chosen;
      counted.set(key, known);
    });
    const rewards = group.candidates.map((each) => each.reward).filter((reward) => reward !== null);
    const [low, high] = [Math.min(...rewards), Math.max(...rewards)];
    const ordered = [...counted.values()].sort((a, b) => (b.reward ?? -Infinity) - (a.reward ?? -Infinity));
    const items = ordered.map((each) => {
      const amount = make("div", { class: "amount" }, each.reward === null ? "lost" : signed(each.reward));
      if (each.reward !== null && high > low) amount.append(make("meter", { min: low, max: high, value: each.reward, "aria-hidden": "true" }));
      if (each.times > 1) amount.append(make("small", {}, `${each.times} times`));
      if (each.chosen) amount.append(make("small", {}, "chosen"));
      return make("li", { class: `${lane(group.agent)}${each.chosen ? " chosen" : ""}` }, amount,
        make("pre", {}, (text(each.text) || "(nothing)") + (each.cut ? " [cut]" : "")));
    });
    const title = `${group.candidates.length} candidates of ${group.agent}, from one prompt`;
    const short = ordered.every((each) => text(each.text).length <= 60);
    return [make("h3", {}, title), make("ol", { class: short ? "short" : null }, ...items)];
  }

  // ---- moving ------------------------------------------------------------------------------------------------
  function stop() {
    clearInterval(timer);
    timer = null;
    play.textContent = "\u25b6\ufe0e Play";
    play.setAttribute("aria-pressed", "false");
  }

  function toggle() {
    if (timer) return stop();
    if (frame === episode.steps.length) go(0);
    play.textContent = "\u2016 Pause";
    play.setAttribute("aria-pressed", "true");
    timer = setInterval(() => {
      go(frame + 1);
      if (frame === episode.steps.length) stop();
    }, 1000 * SECONDS);
  }

  function step(by) {
    stop();
    go(frame + by);
  }

  const other = (by) => select(listed[Math.max(0, Math.min(listed.length - 1, listed.indexOf(episode) + by))]);
  const far = Number.MAX_SAFE_INTEGER;
  const moves = {
    ArrowLeft: () => step(-1), ArrowRight: () => step(1), Home: () => step(-far), End: () => step(far), " ": toggle,
    "[": () => other(-1), "]": () => other(1),
  };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const target = event.target;
    if (target === list && ["ArrowUp", "ArrowDown"].includes(event.key)) {
      event.preventDefault();
      return other(event.key === "ArrowUp" ? -1 : 1);
    }
    if (target.matches("select, textarea, input:not([type=range])")) return;
    if (event.key === " " && target.matches("button, summary, a")) return; // which it presses
    if (!(event.key in moves)) return;
    event.preventDefault();
    moves[event.key]();
  });
  for (const [control, by] of [[start, -far], [back, -1], [next, 1], [end, far]]) control.addEventListener("click", () => step(by));
  play.addEventListener("click", toggle);
  slider.addEventListener("input", () => { stop(); go(Number(slider.value)); });
  choice.addEventListener("input", showList);

  // ---- the beginning -----------------------------------------------------------------------------------------
  if (!data.episodes.length) {
    $("viewer").append(make("p", {}, "There is no episode to show."));
    return;
  }
  $("viewer").append(picker, stage);
  function follow() {
    const asked = new URLSearchParams(location.hash.slice(1));
    const found = data.episodes[Number(asked.get("episode"))] || data.episodes[0];
    choice.value = listed.includes(found) ? choice.value : "";
    showList();
    select(found, Number(asked.get("step")) || 0);
  }
  addEventListener("hashchange", follow);
  follow();
})();
