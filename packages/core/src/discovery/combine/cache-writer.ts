import type { Clock } from "../../clock.ts";
import { Alarm } from "../alarm.ts";
import type { Snapshot } from "../source.ts";
import type { CacheTarget } from "./cache-entry.ts";
import type { CacheFolder } from "./cache-folder.ts";

/** Fewer than this may always go at once, and more than half of a list may not. */
const MIN_SHRINK = 3;
const MAX_SHRINK_RATIO = 0.5;
/** A list that lost most of what it had is written once it has stood for so long. */
const SHRUNK_MS = 60_000;

/** Saves the lists of one watch behind its back: the newest one, and not more often than is asked for. */
export class CacheWriter {
  readonly #folder: CacheFolder;
  readonly #target: CacheTarget;
  readonly #clock: Clock;
  readonly #everyMs: number;
  readonly #say: (problem: string) => void;
  readonly #alarm: Alarm;
  #waiting: Snapshot | undefined;
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
    everyMs: number,
    say: (problem: string) => void,
  ) {
    this.#folder = folder;
    this.#target = target;
    this.#clock = clock;
    this.#everyMs = everyMs;
    this.#say = say;
    this.#alarm = new Alarm(clock, () => {
      this.#write();
    });
  }

  /** Takes the newest list. One that is empty or may be incomplete never takes the place of a good one. */
  offer(snapshot: Snapshot): void {
    const { endpoints, trust } = snapshot;
    if (trust !== "authoritative" || !Array.isArray(endpoints) || endpoints.length === 0) return;
    if (!this.#isShrunk(snapshot)) this.#shrunkAt = undefined;
    this.#waiting = snapshot;
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
    const snapshot = this.#waiting;
    if (snapshot === undefined || this.#writing !== undefined) return;
    this.#alarm.clear();
    this.#waiting = undefined;
    this.#writing = this.#save(snapshot);
  }

  async #save(snapshot: Snapshot): Promise<void> {
    this.#written ??= await this.#folder.count(this.#target, this.#clock.wallNow());
    if (this.#mustStand(snapshot)) this.#waiting ??= snapshot;
    else await this.#replace(snapshot);
    this.#writing = undefined;
    this.#plan();
  }

  async #replace(snapshot: Snapshot): Promise<void> {
    this.#writtenAt = this.#clock.now();
    const written = await this.#folder.write(this.#target, snapshot, this.#clock.wallNow());
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
