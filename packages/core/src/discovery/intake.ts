import type { Clock } from "../clock.ts";
import { changeOf } from "./diff.ts";
import type { Change } from "./diff.ts";
import type { Guard } from "./guard.ts";
import type { Listing } from "./listing.ts";
import { isLongList, Pace } from "./pace.ts";
import { workAtOnce, workOneTurn } from "./slices.ts";
import type { Sliceable } from "./slices.ts";
import { worsens } from "./urgency.ts";
import { readingBody } from "./validate.ts";
import type { SnapshotBody, SnapshotHead } from "./validate.ts";

/** A snapshot that was read, and what comes of it. */
export interface News {
  readonly head: SnapshotHead;
  readonly body: SnapshotBody;
  readonly change: Change;
}

/** A long snapshot that is being read. */
interface Reading {
  readonly work: Sliceable<News>;
  /** It was read, and waits for the next turn. */
  news: News | undefined;
}

/**
 * Where snapshots wait: for more to come, or for their turn. One that waits for its turn is not read before; a long one is read
 * over several turns of the event loop, and given in another.
 */
export class Intake {
  readonly #guard: Pick<Guard, "known" | "holdingEmpty">;
  readonly #give: (news: News) => void;
  readonly #clock: Clock;
  readonly #pace: Pace;
  /** Older than the one that waits; however fast its source talks, what is being read goes its way, so that something is told. */
  #reading: Reading | undefined;
  #waiting: News | SnapshotHead | undefined;
  /** What the last snapshot listed. */
  #listing: Listing | undefined;
  #closed = false;

  /** @param give called with what has waited long enough */
  constructor(
    clock: Clock,
    debounceMs: number,
    guard: Pick<Guard, "known" | "holdingEmpty">,
    give: (news: News) => void,
  ) {
    this.#guard = guard;
    this.#give = give;
    this.#clock = clock;
    this.#pace = new Pace(clock, debounceMs, () => {
      this.#due();
    });
  }

  /**
   * Takes a snapshot. They are total, so a newer one replaces the one that waits. One that says less than everything, or
   * is taken in another way than the one that waits, must not swallow it.
   */
  take(head: SnapshotHead): void {
    const isPlain = !head.suspect && !head.explicit && head.entries.length > 0;
    const isLate = this.#isLate(head);
    const waitsSuspect = this.#waiting !== undefined && headOf(this.#waiting).suspect;
    const isOvertaking = !isLate && (!isPlain || this.#reading !== undefined);
    if (isOvertaking || head.suspect || waitsSuspect) this.flush();
    if (this.#closed) return;
    if (isLate) {
      // What one of them took out on purpose is not told apart from what the other lost: that is the safe side.
      const isMixed = this.#waiting !== undefined && head.explicit !== headOf(this.#waiting).explicit;
      this.#waiting = isMixed ? { ...head, explicit: false } : head;
      if (this.#pace.isBusy) this.#pace.wait();
      else this.#pace.nextTurn();
      return;
    }
    const news = workAtOnce(this.#newsOf(head));
    if (this.#isUrgent(news)) {
      this.drop();
      this.#pass(news);
      return;
    }
    this.#waiting = news;
    this.#pace.wait();
  }

  /** What waits has waited long enough, or what is being read goes on. */
  #due(): void {
    const waiting = this.#waiting;
    if (this.#reading?.news !== undefined) {
      const { news } = this.#reading;
      this.#reading = undefined;
      this.#pass(news);
      if (this.#waiting !== undefined) this.#pace.wait();
    } else if (this.#reading !== undefined) this.#readOn(this.#reading);
    else if (waiting === undefined || "body" in waiting || !isLongList(waiting.entries.length)) this.flush();
    else {
      this.#waiting = undefined;
      this.#readOn((this.#reading = { work: this.#newsOf(waiting), news: undefined }));
    }
  }

  #readOn(reading: Reading): void {
    reading.news = workOneTurn(reading.work, this.#clock)?.result;
    this.#pace.nextTurn();
  }

  /** Gives what is being read and what waits at once. */
  flush(): void {
    const reading = this.#reading;
    const waiting = this.#waiting;
    this.drop();
    if (reading !== undefined) this.#pass(reading.news ?? workAtOnce(reading.work));
    if (waiting === undefined || this.#closed) return;
    this.#pass("body" in waiting ? waiting : workAtOnce(this.#newsOf(waiting)));
  }

  /** Lets go of what waits. */
  drop(): void {
    this.#reading = undefined;
    this.#waiting = undefined;
    this.#pace.clear();
  }

  /** Knows nothing of earlier snapshots any more. */
  forget(): void {
    this.drop();
    this.#listing = undefined;
  }

  close(): void {
    this.#closed = true;
    this.drop();
  }

  #pass(news: News): void {
    this.#listing = news.body.listing;
    this.#pace.took(news.head.entries.length);
    this.#give(news);
  }

  *#newsOf(head: SnapshotHead): Sliceable<News> {
    const { known } = this.#guard;
    // Unless the guard made something else of what the source told last.
    const last = this.#listing?.sorted === known ? this.#listing : undefined;
    const body = yield* readingBody(head, known, last);
    return { head, body, change: body.change ?? changeOf(known, body.endpoints) };
  }

  /** Whether a list has to wait for its turn: it is long, or the last one was and its source has used this turn up. */
  #isLate(head: SnapshotHead): boolean {
    if (this.#guard.holdingEmpty) return false;
    if (isLongList(head.entries.length)) return true;
    return this.#pace.isBusy && !head.suspect && head.entries.length > 0 && this.#guard.known.length > 0;
  }

  #isUrgent({ change, head }: News): boolean {
    return (
      !this.#pace.collects ||
      this.#guard.known.length === 0 ||
      this.#guard.holdingEmpty ||
      head.explicit ||
      head.entries.length === 0 ||
      worsens(change.diff)
    );
  }
}

function headOf(waiting: News | SnapshotHead): SnapshotHead {
  return "body" in waiting ? waiting.head : waiting;
}
