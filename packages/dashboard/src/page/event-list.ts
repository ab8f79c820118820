import type { NewsItem } from "../state.ts";
import { keepChildren, make, setText } from "./elements.ts";
import { formatCount, formatTime } from "./format.ts";
import type { Store } from "./store.ts";

const maxEvents = 60;
const repeatsWithinMs = 30_000;
/** Between two announcements, in milliseconds: who listens must be able to do something else as well. */
const announceEveryMs = 5_000;

/** What the mesh reported last, the newest first. The worst of it is read out by screen readers, now and then. */
export class EventList {
  readonly #list = make("ol", { class: "news" });
  readonly #items = new Map<string, HTMLLIElement>();
  readonly #announcements: HTMLElement;
  readonly #none = make("p", { class: "none" }, "Nothing has happened yet.");
  #announcedAt = -Infinity;

  constructor(section: HTMLElement, announcements: HTMLElement) {
    this.#announcements = announcements;
    section.classList.add("panel");
    const scroll = make("div", {
      class: "scroll",
      tabindex: "0",
      role: "group",
      "aria-labelledby": "events-title",
    });
    scroll.append(this.#list, this.#none);
    section.append(make("h2", { id: "events-title" }, "Events"), scroll);
  }

  update({ news }: Store): void {
    const byKey = new Map(merged(news).map((item) => [`${item.id} ${item.at} ${item.count}`, item]));
    keepChildren(this.#list, this.#items, [...byKey.keys()], (key) => newsItem(byKey.get(key)!));
    this.#none.hidden = byKey.size > 0;
  }

  announce(fresh: readonly NewsItem[]): void {
    const worst =
      fresh.findLast(({ tone }) => tone === "bad") ?? fresh.findLast(({ tone }) => tone === "good");
    const now = performance.now();
    if (worst === undefined || now - this.#announcedAt < announceEveryMs) return;
    this.#announcedAt = now;
    setText(this.#announcements, `${worst.service}: ${worst.text}`);
  }
}

/** The newest first; what is said again within a while is one line, that of the last time. */
function merged(news: readonly NewsItem[]): readonly NewsItem[] {
  const lines = new Map<string, NewsItem>();
  for (const item of news.toReversed()) {
    const line = `${item.type} ${item.service} ${item.text}`;
    const later = lines.get(line);
    if (later !== undefined && later.at - item.at < repeatsWithinMs) {
      lines.set(line, { ...later, count: later.count + item.count });
    } else if (lines.size >= maxEvents) break;
    else lines.set(later === undefined ? line : `${line} ${item.id}`, item);
  }
  return [...lines.values()];
}

function newsItem({ at, count, service, text, tone, type }: NewsItem): HTMLLIElement {
  return make(
    "li",
    { class: tone, "data-type": type },
    make("time", {}, formatTime(at)),
    make("b", {}, service),
    make("span", {}, count === 1 ? text : `${text} (${formatCount(count)} times)`),
  );
}
