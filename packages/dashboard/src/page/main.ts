import { byId, setAttribute, setText } from "./elements.ts";
import { EventList } from "./event-list.ts";
import { plural } from "./format.ts";
import { worstService } from "./judgement.ts";
import { Login } from "./login.ts";
import { ServiceView } from "./service-view.ts";
import { Store } from "./store.ts";
import { readSession, Stream } from "./stream.ts";
import { Topology } from "./topology.ts";

const store = new Store();
const content = byId("content", HTMLElement);
const statusText = byId("status", HTMLElement);
const pause = byId("pause", HTMLButtonElement);
const leave = byId("leave", HTMLButtonElement);
const topology = new Topology(byId("upstreams", HTMLElement), choose);
const service = new ServiceView(byId("service", HTMLElement));
const events = new EventList(byId("events", HTMLElement), byId("announcements", HTMLElement));
const login = new Login(() => void begin());
let isDrawing = false;
let preferred: string | undefined;

const stream = new Stream(store, {
  onChange: (news) => {
    events.announce(news);
    draw();
  },
  onStatus: (status) => {
    setAttribute(statusText, "data-status", status);
    if (status === "live") setText(statusText, `live · ${sizes()}`);
    else if (status === "paused") setText(statusText, "paused");
    else if (status === "lost") setText(statusText, "connection lost, trying again…");
    else void begin();
  },
});

/** What the address names, as long as it is there; else what fared worst when the page was opened. */
function chosen(): string | undefined {
  const { services } = store.state;
  const named = nameIn(location.hash);
  if (named in services) return named;
  if (preferred === undefined || !(preferred in services)) preferred = worstService(store);
  return preferred;
}

/** Anybody may have written the address: what makes no sense names nothing. */
function nameIn(hash: string): string {
  try {
    return decodeURIComponent(hash.slice(2));
  } catch {
    return "";
  }
}

function choose(name: string): void {
  location.hash = `/${encodeURIComponent(name)}`;
}

/** At most once per frame, and not while nobody sees it. */
function draw(): void {
  if (isDrawing) return;
  isDrawing = true;
  requestAnimationFrame(() => {
    isDrawing = false;
    const name = chosen();
    setText(byId("title", HTMLElement), store.title);
    document.title = name === undefined ? store.title : `${name} · ${store.title}`;
    topology.update(store, name);
    service.update(store, name);
    events.update(store);
  });
}

function sizes(): string {
  const services = Object.values(store.state.services);
  const endpoints = services.reduce((sum, each) => sum + Object.keys(each.endpoints).length, 0);
  return `${plural(services.length, "service")}, ${plural(endpoints, "endpoint")}`;
}

async function begin(): Promise<void> {
  const session = await readSession();
  if (session === undefined) {
    setText(statusText, "the server does not answer, trying again…");
    setTimeout(() => void begin(), 2_000);
    return;
  }
  content.hidden = !session.isSignedIn;
  leave.hidden = !(session.needsToken && session.isSignedIn);
  pause.hidden = !session.isSignedIn;
  if (session.isSignedIn) {
    login.hide();
    stream.open();
  } else {
    setText(statusText, "a token is needed");
    login.show();
  }
}

pause.addEventListener("click", () => {
  stream.isPaused = !stream.isPaused;
  setAttribute(pause, "aria-pressed", String(stream.isPaused));
});
leave.addEventListener("click", () => {
  stream.close();
  void fetch("logout", { method: "POST" }).then(begin, begin);
});
addEventListener("hashchange", draw);
void begin();
