// What the built-in page does when things go wrong.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";

import { Refusal, open } from "./browser.mjs";

const page = { items: [], next: null };

test("a first page that cannot be loaded is asked for again, and then the feed begins", async () => {
  let broken = 2;
  const browser = open(path => {
    if (path.startsWith("api/events") && broken-- > 0) throw new Error("the journal could not be read");
    return page;
  });
  await browser.settle();
  const [socket] = browser.sockets;
  socket.frame({ type: "hello", head: 7, oldest: 1 });
  await browser.settle();
  assert.equal(browser.node("problem").hidden, false, "the failure is told");
  assert.deepEqual(socket.sent, []);
  for (let n = 0; n < 5 && !socket.sent.length; n++) await browser.later();
  assert.equal(socket.sent[0]?.type, "subscribe");
  assert.equal(socket.sent[0].since, 7);
  assert.equal(browser.node("problem").hidden, true, "and it is over");
});

test("a connection made anew asks for the first page if it is not there yet", async () => {
  let broken = true;
  const browser = open(path => {
    if (path.startsWith("api/events") && broken) throw new Error("away");
    return page;
  });
  await browser.settle();
  browser.sockets[0].frame({ type: "hello", head: 7, oldest: 1 });
  await browser.settle();
  browser.sockets[0].onclose();
  broken = false;
  for (let n = 0; n < 5 && browser.sockets.length < 2; n++) await browser.later();
  browser.sockets[1].frame({ type: "hello", head: 9, oldest: 1 });
  await browser.settle();
  assert.ok(browser.asked.filter(path => path.startsWith("api/events")).length > 1, browser.asked.join(" "));
  assert.equal(browser.sockets[1].sent.at(-1)?.type, "subscribe");
});

test("what still comes for the filter before is not shown under the new one", async () => {
  const browser = open(() => page);
  await browser.settle();
  const [before] = browser.sockets;
  before.frame({ type: "hello", head: 7, oldest: 1 });
  await browser.settle();
  const event = seq => ({ seq, timestamp: "2026-02-14T09:12:38Z", severity: "info", type: "agent.response.completed", deliveries: [] });
  before.frame({ type: "events", up_to: 8, items: [event(8)] });
  assert.equal(browser.evaluate("rows.size"), 1);
  browser.evaluate('setFilter("story:s-1")');
  before.frame({ type: "events", up_to: 9, items: [event(9)] });
  await browser.settle();
  before.frame({ type: "events", up_to: 10, items: [event(10)] });
  assert.equal(browser.evaluate("rows.size"), 0, "events of the other filter");
  const after = browser.sockets.at(-1);
  assert.notEqual(after, before);
  after.frame({ type: "hello", head: 10, oldest: 1 });
  await browser.settle();
  assert.equal(after.sent.at(-1)?.filter, "story:s-1");
  after.frame({ type: "events", up_to: 11, items: [event(11)] });
  assert.equal(browser.evaluate("rows.size"), 1);
});

test("a link with a name that is no valid encoding opens what it says", async () => {
  const browser = open(() => ({ ...page, phases: [], tasks: [], agents: [] }), "#story/%");
  await browser.settle();
  assert.ok(browser.asked.includes("api/stories/%25"), browser.asked.join(" "));
});

test("a trace is drawn in time that grows with its spans, not with their square", async () => {
  const count = 20000;
  const spans = Array.from({ length: count }, (_, n) => ({
    spanId: `s${n}`, parentSpanId: n ? "s0" : "", name: `span ${n}`, startTimeUnixNano: `${n}000000`, endTimeUnixNano: `${n}500000`,
  }));
  const answer = path => path.endsWith("/trace") ? { resourceSpans: [{ scopeSpans: [{ spans }] }] } : { ...page, phases: [], tasks: [], agents: [] };
  const { concat } = Array.prototype;
  let copied = 0;
  Array.prototype.concat = function (...more) { copied += this.length; return concat.apply(this, more); };
  const browser = open(answer, "#story/s-1");
  try { await browser.settle(); } finally { Array.prototype.concat = concat; }
  assert.ok(copied < 10 * count, `${copied} elements copied`);
  const drawn = browser.node("drawer-body").lastElementChild;
  assert.ok(drawn.text.startsWith("20000 spans"), drawn.text.slice(0, 40));
  assert.deepEqual(drawn.children.slice(1, 4).map(c => c.text), ["span 0", "span 1", "span 2"]);
});

test("what is opened says what it is about", async () => {
  const story = { title: "Rate limit", phase: "DONE", trace_id: "t-1", tokens: 7, failures: 0, agents: ["agent-dev-001"], phases: [],
    tasks: [{ task_id: "T-1", state: "done", role: "DEV", agent_id: "agent-dev-001", title: "Write it" }] };
  const event = { seq: 12, type: "planning.story.created", story_id: "s-1", task_id: "T-1", violations: [], deliveries: [], data: { a: 1 }, facts: {} };
  const browser = open(path => path.startsWith("api/stories/s-1") && !path.endsWith("/trace") ? story : path === "api/events/12" ? event : page, "#story/s-1");
  await browser.settle();
  const { text } = browser.node("drawer-body");
  for (const part of ["Rate limit", "DONE", "T-1done · DEV · agent-dev-001 · Write it", "Report (PDF)"]) assert.ok(text.includes(part), `${part}: ${text}`);
  browser.evaluate("go")("event", 12);
  await browser.settle();
  assert.equal(browser.node("drawer-title").textContent, "planning.story.created");
  for (const part of ["taskT-1", "storys-1", "Story and trace"]) assert.ok(browser.node("drawer-body").text.includes(part), part);
});

test("every word has one meaning, and every word that is asked for is there", () => {
  const file = name => readFileSync(new URL(`../../src/api/page/${name}`, import.meta.url), "utf8");
  const [words, ...rest] = file("app.js").split("\n};\n");
  const named = words.split("const T = {")[1].replace(/"(?:\\.|[^"\\])*"|`[^`]*`|\{[^{}]*\}/g, "").match(/\w+(?=:)/g);
  assert.deepEqual(named.filter((name, n) => named.indexOf(name) !== n), []);
  const used = (rest.join() + file("drawer.js")).match(/(?<=\bT\.)\w+/g).concat(file("index.html").match(/(?<=data-t=")\w+/g));
  assert.deepEqual(used.filter(name => !named.includes(name)), []);
  assert.deepEqual(named.filter(name => !used.includes(name)), []);
});

test("an open drawer is in the address; the back button closes it, and closing it cleans the address", async () => {
  const browser = open(() => ({ ...page, type: "t", violations: [], deliveries: [], phases: [], tasks: [], agents: [] }));
  const drawer = browser.node("drawer");
  for (const [kind, id, hash, path] of [["event", 12, "#event/12", "api/events/12"],
    ["story", "US 1/2", "#story/US%201%2F2", "api/stories/US%201%2F2"], ["agent", "a-1", "#agent/a-1", "api/agents/a-1"]]) {
    browser.evaluate("go")(kind, id);
    await browser.settle();
    assert.equal(browser.location.hash, hash);
    assert.ok(drawer.open && browser.asked.includes(path), browser.asked.join(" "));
    await browser.back("");
    assert.equal(drawer.open, false, `${kind} stays open`);
  }
  browser.evaluate("go")("agent", "a-1");
  drawer.close();
  await browser.settle();
  assert.equal(browser.location.hash, "");
  assert.equal(drawer.open, false, "what came late opened it again");
});

// A page that is connected, with what the daemon counts and has saved.
const counted = { complete: true, looked_at: 3, from: null, until: "2026-02-14T10:00:00.000000Z", buckets: [
  { from: "2026-02-14T09:00:00.000000Z", count: 2, warnings: 0, errors: 1 }, { from: "2026-02-14T09:30:00.500000Z", count: 1, warnings: 0, errors: 0 }],
  facets: [{ by: "role", values: [{ value: "DEV", count: 2 }, { value: "the \"one\"", count: 1 }], other: 0, without: 4 }] };
async function connected(answer = () => undefined, hash = "", search = "") {
  const browser = open((path, ...more) => answer(path, ...more) ?? (/facets|histogram/.test(path) ? counted : { ...page, violations: [], deliveries: [] }), hash, search);
  browser.again = async () => { await browser.settle(); browser.sockets.at(-1).frame({ type: "hello", head: 7, oldest: 1 }); await browser.settle(); await browser.settle(); };
  browser.type = async (filter, since = "", until = "") => {
    Object.assign(browser.node("query"), { value: filter });
    Object.assign(browser.node("since"), { value: since });
    Object.assign(browser.node("until"), { value: until });
    browser.happens("submit", "filter");
    await browser.again();
  };
  await browser.again();
  return browser;
}
const lists = browser => browser.asked.filter(path => path.startsWith("api/events?"));

test("the filter goes to the daemon as it was typed, and every term has its chip", async () => {
  const browser = await connected();
  const text = 'story:s-1 -type:context.* "a \\"b\\" c" role:"x y",DEV word';
  await browser.type(text, "1h");
  assert.equal(new URLSearchParams(lists(browser).at(-1).split("?")[1]).get("filter"), text);
  assert.equal(new URLSearchParams(lists(browser).at(-1).split("?")[1]).get("since"), "1h");
  assert.equal(browser.sockets.at(-1).sent.at(-1).filter, text);
  const chips = browser.node("chips").children.slice(1);
  assert.deepEqual(chips.map(chip => chip.text), ["story:s-1 ×", "-type:context.* ×", '"a \\"b\\" c" ×', 'role:"x y",DEV ×', "word ×"]);
  chips[1].listeners.click[0]();
  assert.equal(browser.node("query").value, 'story:s-1 "a \\"b\\" c" role:"x y",DEV word');
  browser.evaluate("add")("story", "s 2");
  assert.equal(browser.node("query").value, '"a \\"b\\" c" role:"x y",DEV word story:"s 2"');
});

test("filter and range are in the address, are restored from it, and the back button goes through them", async () => {
  const browser = await connected(undefined, "#event/12", "?filter=role%3ADEV&until=2026-02-14T10:00:00Z");
  assert.ok(browser.node("drawer").open, "the event of the link");
  assert.equal(browser.node("query").value, "role:DEV");
  assert.match(lists(browser).at(-1), /filter=role%3ADEV&until=2026/);
  assert.deepEqual(browser.went, [], "opening a link is no step");
  browser.sockets.at(-1).frame({ type: "events", up_to: 8, items: [{ seq: 8, timestamp: "2026-02-14T09:12:38Z", severity: "info", type: "t", deliveries: [] }] });
  browser.sockets.at(-1).frame({ type: "omitted", from: 8, to: 9, count: 2 });
  assert.equal(browser.evaluate("rows.size"), 0, "a range with an end has no place for what comes");
  await browser.type("role:QA", "1h");
  assert.deepEqual(browser.went, ["/?filter=role%3AQA&since=1h#event/12"]);
  await browser.type("role:QA", "1h");
  assert.equal(browser.went.length, 1, "the same is no step");
  await browser.back("/?filter=role%3ADEV");
  await browser.again();
  assert.equal(browser.node("drawer").open, false);
  assert.deepEqual([browser.node("query").value, browser.node("since").value], ["role:DEV", ""]);
  assert.match(lists(browser).at(-1), /filter=role%3ADEV$/);
  assert.equal(browser.went.length, 1, "going back is no step forward");
});

test("events over time choose a range, and counts a term", async () => {
  const browser = await connected();
  const bars = browser.node("time").children;
  assert.equal(bars.length, 2);
  assert.deepEqual([bars[0].children[0].style.height, bars[0].children[1].style.height], ["100%", "50%"]);
  bars[0].listeners.pointerdown[0]({ preventDefault() {} });
  bars[1].listeners.pointerup[0]();
  await browser.again();
  assert.match(browser.went.at(-1), /since=2026-02-14T09%3A00%3A00Z&until=2026-02-14T10%3A00%3A00Z/);
  assert.equal(browser.node("any").hidden, false);
  browser.happens("click", "any");
  await browser.again();
  assert.equal(browser.went.at(-1), "/");
  browser.node("counts").open = true;
  browser.happens("toggle", "counts");
  await browser.settle();
  const shown = browser.node("counted").children[0];
  assert.match(shown.text, /^roleDEV2 −the "one"1 −4 without$/);
  shown.children[1].children[1].children[1].children[2].listeners.click[0]();
  assert.equal(browser.node("query").value, '-role:"the \\"one\\""');
});

test("counting that ended early says so", async () => {
  const browser = await connected(path => path.includes("histogram") ? { ...counted, complete: false, looked_at: 5000000, from: "2026-02-14T09:00:00Z" } : undefined);
  assert.match(browser.node("reach").textContent, /^Of the newest 5000000 events, back to /);
});

test("searches are saved under a name, applied and deleted", async () => {
  const kept = new Map([["errors", { name: "errors", filter: "severity:error", since: "1h", until: null }]]);
  const browser = await connected((path, method, sent) => {
    if (!path.startsWith("api/searches")) return undefined;
    const name = decodeURIComponent(path.slice("api/searches/".length));
    if (method === "PUT" && name === "no") return new Refusal(403, "saved searches are changed with a token of role debug");
    if (method === "PUT") kept.set(name, { name, ...JSON.parse(sent) });
    if (method === "DELETE") kept.delete(name);
    return { ...page, items: [...kept.values()] };
  });
  const menu = async () => { browser.node("saved").open = true; browser.happens("toggle", "saved"); await browser.settle(); return browser.node("saves").children; };
  const [first] = await menu();
  first.children[0].listeners.click[0]();
  await browser.again();
  assert.deepEqual([browser.node("query").value, browser.node("since").value], ["severity:error", "1h"]);
  await browser.type("role:DEV");
  await menu();
  browser.node("name").value = "dev";
  browser.happens("submit", "save");
  for (let n = 0; n < 4; n++) await browser.settle();
  assert.deepEqual({ ...kept.get("dev") }, { name: "dev", filter: "role:DEV", since: null, until: null });
  assert.equal(browser.node("saves").children.length, 2);
  browser.node("name").value = "no";
  browser.happens("submit", "save");
  for (let n = 0; n < 4; n++) await browser.settle();
  assert.match(browser.node("unsaved").textContent, /role debug/);
  browser.node("saves").children[0].children[1].listeners.click[0]();
  for (let n = 0; n < 4; n++) await browser.settle();
  assert.equal(kept.has("errors"), false);
});

test("a part that is down is told, with since when and why, and only asked for while somebody looks", async () => {
  let parts = { "source/nats": { health: "down", detail: "connection refused", since: "2026-02-14T09:12:38Z" },
    "sink/otlp": { health: "off", detail: "not configured", since: "2026-02-14T09:12:38Z" } };
  const browser = open(path => path === "status" ? { parts } : page);
  await browser.settle();
  browser.sockets[0].frame({ type: "replay", done: true, at: 1 });
  assert.match(browser.node("banner").text, /^source\/nats is down since .*: connection refused$/);
  assert.equal(browser.node("banner").hidden, false);
  assert.equal(browser.node("link").dataset.state, "partly", "it is not all live");
  const asked = () => browser.asked.filter(path => path === "status").length;
  browser.document.hidden = true;
  const before = asked();
  await browser.round(5000);
  assert.equal(asked(), before, "nobody looks");
  browser.document.hidden = false;
  parts = { "source/nats": { health: "up", detail: "", since: "2026-02-14T09:12:48Z" } };
  await browser.round(5000);
  assert.equal(asked(), before + 1);
  assert.equal(browser.node("banner").hidden, true);
  assert.equal(browser.node("link").dataset.state, "live");
});

test("of two connections begun at once one is made", async () => {
  const browser = open(() => page);
  await browser.settle();
  const open_ = () => browser.sockets.filter(socket => socket.readyState === 1);
  browser.sockets[0].frame({ type: "hello", head: 7, oldest: 1 });
  await browser.settle();
  browser.evaluate('setFilter("story:s-1"); setFilter("story:s-2")');
  await browser.settle();
  assert.equal(open_().length, 1, "two filters in one moment");
  const [socket] = open_();
  socket.readyState = 3;
  socket.onclose();
  browser.happens("online");
  browser.happens("online");
  await browser.settle();
  assert.equal(open_().length, 1, "the network is back, and the page is seen again");
  open_()[0].frame({ type: "hello", head: 9, oldest: 1 });
  await browser.settle();
  assert.equal(open_()[0].sent.at(-1)?.filter, "story:s-2");
});

test("a filter the daemon refuses is told once with the place marked, and the filter before stays", async () => {
  const detail = 'unknown field "stroy"; did you mean story?';
  const refuse = path => path.includes("stroy") ? new Refusal(400, detail, { parameter: "filter", at: 4, length: 5 }) : undefined;
  const browser = await connected(refuse, "", "?filter=role:DEV");
  browser.document.activeElement = browser.node("query");
  await browser.type("日本x stroy:s-1");
  for (let n = 0; n < 3; n++) { await browser.again(); await browser.later(); }
  assert.equal(lists(browser).filter(path => path.includes("stroy")).length, 1, browser.asked.join(" "));
  const [why, place] = browser.node("wrong").children;
  assert.deepEqual([browser.node("wrong").hidden, why.text], [false, detail]);
  assert.deepEqual(place.children.map(part => part.text ?? part), ["日本x ", "stroy", ":s-1"]);
  assert.deepEqual(browser.node("query").selection, [4, 9]);
  assert.equal(browser.node("query").value, "日本x stroy:s-1", "what was typed is there to be mended");
  assert.equal(browser.node("query").ariaInvalid, "true");
  assert.equal(browser.sockets.at(-1).sent.at(-1)?.type, "subscribe", "events go on");
  assert.equal(browser.sockets.at(-1).sent.at(-1).filter, "role:DEV");
  assert.deepEqual([browser.went, browser.location.search], [[], "?filter=role:DEV"], "what is refused is no step to go back to");
  await browser.type("role:QA");
  assert.equal(browser.node("wrong").hidden, true);
  const linked = await connected(refuse, "", "?filter=stroy:x");
  assert.equal(linked.node("wrong").hidden, false, "a link may be wrong, too");
  assert.equal(linked.location.search, "");
});

test("a shared link opened before the token is there is followed after it", async () => {
  let known = false;
  const event = { seq: 12, timestamp: "2026-02-14T09:12:38Z", type: "agent.response.completed", summary: "it is there",
    deliveries: [], violations: [], facts: {}, data: {} };
  const browser = open(path => !known ? new Refusal(401, "no") : path === "api/events/12" ? event : { ...page, ticket: "t" }, "#event/12");
  await browser.settle();
  assert.ok(browser.node("login").open);
  assert.match(browser.node("drawer-body").text, /Token needed/);
  known = true;
  browser.document.getElementById("token").value = "0123456789abcdef";
  browser.node("login").close();
  browser.happens("submit", "login-form");
  await browser.settle();
  assert.match(browser.node("drawer-body").text, /it is there/);
});
