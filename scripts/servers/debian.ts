import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
const keyring = "/usr/share/keyrings/debian-archive-keyring.gpg";

/** Which packages of which Debian suite to unpack. */
export interface DebianPackages {
  /** A release's code name (`bullseye`). */
  readonly suite: string;
  readonly packages: readonly string[];
  /** SHA-256 by file name of the versions that were seen; a file that is listed must match. */
  readonly sha256: Readonly<Record<string, string>>;
  /** What to set to use a binary of one's own; named in the error when there is no way to install. */
  readonly variable: string;
}

/**
 * Downloads Debian packages of any suite and unpacks them into `tree`, without root and without touching the
 * system: apt runs with its own sources, lists, cache and status inside `scratch`, and checks the archive's signature.
 */
export async function unpackDebian(
  wanted: DebianPackages,
  tree: string,
  scratch: string,
): Promise<readonly string[]> {
  const mirror = await findMirror(wanted);
  const options = await isolatedApt(scratch, wanted.suite, mirror);
  try {
    await run("apt-get", [...options, "-qq", "update"]);
    await run("apt-get", [...options, "-qq", "download", ...wanted.packages], { cwd: scratch });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`apt could not download ${wanted.packages.join(", ")}; ${hint(wanted)}\n${reason}`, {
      cause: error,
    });
  }
  const files = (await readdir(scratch)).filter((name) => name.endsWith(".deb"));
  for (const name of files) {
    const file = join(scratch, name);
    // eslint-disable-next-line no-await-in-loop -- one after the other: a handful, limited by the disk
    await verify(file, wanted.sha256);
    // eslint-disable-next-line no-await-in-loop -- as above
    await run("dpkg-deb", ["-x", file, tree]);
  }
  return files;
}

/** The mirror of Debian's main archive in this machine's own apt sources, of either format (`.list`, `.sources`). */
export async function findMirror(wanted: Pick<DebianPackages, "variable">): Promise<string> {
  const format = "$(REPO_URI) $(COMPONENT)";
  let lines: string;
  try {
    ({ stdout: lines } = await run("apt-get", ["indextargets", "--format", format, "Created-By: Packages"]));
  } catch (error) {
    throw new Error(`there is no working apt-get here; ${hint(wanted)}`, { cause: error });
  }
  for (const line of lines.split("\n")) {
    const [address = "", component] = line.trim().split(" ");
    if (component === "main" && /\/debian\/?$/.test(address)) return address;
  }
  throw new Error(`this machine's apt sources name no mirror of Debian's main archive; ${hint(wanted)}`);
}

/**
 * Options that make apt-get forget the system: it then needs no root and refuses nothing because of what is installed.
 * With `sources` it knows the suite's source packages too.
 */
export async function isolatedApt(
  scratch: string,
  suite: string,
  mirror: string,
  sources = false,
): Promise<string[]> {
  await mkdir(join(scratch, "lists/partial"), { recursive: true });
  await mkdir(join(scratch, "cache/archives/partial"), { recursive: true });
  const signedBy = existsSync(keyring) ? `[signed-by=${keyring}] ` : "";
  const lines = ["deb", ...(sources ? ["deb-src"] : [])].map(
    (kind) => `${kind} ${signedBy}${mirror} ${suite} main\n`,
  );
  await writeFile(join(scratch, "sources.list"), lines.join(""));
  const settings = {
    "Dir::Etc::sourcelist": join(scratch, "sources.list"),
    "Dir::Etc::sourceparts": "/dev/null",
    "Dir::Etc::preferencesparts": "/dev/null",
    "Dir::State": scratch,
    "Dir::State::lists": join(scratch, "lists"),
    "Dir::State::status": "/dev/null",
    "Dir::Cache": join(scratch, "cache"),
    "APT::Sandbox::User": "root",
    "APT::Get::List-Cleanup": "0",
    "APT::Update::Post-Invoke-Success": "",
    "Acquire::Languages": "none",
    "Acquire::Retries": "3",
  };
  return Object.entries(settings).flatMap(([key, value]) => ["-o", `${key}=${value}`]);
}

async function verify(file: string, known: Readonly<Record<string, string>>): Promise<void> {
  const expected = known[decodeURIComponent(basename(file))];
  if (expected === undefined) return;
  const actual = createHash("sha256")
    .update(await readFile(file))
    .digest("hex");
  if (actual !== expected) throw new Error(`${basename(file)} has SHA-256 ${actual}, expected ${expected}`);
}

function hint(wanted: Pick<DebianPackages, "variable">): string {
  return `set ${wanted.variable} to a binary you have`;
}
