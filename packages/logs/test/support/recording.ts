import { EventHub } from "../../../core/src/event-hub.ts";
import type { FieldsFirstLogger, Level, LogFields } from "../../src/logger.ts";

/** One thing that was said. */
export interface Line {
  readonly level: Level;
  readonly message: string;
  readonly fields: LogFields;
}

/** A logger that keeps what it is told. */
export class RecordingLogger implements FieldsFirstLogger {
  readonly lines: Line[] = [];
  readonly trace = this.#say("trace");
  readonly debug = this.#say("debug");
  readonly info = this.#say("info");
  readonly warn = this.#say("warn");
  readonly error = this.#say("error");

  get messages(): readonly string[] {
    return this.lines.map(({ message }) => message);
  }

  #say(level: Level): (fields: LogFields, message: string) => void {
    return (fields, message) => {
      this.lines.push({ level, message, fields });
    };
  }
}

/** What a mesh reports with, without a mesh. */
export function hub(): EventHub {
  return new EventHub();
}
