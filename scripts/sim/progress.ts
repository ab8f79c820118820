/** Tells people what runs, on stderr: one line that is drawn over on a terminal, nothing elsewhere. */
export interface Progress {
  show(text: string): void;
  /** Takes the line away. */
  clear(): void;
}

export function createProgress(stream: NodeJS.WriteStream): Progress {
  const write = (text: string): void => {
    // A line that wraps could not be drawn over.
    if (stream.isTTY) stream.write(`\r\u001B[2K${text.slice(0, stream.columns - 1)}`);
  };
  return {
    show: write,
    clear: () => {
      write("");
    },
  };
}
