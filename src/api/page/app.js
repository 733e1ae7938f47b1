// The live page: no framework, no foreign text as markup (everything is text nodes), bounded memory.

// All words in one place, ready to be translated.
const T = {
  skip: "Skip to events", api: "API", agents: "Councils & agents", events: "Event stream", consumers: "Consumers",
  stories: "Stories", pause: "Pause", follow: "Follow", filterLabel: "Filter", apply: "Filter", older: "Older events",
  help: "Words, or story: task: plan: ceremony: role: agent: type: severity: source: producer: · a,b either · -x without · / filter, j k move, Enter open, Esc close",
  placeholder: "story:US-1 -type:context.* timeout", since: "Since", until: "Until", sinceHint: "1h, or a time", untilHint: "now",
  time: "Events over time: choose a part", bar: (from, n, bad) => `${from}: ${n} events, ${bad} warnings and errors`, anyTime: "Any time",
  counts: "Counts", saved: "Saved", save: "Save", saveAs: "Name of the search", noSaved: "Nothing saved yet", remove_: n => `Delete ${n}`,
  only: v => `Only ${v}`, without: v => `Without ${v}`, others: n => `${n} others`, lacking: n => `${n} without`,
  some: (n, from) => `Of the newest ${n} events, back to ${from}`, past: "history", close: "Close", tokenTitle: "Token needed", tokenLabel: "Token of role viewer or debug",
  tokenUse: "Use it", live: "live", connecting: "connecting", catching: "catching up", down: "disconnected, trying again",
  shown: n => `${n} shown`, fresh: n => `${n} new: show`, perSecond: n => `${n}/s`, errors: "errors only",
  remove: c => `Remove filter ${c}`, publisher: "Publisher", guessed: "guessed", story: "Story", role: "Role", agent: "Agent",
  none: "Nothing yet", noMatch: "No event matches. New ones appear here.", noEvents: "No events yet. They appear here as they come.", load: "Load",
  gap: (a, b, why) => `Gap: records ${a} to ${b} were not shown (${why}).`,
  reasons: { slow: "this page was too slow", purged: "they expired", future: "the journal was restored", unreadable: "the journal could not be read" },
  omitted: n => `${n} events omitted at this rate.`, payload: "Payload", deliveries: "Deliveries", facts: "Facts",
  copy: "Copy", copied: "Copied", withheld: r => `The payload needs a token of role ${r}.`, openStory: "Story and trace", report: "Report (PDF)",
  trace: "Trace", phases: "Phases", tasks: "Tasks", attempts: n => `${n} deliveries`, tokens: "tokens", failures: "failures",
  silent: "silent", pending: "pending", ackPending: "to be acked", redelivered: "redelivered", floor: "ack floor moved", ago: s => `${s} ago`,
  liveBut: "live, but not all sources are",
  part: (part, health, since, why) => `${part} is ${health} since ${since}: ${why}`,
  failed: w => `Failed: ${w}`, more: n => `… ${n} more`, spans: n => `${n} spans`, cut: "cut: the story is longer than what is shown", loading: "Loading…",
};
const ICON = { info: "📤", warning: "⚠️", error: "❌" };
const MARK = { acked: "✅", nacked: "🔁", in_progress: "⏳", terminated: "❌", max_deliveries: "❌", pending: "…", delivered: "→", settled: "✓" };
const AGENT = { idle: "●", deliberating: "🔄", completed: "✅", failed: "❌" };
const MAX_ROWS = 500, MAX_BUFFER = 500;

const $ = id => document.getElementById(id);
const el = (tag, props = {}, ...children) => {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (name === "on") for (const [type, f] of Object.entries(value)) node.addEventListener(type, f);
    else if (name in node) node[name] = value;
    else node.setAttribute(name, value);
  }
  node.append(...children.filter(c => c !== null && c !== undefined && c !== false));
  return node;
};
for (const node of document.querySelectorAll("[data-t]")) node.textContent = T[node.dataset.t];
for (const [id, text] of [["query", T.placeholder], ["since", T.sinceHint], ["until", T.untilHint], ["name", T.saveAs]]) $(id).placeholder = text;
$("time").ariaLabel = T.time;

// ---- asking the daemon
let token = sessionStorage.getItem("token") || "";
const request = (path, how) => fetch(path, { ...how, headers: token ? { Authorization: `Bearer ${token}` } : {}, cache: "no-store" });
async function api(path, method = "GET", sent) {
  const response = await request(path, { method, body: sent });
  if (response.status === 401) { askToken(); throw new Error(T.tokenTitle); }
  if (response.status === 204) return {};
  const body = await response.json();
  if (!response.ok) throw Object.assign(new Error(body.detail || response.statusText),
    { status: response.status, parameter: body.parameter, at: body.at, length: body.length });
  if (response.headers.get("x-fleetscope-truncated")) body.cut = true;
  return body;
}
function askToken() { if (!$("login").open) $("login").showModal(); }
$("login-form").addEventListener("submit", () => {
  token = $("token").value.trim();
  $("token").value = "";
  sessionStorage.setItem("token", token);
  connect();
  // What a link asked for before could not be shown.
  if (linkOf(location.hash)) follow();
});

// ---- the filter: a text in the daemon's language (docs/FILTER.md), which says what is wrong with it; and a range of time
const EMPTY = { filter: "", since: "", until: "" };
let wanted = EMPTY, taken = EMPTY, started = false;
const terms = text => text.match(/(?:"(?:\\.|[^"\\])*"?|[^\s"])+/g) || [];
const value = text => /^[^\s",*]+$/.test(text) ? text : `"${text.replace(/["\\]/g, "\\$&")}"`;
const search = asked => new URLSearchParams(Object.entries(asked).filter(([, text]) => text)).toString();
const query = asked => { const text = search(asked); return text && `&${text}`; };
const inAddress = () => { const given = new URLSearchParams(location.search); return Object.fromEntries(Object.keys(EMPTY).map(k => [k, given.get(k) || ""])); };
const address = asked => `${location.pathname}${search(asked) && `?${search(asked)}`}${location.hash}`;
// What is wrong, with the place marked; what was typed stays to be mended.
function wrong(asked, error) {
  fillIn(asked);
  const text = [...asked.filter], { at, length, parameter } = error, field = $(parameter in EMPTY && parameter !== "filter" ? parameter : "query");
  field.ariaInvalid = "true";
  const marked = at !== undefined && el("pre", {}, text.slice(0, at).join(""), el("mark", {}, text.slice(at, at + length).join("") || " "), text.slice(at + length).join(""));
  $("wrong").replaceChildren(el("div", {}, error.message), marked || "");
  $("wrong").hidden = false;
  if (at !== undefined && document.activeElement === $("query"))
    $("query").setSelectionRange(text.slice(0, at).join("").length, text.slice(0, at + length).join("").length);
}
function fillIn(asked) {
  $("query").value = asked.filter;
  $("since").value = asked.since;
  $("until").value = asked.until;
}
function ask(next, anew = true) {
  // The address changes with the drawer, too.
  if (!anew && started && search(next) === search(wanted)) return;
  wanted = next;
  $("wrong").hidden = true;
  for (const id of ["query", "since", "until"]) $(id).ariaInvalid = "false";
  fillIn(next);
  const words = terms(next.filter), errors = words.includes("severity:error");
  const without = word => () => setFilter(words.filter(other => other !== word).join(" "));
  $("chips").replaceChildren(
    el("button", { type: "button", className: "chip", ariaPressed: String(errors), on: { click: errors ? without("severity:error") : () => add("severity", "error") } }, T.errors),
    ...words.map(word => el("button", { type: "button", className: "chip", ariaLabel: T.remove(word), on: { click: without(word) } }, `${word} ×`)));
  // Events of the filter before are still on their way: only a new connection surely brings none of them.
  if (started) { connect(); reload(); }
}
const setFilter = filter => ask({ ...wanted, filter });
const add = (key, text, not = "") => setFilter([...terms(wanted.filter).filter(term => not || !term.startsWith(`${key}:`)), `${not}${key}:${value(text)}`].join(" "));
$("filter").addEventListener("submit", e => {
  e.preventDefault();
  ask({ filter: $("query").value.trim(), since: $("since").value.trim(), until: $("until").value.trim() });
});
addEventListener("popstate", () => ask(inAddress(), false));

// ---- what is counted: events over time, and the values of fields
let bars = [], held = null;
const iso = t => t.replace(/\.?0+Z$/, "Z");
async function overTime() {
  const mine = generation;
  try {
    const told = await api(`api/events/histogram?buckets=60${query(taken)}`);
    if (mine !== generation) return;
    const most = told.buckets.reduce((m, b) => Math.max(m, b.count), 1), ends = told.buckets.map(b => b.from).slice(1).concat(told.until);
    bars = told.buckets.map((b, n) => {
      const bar = el("i", { title: T.bar(`${new Date(b.from).toLocaleString()}`, b.count, b.warnings + b.errors), on: {
        pointerdown: e => { e.preventDefault(); held = n; },
        pointerup: () => {
          if (held === null) return;
          const [from, to] = [Math.min(held, n), Math.max(held, n)];
          held = null;
          ask({ ...wanted, since: iso(told.buckets[from].from), until: iso(ends[to]) });
        } } }, el("u"), el("b"));
      bar.children[0].style.height = `${b.count / most * 100}%`;
      bar.children[1].style.height = `${(b.warnings + b.errors) / most * 100}%`;
      return bar;
    });
    $("time").replaceChildren(...bars);
    $("reach").textContent = told.complete ? "" : T.some(told.looked_at, new Date(told.from).toLocaleString());
    $("any").hidden = !taken.since && !taken.until;
  } catch { /* The list of events tells what does not work. */ }
}
$("any").addEventListener("click", () => ask({ ...wanted, since: "", until: "" }));
async function counts() {
  if (!$("counts").open) return;
  const mine = generation;
  let shown;
  try {
    const told = await api(`api/events/facets?by=type,role,producer,story,source,severity${query(taken)}`);
    shown = [!told.complete && el("p", { className: "quiet" }, T.some(told.looked_at, new Date(told.from).toLocaleString())),
      ...told.facets.filter(f => f.values.length).map(f => el("div", {}, el("h3", {}, f.by), el("ul", {},
        ...f.values.map(v => el("li", { className: "spread" },
          el("button", { type: "button", className: "tag", title: T.only(v.value), on: { click: () => add(f.by, v.value) } }, v.value),
          el("span", {}, String(v.count), " ", f.by !== "severity" && el("button", { type: "button", className: "tag", ariaLabel: T.without(v.value), on: { click: () => add(f.by, v.value, "-") } }, "−")))),
        f.other > 0 && el("li", { className: "quiet" }, T.others(f.other)), f.without > 0 && el("li", { className: "quiet" }, T.lacking(f.without)))))];
  } catch (error) { shown = [el("p", {}, T.failed(error.message))]; }
  if (mine === generation) $("counted").replaceChildren(...shown.filter(Boolean));
}
$("counts").addEventListener("toggle", counts);
setInterval(() => { if (loaded && !document.hidden && !taken.until) overTime(); }, 30000);

// ---- saved searches
async function saved() {
  if (!$("saved").open) return;
  try {
    const { items } = await api("api/searches");
    $("saves").replaceChildren(...items.map(({ name, filter, since, until }) => el("li", { className: "spread" },
      el("button", { type: "button", className: "tag", title: filter, on: { click: () => { $("saved").open = false; ask({ filter, since: since || "", until: until || "" }); } } }, name),
      el("button", { type: "button", className: "tag", ariaLabel: T.remove_(name), on: { click: () => change("DELETE", name) } }, "×"))));
    if (!items.length) $("saves").replaceChildren(el("li", { className: "quiet" }, T.noSaved));
  } catch (error) { told(error); }
}
const told = error => { $("unsaved").hidden = !error; $("unsaved").textContent = error ? T.failed(error.message) : ""; };
async function change(method, name, body) {
  try { await api(`api/searches/${encodeURIComponent(name)}`, method, body); told(); $("name").value = ""; } catch (error) { told(error); }
  await saved();
}
$("saved").addEventListener("toggle", saved);
$("save").addEventListener("submit", e => {
  e.preventDefault();
  const { filter, since, until } = taken;
  change("PUT", $("name").value.trim(), JSON.stringify({ filter, since: since || null, until: until || null }));
});

// ---- the stream: newest first, at most MAX_ROWS in the page
const rows = new Map();
let buffer = [], paused = false, older = null, last = 0, generation = 0, seen = 0, loaded = false, again = 0, failures = 0;
const clock = t => new Date(t).toLocaleTimeString([], { hour12: false });
const ms = v => v === null || v === undefined ? "" : v < 1000 ? `${Math.round(v)} ms` : `${(v / 1000).toFixed(1)} s`;
const tag = (key, value) => el("button", { type: "button", className: "tag", on: { click: e => { e.stopPropagation(); add(key, value); } } }, value);

const standing = d => el("span", { className: d.state, title: `${d.state}, ${T.attempts(d.attempts)}` },
  `${d.consumer} ${MARK[d.state] || ""} ${ms(d.latency_ms)}${d.attempts > 1 ? ` 🔁×${d.attempts}` : ""}`);
function row(event) {
  const deliveries = el("div", { className: "deliveries" }, ...event.deliveries.map(standing));
  const about = el("div", { className: "line quiet" },
    event.producer && el("span", {}, `${T.publisher}: ${event.producer}${event.producer_inferred ? ` (${T.guessed})` : ""}`),
    event.story_id && el("span", {}, `${T.story}: `, tag("story", event.story_id)),
    event.role && el("span", {}, `${T.role}: `, tag("role", event.role)),
    event.agent_id && el("span", {}, `${T.agent}: `, tag("agent", event.agent_id)));
  const node = el("li", { tabIndex: -1, className: `${event.severity} new`, on: { click: () => go("event", event.seq) } },
    el("div", { className: "line" }, el("time", { dateTime: event.timestamp }, clock(event.timestamp)),
      el("span", { role: "img", ariaLabel: event.severity }, ICON[event.severity]), el("b", {}, event.type),
      el("span", { className: "quiet" }, event.source)),
    about, event.summary && el("div", {}, event.summary), deliveries);
  return { event, node, deliveries };
}
function place(seq, entry) {
  entry.node.seq = seq;
  if (rows.has(seq)) { rows.get(seq).node.replaceWith(entry.node); rows.set(seq, entry); return; }
  const first = $("stream").firstElementChild;
  if (!first || first.seq < seq) $("stream").prepend(entry.node);
  else {
    let before = first;
    while (before && before.seq > seq) before = before.nextElementSibling;
    $("stream").insertBefore(entry.node, before);
  }
  rows.set(seq, entry);
}
function trim() {
  while (rows.size > MAX_ROWS) {
    const node = $("stream").lastElementChild;
    rows.delete(node.seq);
    node.remove();
    $("more").hidden = true;
  }
  $("count").textContent = T.shown(rows.size);
}
function show(events) {
  for (const event of events.slice(-MAX_ROWS)) place(event.seq, row(event));
  trim();
}
function arrived(frame) {
  // A range with an end has no place for what comes.
  if (taken.until) return;
  seen += frame.items.length;
  if (!paused) return show(frame.items);
  buffer = buffer.concat(frame.items).slice(-MAX_BUFFER);
  $("fresh").hidden = false;
  $("fresh").textContent = T.fresh(buffer.length);
}
function mark(seq, text, retry) {
  if (taken.until) return;
  const node = el("li", { className: "mark" }, text, " ", retry && el("button", { type: "button", on: { click: retry } }, T.load));
  place(seq + 0.5, { node });
  trim();
}
function settled(frame) {
  for (const item of frame.items) {
    const entry = rows.get(item.seq), event = entry?.event || buffer.find(e => e.seq === item.seq);
    if (!event) continue;
    event.deliveries = event.deliveries.filter(d => d.consumer !== item.consumer).concat(item);
    if (entry) entry.deliveries.replaceChildren(...event.deliveries.map(standing));
  }
}
function setPaused(on) {
  paused = on;
  $("pause").textContent = on ? T.follow : T.pause;
  $("pause").ariaPressed = String(on);
  if (!on) { show(buffer); buffer = []; $("fresh").hidden = true; $("stream").scrollTop = 0; }
}
$("pause").addEventListener("click", () => setPaused(!paused));
$("fresh").addEventListener("click", () => setPaused(false));

async function reload() {
  const mine = ++generation;
  loaded = false;
  clearTimeout(again);
  rows.clear();
  buffer = [];
  $("fresh").hidden = $("problem").hidden = true;
  $("stream").replaceChildren();
  const head = last;
  try {
    const page = await api(`api/events?limit=100${query(wanted)}`);
    if (mine !== generation) return;
    show(page.items.reverse());
    older = page.next;
    $("more").hidden = !older;
    if (!page.items.length) $("count").textContent = search(wanted) ? T.noMatch : T.noEvents;
    last = Math.max(head, page.items.at(-1)?.seq || 0);
    loaded = true;
    failures = 0;
    taken = wanted;
    // Only what the daemon understands is a step to go back to.
    if (search(taken) !== search(inAddress())) history.pushState(null, "", address(taken));
    subscribe(last);
    overTime();
    counts();
  } catch (error) {
    if (mine !== generation) return;
    // A filter that is refused will be refused again: the one before stays.
    if (error.status === 400 && wanted !== taken) {
      const refused = wanted;
      if (search(refused) === search(inAddress())) history.replaceState(null, "", address(taken));
      ask(taken, false);
      return wrong(refused, error);
    }
    fail(error);
    // Without this page there is no subscription: tried again until it is there, or the filter changes.
    again = setTimeout(reload, backoff(failures++));
  }
}
function fail(error) { $("problem").hidden = false; $("problem").textContent = T.failed(error.message); }
$("more").addEventListener("click", async () => {
  const mine = generation;
  try {
    const page = await api(`api/events?limit=100&cursor=${encodeURIComponent(older)}${query(taken)}`);
    if (mine !== generation) return;
    for (const event of page.items) if (rows.size < MAX_ROWS) place(event.seq, row(event));
    older = page.next;
    $("more").hidden = !older || rows.size >= MAX_ROWS;
    trim();
  } catch (error) { fail(error); }
});

// ---- the connection
let socket = null, attempt = 0, tries = 0, timer = 0;
let linked = ["connecting", T.connecting], troubled = false;
function link(...now) {
  linked = now;
  const [state, text] = troubled && now[0] === "live" ? ["partly", T.liveBut] : now;
  $("link").dataset.state = state;
  $("link").textContent = text;
}
async function connect() {
  const mine = ++attempt;
  clearTimeout(timer);
  if (socket) { socket.onclose = null; socket.close(); socket = null; }
  link("connecting", T.connecting);
  let ticket = null;
  try { if (token) ticket = (await api("api/ticket")).ticket; else await api("status"); } catch (error) { return mine === attempt && retry(error); }
  // Another one began meanwhile: two sockets would be one too many.
  if (mine !== attempt) return;
  const url = new URL("ws", location.href);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  const ws = socket = new WebSocket(url);
  ws.onopen = () => { if (ticket) ws.send(JSON.stringify({ type: "ticket", ticket })); };
  ws.onmessage = message => { if (ws === socket) receive(JSON.parse(message.data)); };
  ws.onclose = () => { if (ws === socket) { socket = null; retry(); } };
}
function retry() {
  link("down", T.down);
  clearTimeout(timer);
  timer = setTimeout(connect, backoff(tries++));
}
const backoff = n => Math.min(10000, 500 * 2 ** n) * (0.5 + Math.random() / 2);
function subscribe(since) {
  if (socket?.readyState !== 1) return;
  socket.send(JSON.stringify({ type: "subscribe", filter: taken.filter, since, rate: 500 }));
  link("connecting", T.catching);
}
function receive(frame) {
  switch (frame.type) {
    case "hello":
      tries = 0;
      if (!started) { started = true; last = frame.head; }
      if (loaded) subscribe(last); else reload();
      break;
    case "events": last = Math.max(last, frame.up_to); arrived(frame); break;
    case "deliveries": settled(frame); break;
    case "replay": if (frame.done) { last = Math.max(last, frame.at); link("live", taken.until ? T.past : T.live); } break;
    case "gap":
      if (frame.reason === "future") { last = frame.from - 1; reload(); }
      mark(Math.min(frame.to, Math.max(last, frame.from - 1)), T.gap(frame.from, frame.to, T.reasons[frame.reason] || frame.reason),
        frame.reason === "slow" && (() => subscribe(frame.from - 1)));
      break;
    case "omitted": mark(frame.to, T.omitted(frame.count), () => subscribe(frame.from - 1)); break;
    case "state": changed(frame); break;
    case "error": fail(new Error(frame.detail)); break;
  }
}
// After sleep, or when the network is back, do not wait for the timer.
const wake = () => { if (!socket && !document.hidden) { tries = 0; connect(); } };
addEventListener("online", wake);
document.addEventListener("visibilitychange", wake);
setInterval(() => { $("rate").textContent = seen ? T.perSecond(Math.round(seen / 2)) : ""; seen = 0; }, 2000);

// ---- what does not work, as the daemon tells it: parts that are down, or that do not come up
const COMING_UP = 15000;
let asking = false;
async function health() {
  if (document.hidden || asking || !token && $("login").open) return;
  asking = true;
  try {
    const { parts = {} } = await api("status");
    const bad = Object.entries(parts).filter(([, p]) =>
      p.health === "down" || p.health === "starting" && Date.now() - Date.parse(p.since) > COMING_UP);
    const texts = bad.map(([name, p]) => T.part(name, p.health, `${clock(p.since)} (${T.ago(ago(p.since))})`, p.detail));
    $("banner").hidden = !texts.length;
    // Told aloud once, not at each round: only what changed is written.
    if ([...$("banner").children].map(c => c.textContent).join("\n") !== texts.join("\n"))
      $("banner").replaceChildren(...texts.map(text => el("li", { textContent: text })));
    troubled = bad.some(([name]) => name.startsWith("source/"));
    link(...linked);
  } catch { /* The connection tells that the daemon does not answer. */ } finally { asking = false; }
}
setInterval(health, 5000);
document.addEventListener("visibilitychange", health);

// ---- state: councils & agents, consumers, stories
const state = { agents: new Map(), councils: new Map(), consumers: new Map(), stories: new Map(), deliberations: new Map() };
const KEY = { agents: x => x.agent_id, councils: x => x.council, stories: x => x.story_id, deliberations: x => x.deliberation_id,
  consumers: x => `${x.stream}/${x.consumer}` };
let drawing = false;
function changed(frame) {
  const map = state[frame.topic];
  if (!map) return;
  if (frame.full) map.clear();
  for (const id of frame.removed || []) map.delete(id);
  for (const item of frame.items) map.set(KEY[frame.topic](item), item);
  if (!drawing) { drawing = true; requestAnimationFrame(draw); }
}
const ago = t => { const s = Math.max(0, (Date.now() - Date.parse(t)) / 1000); return s < 90 ? `${Math.round(s)} s` : s < 5400 ? `${Math.round(s / 60)} min` : `${Math.round(s / 3600)} h`; };
function draw() {
  drawing = false;
  const agents = [...state.agents.values()].sort((a, b) => a.agent_id < b.agent_id ? -1 : 1);
  const names = [...new Set([...state.councils.keys(), ...agents.map(a => a.council)])].sort();
  fill("agents-list", names.map(name => {
    const council = state.councils.get(name);
    return el("div", { className: "card" },
      el("div", { className: "spread" }, el("b", {}, name), el("span", { className: "quiet" }, council?.models.join(", ") || "")),
      el("ul", {}, ...agents.filter(a => a.council === name).map(a => el("li", {},
        el("button", { type: "button", className: "tag", on: { click: () => go("agent", a.agent_id) } }, a.agent_id), " ",
        el("span", { className: a.state }, `${AGENT[a.state]} ${a.state}`),
        el("span", { className: "quiet" }, [a.since && ` ${ago(a.since)}`, a.task_id && a.state !== "idle" && ` · ${a.task_id}`].filter(Boolean).join("")),
        a.silent && el("b", { className: "stuck" }, ` ${T.silent}`)))));
  }));
  fill("consumers-list", [...state.consumers.values()].map(c => el("div", { className: "card" },
    el("div", { className: "spread" }, el("b", {}, c.consumer), el("span", { className: c.health }, c.health)),
    el("div", { className: "quiet" }, c.stream),
    el("div", { className: "quiet" }, `${T.pending} ${c.pending} · ${T.ackPending} ${c.ack_pending} · ${T.redelivered} ${c.redelivered}`),
    c.ack_floor_at && el("div", { className: "quiet" }, `${T.floor} ${T.ago(ago(c.ack_floor_at))}`))));
  const stories = [...state.stories.values()].sort((a, b) => (b.last_event || "") < (a.last_event || "") ? -1 : 1).slice(0, 100);
  fill("stories-list", stories.map(s => el("div", { className: "card" },
    el("div", { className: "spread" }, el("button", { type: "button", className: "tag", on: { click: () => go("story", s.story_id) } }, s.story_id),
      el("span", { className: s.failures ? "failed" : "" }, s.phase)),
    s.title && el("div", { className: "quiet" }, s.title))));
}
function fill(id, nodes) { $(id).replaceChildren(...(nodes.length ? nodes : [el("p", { className: "quiet" }, T.none)])); }
setInterval(() => { if (!document.hidden) draw(); }, 5000);
draw();

// ---- the drawer: what it shows is in the address, so that a link opens it and the back button closes it
let back = null, opened = 0;
function go(kind, id) { location.hash = `${kind}/${encodeURIComponent(id)}`; }
function openDrawer(title, ...content) {
  if (!$("drawer").open) { back = document.activeElement; $("drawer").showModal(); }
  $("drawer-title").textContent = title;
  $("drawer-body").replaceChildren(...content.filter(c => c !== null && c !== false));
  $("drawer").scrollTop = 0;
}
$("shut").addEventListener("click", () => $("drawer").close());
$("drawer").addEventListener("click", e => { if (e.target === $("drawer")) $("drawer").close(); });
$("drawer").addEventListener("close", () => {
  opened++;
  if (linkOf(location.hash)) history.pushState(null, "", location.pathname + location.search);
  back?.focus();
});
// What it shows of a thing is a script of its own: a page on which nothing is opened does without.
async function openThing(kind, id) {
  const mine = ++opened, title = kind === "event" ? `#${id}` : id;
  openDrawer(title, T.loading);
  let shown;
  try {
    const { views } = await import("./drawer.js");
    shown = await views({ T, el, api, request, go, fail, clock, ms, standing, eventsOf })[kind](id);
  } catch (error) { shown = [title, T.failed(error.message)]; }
  // Closed, or on to another, while it was loading.
  if (mine === opened) openDrawer(...shown);
}
// A button that shows the events of a story or an agent.
const eventsOf = (key, id) => el("button", { type: "button", on: { click: () => { $("drawer").close(); add(key, id); } } }, `${T.events}: ${id}`);

// ---- keyboard and, on small screens, one panel at a time
document.addEventListener("keydown", e => {
  if (e.target.matches("input") || e.ctrlKey || e.metaKey || e.altKey || document.querySelector("dialog[open]")) {
    if (e.key === "Escape" && e.target === $("query")) $("stream").focus();
    return;
  }
  const now = document.activeElement.closest?.("#stream > li");
  const move = next => { if (next) { e.preventDefault(); next.focus(); } };
  if (e.key === "/") { e.preventDefault(); tab("events"); $("query").focus(); }
  else if (e.key === "j") move(now ? now.nextElementSibling : $("stream").firstElementChild);
  else if (e.key === "k") move(now ? now.previousElementSibling : $("stream").firstElementChild);
  else if (e.key === "Enter" && now && document.activeElement === now) now.click();
  else if (e.key === "p" || e.key === " " && now) { e.preventDefault(); setPaused(!paused); }
  else if (e.key === "Escape" && now) $("stream").focus();
});
const tabs = { events: T.events, agents: T.agents, side: `${T.stories}, ${T.consumers}` };
function tab(name) {
  for (const id of Object.keys(tabs)) $(id).classList.toggle("shown", id === name);
  for (const button of $("tabs").children) button.ariaPressed = String(button.name === name);
}
$("tabs").append(...Object.entries(tabs).map(([name, text]) => el("button", { type: "button", name, on: { click: () => tab(name) } }, text)));
tab("events");
ask(inAddress(), false);
connect();
// Links others can share: #event/12, #story/US-1, #agent/agent-1.
function linkOf(hash) {
  const [kind, id] = hash.slice(1).split(/\/(.*)/);
  if (kind === "event" ? /^\d+$/.test(id) : ["story", "agent"].includes(kind) && id) return [kind, decoded(id)];
  return null;
}
function follow() {
  const [kind, id] = linkOf(location.hash) || [];
  if (kind) openThing(kind, id);
  else if ($("drawer").open) $("drawer").close();
}
// A name that is no valid encoding was typed by hand: it is taken as it stands.
function decoded(text) {
  try { return decodeURIComponent(text); } catch { return text; }
}
addEventListener("hashchange", follow);
follow();
health();
