// As much of a browser as the page needs, with time, network and sockets in the hands of a test.

import { readFileSync } from "node:fs";
import vm from "node:vm";

const file = name => readFileSync(new URL(`../../src/api/page/${name}`, import.meta.url), "utf8");
// A script of a context of its own can import nothing: what the page loads later is loaded here.
const drawer = await import(`data:text/javascript,${encodeURIComponent(file("drawer.js"))}`);
const source = file("app.js").replace('import("./drawer.js")', "loadDrawer()");

class Node {
  constructor(tag) { Object.assign(this, { tag, children: [], dataset: {}, style: {}, listeners: {}, textContent: "", hidden: false, open: false }); }
  classList = { toggle() {} };
  addEventListener(type, f) { (this.listeners[type] ||= []).push(f); }
  setAttribute(name, value) { this[name] = value; }
  append(...nodes) { for (const node of nodes) { this.children.push(node); if (node instanceof Node) node.parent = this; } }
  prepend(...nodes) { this.children.unshift(...nodes); }
  replaceChildren(...nodes) { this.children = []; this.append(...nodes); }
  insertBefore(node, before) { this.children.splice(before ? this.children.indexOf(before) : this.children.length, 0, node); }
  replaceWith() {}
  remove() { if (this.parent) this.parent.children = this.parent.children.filter(c => c !== this); }
  get firstElementChild() { return this.children[0]; }
  get lastElementChild() { return this.children.at(-1); }
  showModal() { this.open = true; }
  close() { if (this.open) { this.open = false; for (const f of this.listeners.close || []) f(); } }
  focus() {}
  setSelectionRange(from, to) { this.selection = [from, to]; }
  /// All text in it.
  get text() { return this.textContent + this.children.map(c => c instanceof Node ? c.text : String(c)).join(""); }
}

/// An answer that is none.
export class Refusal {
  constructor(status, detail, more = {}) { Object.assign(this, { status, more: { detail, ...more } }); }
}

/// A page just opened. `answer(path)` gives a body or a refusal, or throws; `hash` is the address from `#` on, `search` from `?` on.
export function open(answer, hash = "", search = "") {
  const ids = new Map(), sockets = [], asked = [];
  let timers = new Map(), numbers = 0;
  class WebSocket {
    constructor() { this.readyState = 1; this.sent = []; sockets.push(this); }
    send(text) { this.sent.push(JSON.parse(text)); }
    close() { this.readyState = 3; }
    frame(frame) { this.onmessage({ data: JSON.stringify(frame) }); }
  }
  const rounds = [], heard = {}, went = [];
  const location = {
    href: "http://localhost/", pathname: "/",
    get search() { return search; },
    get hash() { return hash; },
    set hash(text) { hash = `#${text}`; went.push(hash); for (const f of [...heard.popstate, ...heard.hashchange]) f(); },
  };
  const goTo = url => { ({ search, hash } = new URL(url, "http://localhost/")); };
  const document = {
    hidden: false, createElement: tag => new Node(tag), querySelectorAll: () => [], querySelector: () => null, addEventListener() {},
    getElementById: id => ids.get(id) || ids.set(id, new Node(id)).get(id),
  };
  const context = vm.createContext({
    loadDrawer: async () => drawer,
    Node, WebSocket, URL, URLSearchParams, console,
    document, location,
    history: { pushState(_state, _title, url) { goTo(url); went.push(url); }, replaceState(_state, _title, url) { goTo(url); } },
    sessionStorage: { getItem: () => null, setItem() {} },
    addEventListener: (type, f) => (heard[type] ||= []).push(f), requestAnimationFrame() {},
    setInterval: (f, time) => rounds.push([f, time]),
    setTimeout: f => { timers.set(++numbers, f); return numbers; },
    clearTimeout: number => timers.delete(number),
    fetch: async (path, { method = "GET", body: sent } = {}) => {
      asked.push(method === "GET" ? path : `${method} ${path} ${sent ?? ""}`.trim());
      const body = await answer(path, method, sent);
      if (body instanceof Refusal) return { ok: false, status: body.status, statusText: "no", headers: { get: () => null }, json: async () => body.more };
      return { ok: true, status: 200, headers: { get: () => null }, json: async () => body };
    },
  });
  vm.runInContext(source, context);
  // What was promised is done before a macrotask is.
  const settle = () => new Promise(done => setImmediate(done));
  return {
    sockets, asked, settle, document, location, went,
    /// Lets what is done every `time` milliseconds be done once.
    async round(time) { rounds.filter(([, every]) => every === time).forEach(([f]) => f()); await settle(); },
    /// The back button: the address is another, and the page is told.
    async back(to) {
      const before = hash;
      goTo(to || "/");
      for (const f of heard.popstate) f();
      if (hash !== before) for (const f of heard.hashchange) f();
      await settle();
    },
    node: id => ids.get(id),
    /// Something happens to a node, or to the window.
    happens(type, id) { (id ? ids.get(id).listeners : heard)[type].forEach(f => f({ preventDefault() {} })); },
    evaluate: code => vm.runInContext(code, context),
    /// Lets all timers run out.
    async later() { const due = [...timers.values()]; timers = new Map(); due.forEach(f => f()); await settle(); },
  };
}
