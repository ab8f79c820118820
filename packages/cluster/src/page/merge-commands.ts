import type { Command } from "@proxyless/dashboard/feed";

/** The circuits of several workers: those of one name are one. */
export function mergeCommands(commands: readonly Command[]): readonly Command[] {
  const merged = new Map<string, Command>();
  for (const command of commands) {
    const other = merged.get(command.name);
    merged.set(
      command.name,
      other === undefined
        ? command
        : {
            ...other,
            inFlight: other.inFlight + command.inFlight,
            circuits: [...other.circuits, ...command.circuits],
          },
    );
  }
  return [...merged.values()];
}
