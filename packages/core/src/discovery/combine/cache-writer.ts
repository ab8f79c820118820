import type { Clock } from "../../clock.ts";
import { Alarm } from "../alarm.ts";
import type { Snapshot } from "../source.ts";
import type { CacheTarget } from "./cache-entry.ts";
import type { CacheFolder } from "./cache-folder.ts";
import type { CacheSettings } from "./cache-options.ts";

/** Fewer than this may always go at once, and more than half of a list may not. */
const MIN_SHRINK = 3;
const MAX_SHRINK_RATIO = 0.5;
/** A list that lost most of what it had is written once it has stood for so long. */
const SHRUNK_MS = 60_000;
/** A file is renewed by a confirmation once it has so much of the age that it may have. */
const RENEW_RATIO = 0.25;

interface Waiting {
  readonly snapshot: Snapshot;
  readonly savedAt: number | undefined;
}

/** Saves the lists of one watch behind its back: the newest one, and not more often than is asked for. */
export class CacheWriter {
  readonly #folder: CacheFolder;
  readonly #target: CacheTarget;
  readonly #clock: Clock;
  readonly #everyMs: number;
  readonly #renewMs: number;
  readonly #say: (problem: string) => void;
  readonly #alarm: Alarm;
  #waiting: Waiting | undefined;
  /** What the source said last, where that counts: it may confirm it for ever without saying it again. */
  #newest: Waiting | undefined;
  #writing: Promise<void> | undefined;
  #writtenAt = -Infinity;
  /** How many endpoints the file holds; undefined until somebody looked. */
  #written: number | undefined;
  /** Since when the list has been much shorter than the file. */
  #shrunkAt: number | undefined;

  constructor(
    folder: CacheFolder,
    target: CacheTarget,
    clock: Clock,
    { maxAgeMs, writeEveryMs }: CacheSettings,
    say: (problem: string) => void,
  ) {
    this.#folder = folder;
    this.#target = target;
    this.#clock = clock;
    this.#everyMs = writeEveryMs;
    this.#renewMs = maxAgeMs * RENEW_RATIO;
    this.#say = say;
    this.#alarm = new Alarm(clock, () => {
      this.#write();
    });
  }

  /**
   * Takes the newest list. One that is empty or may be incomplete never takes the place of a good one.
   * @param savedAt how old a part of it is that was on the disk before, on the wall clock; as old as the write without
   */
  offer(snapshot: Snapshot, savedAt?: number): void {
    const { endpoints, trust } = snapshot;
    this.#newest = undefined;
    if (trust !== "authoritative" || !Array.isArray(endpoints) || endpoints.length === 0) return;
    if (!this.#isShrunk(snapshot)) this.#shrunkAt = undefined;
    this.#newest = { snapshot, savedAt };
    this.#waiting = this.#newest;
    this.#plan();
  }

  /** The source confirmed what it said last, whose file shall not grow too old for that. */
  confirm(): void {
    if (this.#newest === undefined || this.#clock.now() - this.#writtenAt < this.#renewMs) return;
    this.#waiting ??= this.#newest;
    this.#plan();
  }

  /** Saves what waits, and resolves when no file is open any more. */
  async end(): Promise<void> {
    await this.#writing;
    this.#write();
    await this.#writing;
    this.#alarm.clear();
  }

  #plan(): void {
    if (this.#waiting === undefined || this.#writing !== undefined) return;
    const now = this.#clock.now();
    const shrunkUntil = this.#shrunkAt === undefined ? now : this.#shrunkAt + SHRUNK_MS;
    this.#alarm.set(Math.max(0, this.#writtenAt + this.#everyMs - now, shrunkUntil - now));
  }

  #write(): void {
    const waiting = this.#waiting;
    if (waiting === undefined || this.#writing !== undefined) return;
    this.#alarm.clear();
    this.#waiting = undefined;
    this.#writing = this.#save(waiting);
  }

  async #save(waiting: Waiting): Promise<void> {
    this.#written ??= await this.#folder.count(this.#target, this.#clock.wallNow());
    if (this.#mustStand(waiting.snapshot)) this.#waiting ??= waiting;
    else await this.#replace(waiting);
    this.#writing = undefined;
    this.#plan();
  }

  async #replace({ savedAt, snapshot }: Waiting): Promise<void> {
    this.#writtenAt = this.#clock.now();
    const written = await this.#folder.write(this.#target, snapshot, this.#clock.wallNow(), savedAt);
    if (typeof written === "string") {
      this.#say(written);
      return;
    }
    // Without a usable endpoint the file stays as it is.
    if (written > 0) this.#written = written;
    this.#shrunkAt = undefined;
  }

  /** Whether a list has lost so much that it has to last before it is believed. */
  #mustStand(snapshot: Snapshot): boolean {
    if (!this.#isShrunk(snapshot)) return false;
    const now = this.#clock.now();
    this.#shrunkAt ??= now;
    return now - this.#shrunkAt < SHRUNK_MS;
  }

  #isShrunk({ endpoints, explicitRemovals }: Snapshot): boolean {
    const before = this.#written ?? 0;
    const lost = before - endpoints.length;
    return explicitRemovals !== true && lost >= MIN_SHRINK && lost > before * MAX_SHRINK_RATIO;
  }
}
