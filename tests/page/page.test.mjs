// What the built-in page does when things go wrong.

import assert from "node:assert/strict";
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
  browser.evaluate('setFilter({ story: ["s-1"] })');
  before.frame({ type: "events", up_to: 9, items: [event(9)] });
  await browser.settle();
  before.frame({ type: "events", up_to: 10, items: [event(10)] });
  assert.equal(browser.evaluate("rows.size"), 0, "events of the other filter");
  const after = browser.sockets.at(-1);
  assert.notEqual(after, before);
  after.frame({ type: "hello", head: 10, oldest: 1 });
  await browser.settle();
  assert.equal(after.sent.at(-1)?.filter.story[0], "s-1");
  after.frame({ type: "events", up_to: 11, items: [event(11)] });
  assert.equal(browser.evaluate("rows.size"), 1);
});

test("a link with a name that is no valid encoding opens what it says", async () => {
  const browser = open(() => ({ ...page, phases: [], tasks: [], agents: [] }), "#story/%");
  await browser.settle();
  assert.ok(browser.asked.includes("api/stories/%25"), browser.asked.join(" "));
});

test("a trace is drawn in time that grows with its spans, not with their square", async () => {
  const browser = open(() => page);
  const count = 20000;
  const spans = Array.from({ length: count }, (_, n) => ({
    spanId: `s${n}`, parentSpanId: n ? "s0" : "", name: `span ${n}`, startTimeUnixNano: `${n}000000`, endTimeUnixNano: `${n}500000`,
  }));
  browser.evaluate("var copied = 0; { const concat = Array.prototype.concat; Array.prototype.concat = function (...more) { copied += this.length; return concat.apply(this, more); }; }");
  const drawn = browser.evaluate("waterfall")({ resourceSpans: [{ scopeSpans: [{ spans }] }] });
  assert.ok(browser.evaluate("copied") < 10 * count, `${browser.evaluate("copied")} elements copied`);
  assert.ok(drawn.text.startsWith("20000 spans"), drawn.text.slice(0, 40));
  assert.deepEqual(drawn.children.slice(1, 4).map(c => c.text), ["span 0", "span 1", "span 2"]);
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

test("a filter that is none is told with those that are, and text in quotes is text", async () => {
  const browser = open(() => page);
  await browser.settle();
  const type = text => browser.evaluate("typed")(text), filter = () => JSON.stringify(browser.evaluate("filter"));
  type("story:s-1");
  for (const [text, told] of [["foo:bar", /foo: is no filter.*story:.*task:/], ["http://x", /http: .*quotes/], ["task:", /task: needs a value/]]) {
    type(text);
    assert.equal(browser.node("wrong").hidden, false, text);
    assert.match(browser.node("wrong").textContent, told);
    assert.equal(browser.node("query").value, text, "what was typed stays");
    assert.equal(filter(), '{"story":["s-1"]}');
  }
  type('"http://x/y" at 12:30 role:DEV');
  assert.equal(browser.node("wrong").hidden, true);
  assert.equal(filter(), '{"role":["DEV"],"q":["http://x/y at 12:30"]}');
  const again = browser.node("query").value;
  type(again);
  assert.equal(browser.node("query").value, again, "what the page writes it can read");
  assert.equal(open(() => page, "", "?filter=foo:bar").node("wrong").hidden, false);
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
  browser.evaluate('setFilter({ story: ["s-1"] }); setFilter({ story: ["s-2"] })');
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
  assert.equal(open_()[0].sent.at(-1)?.filter.story[0], "s-2");
});

test("a filter the daemon refuses is told once, and the filter before stays", async () => {
  const detail = "source: there is no source `foo`";
  const browser = open(path => path.includes("source=foo") ? new Refusal(400, detail) : page, "", "?filter=story:s-1");
  await browser.settle();
  browser.sockets[0].frame({ type: "hello", head: 7, oldest: 1 });
  await browser.settle();
  browser.evaluate('typed("source:foo")');
  for (let n = 0; n < 3; n++) {
    await browser.settle();
    browser.sockets.at(-1).frame({ type: "hello", head: 7, oldest: 1 });
    await browser.later();
  }
  assert.equal(browser.asked.filter(path => path.includes("source=foo")).length, 1, browser.asked.join(" "));
  assert.deepEqual([browser.node("wrong").hidden, browser.node("wrong").textContent], [false, detail]);
  assert.equal(browser.node("query").value, "source:foo", "what was typed is there to be mended");
  assert.equal(browser.sockets.at(-1).sent.at(-1)?.type, "subscribe", "events go on");
  assert.equal(browser.sockets.at(-1).sent.at(-1).filter.story?.[0], "s-1");
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
