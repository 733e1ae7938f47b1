// What the drawer shows of an event, an agent and a story. Loaded when the first one is opened.
// Takes: the page's words, its way to make nodes and to ask the daemon. Gives: of an id, a title and nodes.

export const views = ({ T, el, api, request, go, fail, clock, ms, standing, eventsOf }) => {
  const list = pairs => el("dl", {}, ...pairs.filter(([, v]) => v !== null && v !== undefined && v !== "" && v !== false)
    .flatMap(([k, v]) => [el("dt", {}, k), el("dd", {}, String(v))]));

  function tree(value, key, depth = 0) {
    const name = key === undefined ? "" : el("span", { className: "key" }, `${key}: `);
    if (value === null || typeof value !== "object") {
      return el("div", {}, name, el("span", { className: typeof value === "string" ? "str" : "num" }, JSON.stringify(value)));
    }
    const entries = Object.entries(value), short = Array.isArray(value) ? `[${entries.length}]` : `{${entries.length}}`;
    const details = el("details", { open: depth < 2 }, el("summary", {}, name, short));
    let made = false;
    const make = () => {
      if (made || !details.open) return;
      made = true;
      details.append(...entries.slice(0, 200).map(([k, v]) => tree(v, k, depth + 1)));
      if (entries.length > 200) details.append(el("div", {}, T.more(entries.length - 200)));
    };
    details.addEventListener("toggle", make);
    if (depth < 2) make();
    return details;
  }

  async function event(seq) {
    const event = await api(`api/events/${seq}`), text = JSON.stringify(event.data, null, 2) ?? "";
    const copy = el("button", { type: "button" }, T.copy);
    copy.addEventListener("click", () => navigator.clipboard.writeText(text).then(() => { copy.textContent = T.copied; }, fail));
    return [event.type,
      event.story_id && el("button", { type: "button", on: { click: () => go("story", event.story_id) } }, T.openStory),
      list([["seq", event.seq], ["id", event.id], ["subject", event.subject], ["timestamp", event.timestamp], ["producer", event.producer],
        ["story", event.story_id], ["task", event.task_id], ["role", event.role], ["agent", event.agent_id], ["plan", event.plan_id],
        ["ceremony", event.ceremony_id], ["severity", event.severity], ["summary", event.summary], ["trace", event.trace_id],
        ["undecodable", event.undecodable], ["violations", event.violations.join(", ")]]),
      el("h3", {}, T.deliveries), event.deliveries.length ? el("div", { className: "deliveries" }, ...event.deliveries.map(standing)) : T.none,
      el("div", { className: "bar" }, el("h3", {}, T.payload), event.data_needs_role ? "" : copy),
      event.data_needs_role ? T.withheld(event.data_needs_role)
        : typeof event.data === "string" ? el("pre", {}, event.data) : el("div", { className: "tree" }, tree(event.data)),
      el("h3", {}, T.facts), el("div", { className: "tree" }, tree(event.facts))];
  }
  async function agent(id) {
    let shown;
    try { shown = el("div", { className: "tree" }, tree(await api(`api/agents/${encodeURIComponent(id)}`))); } catch (error) { shown = T.failed(error.message); }
    return [id, eventsOf("agent", id), shown];
  }
  // A link would not carry the token.
  function paper(path, id) {
    const button = el("button", { type: "button" }, T.report);
    button.addEventListener("click", async () => {
      button.disabled = true;
      try {
        const answer = await request(`${path}/report?format=pdf`);
        if (!answer.ok) throw new Error((await answer.json()).detail);
        const link = el("a", { href: URL.createObjectURL(await answer.blob()), download: `${id}.pdf` });
        link.click();
        URL.revokeObjectURL(link.href);
      } catch (error) { fail(error); } finally { button.disabled = false; }
    });
    return button;
  }
  async function story(id) {
    const path = `api/stories/${encodeURIComponent(id)}`;
    const [story, trace] = await Promise.all([api(path), api(`${path}/trace`)].map(p => p.catch(error => ({ error }))));
    const about = story.error ? [el("p", {}, T.failed(story.error.message))] : [
      list([["title", story.title], ["phase", story.phase], ["trace", story.trace_id], [T.tokens, story.tokens], [T.failures, story.failures], ["agents", story.agents.join(", ")]]),
      el("h3", {}, T.phases), list(story.phases.map(p => [p.phase, `${clock(p.from)} – ${p.until ? clock(p.until) : ""}`])),
      el("h3", {}, T.tasks), list(story.tasks.map(t => [t.task_id, [t.state, t.role, t.agent_id, t.title].filter(Boolean).join(" · ")]))];
    return [id, el("div", { className: "spread" }, eventsOf("story", id), paper(path, id)), ...about, el("h3", {}, T.trace), trace.error ? el("p", {}, T.failed(trace.error.message)) : waterfall(trace)];
  }
  // OTLP JSON → one bar a span, children beneath their parents.
  function waterfall(trace) {
    const spans = (trace.resourceSpans || []).flatMap(r => (r.scopeSpans || []).flatMap(s => (s.spans || []).map(span => ({
      ...span, from: Number(span.startTimeUnixNano) / 1e6, to: Number(span.endTimeUnixNano) / 1e6,
      service: r.resource?.attributes?.find(a => a.key === "service.name")?.value?.stringValue || "" }))));
    if (!spans.length) return el("p", { className: "quiet" }, T.none);
    spans.sort((a, b) => a.from - b.from);
    const ids = new Set(spans.map(s => s.spanId)), children = new Map();
    for (const span of spans) {
      const parent = ids.has(span.parentSpanId) && span.parentSpanId !== span.spanId ? span.parentSpanId : "";
      if (children.has(parent)) children.get(parent).push(span); else children.set(parent, [span]);
    }
    const from = spans[0].from, length = Math.max(1, spans.reduce((m, s) => Math.max(m, s.to), 0) - from);
    const out = [], todo = (children.get("") || []).map(s => [s, 0]).reverse();
    while (todo.length && out.length < 300) {
      const [span, depth] = todo.pop();
      const bar = el("i", { className: span.status?.code === 2 || span.status?.code === "STATUS_CODE_ERROR" ? "bad" : "" });
      bar.style.left = `${(span.from - from) / length * 99}%`;
      bar.style.width = `${Math.max(0, span.to - span.from) / length * 99}%`;
      const name = el("span", { title: `${span.name} (${span.service})` }, span.name);
      name.style.paddingLeft = `${Math.min(depth, 12) * 10}px`;
      out.push(el("div", { className: "span" }, name, el("div", { className: "track", title: ms(span.to - span.from) }, bar)));
      for (const child of (children.get(span.spanId) || []).reverse()) todo.push([child, depth + 1]);
    }
    return el("div", { className: "fall" }, el("p", { className: "quiet" }, [T.spans(spans.length), ms(length), trace.cut && T.cut].filter(Boolean).join(" · ")), ...out);
  }

  return { event, agent, story };
};
