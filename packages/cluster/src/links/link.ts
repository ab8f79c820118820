/** A way from the primary to some of its workers. */
export interface Link {
  /** @param sources those it is for; undefined: whoever hears it */
  send(message: object, sources?: ReadonlySet<string>): void;
  close(): void;
}

/** What a link tells. A source is a process or a thread: `cluster-3`, `process-4711`, `thread-7`. */
export interface LinkListener {
  heard(source: string, message: unknown): void;
  /** Nothing more will come from there. */
  ended(source: string): void;
}
