import type { WriteStream } from "node:tty";
import { styleText } from "node:util";

import { line, picture } from "./view.ts";
import type { View } from "./view.ts";

/** Where the demo talks to people. */
export interface Screen {
  /** Something that stays. */
  say(text: string): void;
  /** The same for what happens to the instances. */
  report(text: string): void;
  /** Shows what `look` sees, again and again until {@link settle}. */
  follow(look: () => View): void;
  /** Ends the following; the last picture stays. May be called again. */
  settle(): void;
}

/** A picture redrawn in place on a terminal; plain lines, one a second, where there is none or it is not wanted. */
export function createScreen(stream: WriteStream): Screen {
  const { CI, NO_COLOR, TERM } = process.env;
  const isPlain = isSet(CI) || isSet(NO_COLOR) || TERM === "dumb";
  return stream.isTTY && !isPlain ? new LiveScreen(stream) : new PlainScreen(stream);
}

class PlainScreen implements Screen {
  readonly #stream: WriteStream;
  #timer: NodeJS.Timeout | undefined;

  constructor(stream: WriteStream) {
    this.#stream = stream;
  }

  say(text: string): void {
    this.#stream.write(`${text}\n`);
  }

  report(text: string): void {
    this.say(text);
  }

  follow(look: () => View): void {
    this.#timer = setInterval(() => {
      this.say(line(look()));
    }, 1000);
  }

  settle(): void {
    clearInterval(this.#timer);
  }
}

class LiveScreen implements Screen {
  readonly #stream: WriteStream;
  #timer: NodeJS.Timeout | undefined;
  #look: (() => View) | undefined;
  /** Lines of the present picture, which the next one overwrites. */
  #drawn = 0;

  constructor(stream: WriteStream) {
    this.#stream = stream;
  }

  say(text: string): void {
    this.#draw(`${text}\n`);
  }

  report(text: string): void {
    this.#draw(`${styleText("yellow", text)}\n`);
  }

  follow(look: () => View): void {
    this.#look = look;
    this.#timer = setInterval(() => {
      this.#draw("");
    }, 200);
  }

  settle(): void {
    if (this.#look === undefined) return;
    clearInterval(this.#timer);
    this.#draw("");
    this.#look = undefined;
    this.#drawn = 0;
  }

  /** Writes `news` where the picture stood and the picture below it, in one go so that nothing flickers. */
  #draw(news: string): void {
    const up = this.#drawn === 0 ? "" : `\u001B[${this.#drawn}A`;
    const lines = this.#look === undefined ? [] : picture(this.#look());
    this.#drawn = lines.length;
    // A line that wraps would count as two.
    const width = this.#stream.columns - 1;
    const body = lines.map((text, i) => `${paint(text.slice(0, width), i)}\n`).join("");
    this.#stream.write(`${up}\u001B[0J${news}${body}`);
  }
}

function paint(text: string, row: number): string {
  if (row === 1) return styleText("bold", text);
  if (row === 3) return styleText("dim", text);
  return text.includes("killed") || text.includes("slow") ? styleText("red", text) : text;
}

function isSet(value: string | undefined): boolean {
  return value !== undefined && value !== "" && value !== "false";
}
