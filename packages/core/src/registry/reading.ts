/** What a reading does to its exchange. */
export interface Reading {
  /** Something came. */
  readonly heard: () => void;
  readonly fail: (error: unknown) => void;
  /** It failed or was aborted: nothing more is to be read. */
  readonly isOver: () => boolean;
  readonly done: (pieces: readonly string[]) => void;
}
