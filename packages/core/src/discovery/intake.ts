import type { Clock } from "../clock.ts";
import { changeOf } from "./diff.ts";
import type { Change } from "./diff.ts";
import type { Guard } from "./guard.ts";
import type { Listing } from "./listing.ts";
import { Pace } from "./pace.ts";
import { worsens } from "./urgency.ts";
import { readBody } from "./validate.ts";
import type { SnapshotBody, SnapshotHead } from "./validate.ts";

/** A snapshot that was read, and what comes of it. */
export interface News {
  readonly head: SnapshotHead;
  readonly body: SnapshotBody;
  readonly change: Change;
}

/** Where snapshots wait: for more to come, or for their turn. One that waits for its turn is not read before. */
export class Intake {
  readonly #guard: Pick<Guard, "known" | "holdingEmpty">;
  readonly #give: (news: News) => void;
  readonly #pace: Pace;
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
    // A long one that was read goes its way: however fast its source talks, something is told.
    const waitsRead = isLate && this.#waiting !== undefined && "body" in this.#waiting;
    if ((!isPlain && !isLate) || waitsSuspect || waitsRead) this.flush();
    if (this.#closed) return;
    if (isLate) {
      // What one of them took out on purpose is not told apart from what the other lost: that is the safe side.
      const isMixed = this.#waiting !== undefined && head.explicit !== headOf(this.#waiting).explicit;
      this.#waiting = isMixed ? { ...head, explicit: false } : head;
      if (this.#pace.isBusy) this.#pace.wait();
      else this.#pace.nextTurn();
      return;
    }
    const news = this.#read(head);
    if (this.#isUrgent(news)) {
      this.drop();
      this.#pass(news);
      return;
    }
    this.#waiting = news;
    this.#pace.wait();
  }

  /** What waits has waited long enough; a long list is read in this turn and given in the next. */
  #due(): void {
    const waiting = this.#waiting;
    if (waiting === undefined || "body" in waiting || !this.#pace.isLong(waiting.entries.length)) {
      this.flush();
      return;
    }
    this.#waiting = this.#read(waiting);
    this.#pace.nextTurn();
  }

  /** Gives what waits at once. */
  flush(): void {
    const waiting = this.#waiting;
    this.drop();
    if (waiting !== undefined) this.#pass("body" in waiting ? waiting : this.#read(waiting));
  }

  /** Lets go of what waits. */
  drop(): void {
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

  #read(head: SnapshotHead): News {
    const { known } = this.#guard;
    // Unless the guard made something else of what the source told last.
    const last = this.#listing?.sorted === known ? this.#listing : undefined;
    const body = readBody(head, known, last);
    return { head, body, change: body.change ?? changeOf(known, body.endpoints) };
  }

  /** Whether a list has to wait for its turn: the last one was long, or it is so itself and its source has used this turn up. */
  #isLate(head: SnapshotHead): boolean {
    const isCostly = !head.suspect && head.entries.length > 0;
    const isNext = this.#pace.isBusy || this.#pace.isLong(head.entries.length);
    return isCostly && isNext && this.#guard.known.length > 0 && !this.#guard.holdingEmpty;
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
