import { spawn } from "node:child_process";
import type { Writable } from "node:stream";

/**
 * Reads lines `+PID` and `-PID`, `+FOLDER` and `-FOLDER`; when its input ends, it kills the processes and removes the
 * folders that are still listed. Folders are absolute and made by `mkdtemp`, so they hold no spaces to split on.
 */
const script = `
kept=" "
while read -r line; do
  case $line in
    +*) kept="$kept\${line#+} " ;;
    -*) rest=\${kept#* \${line#-} }; kept="\${kept%% \${line#-} *} $rest" ;;
  esac
done
for each in $kept; do case $each in /*) ;; *) kill -9 "$each" 2>/dev/null ;; esac; done
for each in $kept; do case $each in /*) rm -rf "$each" ;; esac; done
`;

let input: Writable | undefined;

/**
 * Sees to it that a process dies, or a temporary folder goes, with this process, however this process ends (also by
 * SIGKILL). A pipe that closes is the one signal that no kind of end can miss; `exit` hooks miss most of them.
 */
export function guard(subject: number | string): void {
  if (input === undefined) {
    const child = spawn("sh", ["-c", script], { detached: true, stdio: ["pipe", "ignore", "ignore"] });
    child.unref();
    input = child.stdin;
    // An open pipe must not keep this process alive: its end is what the watchdog waits for.
    if ("unref" in input && typeof input.unref === "function") input.unref();
    input.on("error", () => undefined);
  }
  input.write(`+${subject}\n`);
}

/** The subject is gone: forgets it, so that a process id that is used again is safe. */
export function release(subject: number | string): void {
  input?.write(`-${subject}\n`);
}
