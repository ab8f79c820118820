import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** A client certificate as PEM text. */
interface EtcdClientCertificate {
  readonly cert: string;
  readonly key: string;
}

/** Where a server, or a client, finds its own files. */
export interface EtcdTlsFiles {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** What TLS clients of a server need, as PEM text. */
export interface EtcdClientTls extends EtcdClientCertificate {
  readonly ca: string;
  /** The same as files. */
  readonly files: EtcdTlsFiles;
  /** The same with a common name, which etcd's gateway refuses once access control is on. */
  readonly named: EtcdClientCertificate;
  /** One of another authority. */
  readonly foreign: EtcdClientCertificate;
}

/**
 * Makes a certificate authority, a server certificate for `hosts` and client certificates in `folder`, with `openssl`.
 * The ones that clients use carry no common name.
 */
export async function makeCertificates(
  folder: string,
  hosts: readonly string[],
): Promise<{ readonly server: EtcdTlsFiles; readonly client: EtcdClientTls }> {
  const maker = new CertificateMaker(folder);
  await Promise.all([maker.authority("ca"), maker.authority("other-ca")]);
  const names = `subjectAltName=${hosts.map((host) => `IP:${host}`).join(",")},DNS:localhost`;
  await Promise.all([
    maker.sign("ca", "server", "/O=servers", `${names}\nextendedKeyUsage=serverAuth,clientAuth`),
    maker.sign("ca", "client", "/O=clients", "extendedKeyUsage=clientAuth"),
    maker.sign("ca", "named", "/O=clients/CN=app", "extendedKeyUsage=clientAuth"),
    maker.sign("other-ca", "foreign", "/O=clients", "extendedKeyUsage=clientAuth"),
  ]);
  const [ca, client, named, foreign] = await Promise.all([
    readFile(maker.file("ca.pem"), "utf8"),
    maker.read("client"),
    maker.read("named"),
    maker.read("foreign"),
  ]);
  return {
    server: maker.files("server"),
    client: { ca, ...client, files: maker.files("client"), named, foreign },
  };
}

class CertificateMaker {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  file(name: string): string {
    return join(this.#folder, name);
  }

  files(name: string): EtcdTlsFiles {
    return { ca: this.file("ca.pem"), cert: this.file(`${name}.pem`), key: this.file(`${name}-key.pem`) };
  }

  async read(name: string): Promise<EtcdClientCertificate> {
    const [cert, key] = await Promise.all([
      readFile(this.file(`${name}.pem`), "utf8"),
      readFile(this.file(`${name}-key.pem`), "utf8"),
    ]);
    return { cert, key };
  }

  async authority(name: string): Promise<void> {
    const what = ["-subj", `/O=${name}`, "-addext", "basicConstraints=critical,CA:TRUE"];
    const out = ["-out", this.file(`${name}.pem`)];
    await run("openssl", ["req", "-x509", "-nodes", "-days", "30", ...this.#newKey(name), ...what, ...out]);
  }

  async sign(authority: string, name: string, subject: string, extensions: string): Promise<void> {
    const request = this.file(`${name}.csr`);
    const extensionFile = this.file(`${name}.ext`);
    await writeFile(extensionFile, extensions);
    await run("openssl", ["req", "-new", "-nodes", ...this.#newKey(name), "-subj", subject, "-out", request]);
    const signer = ["-CA", this.file(`${authority}.pem`), "-CAkey", this.file(`${authority}-key.pem`)];
    // A number made of the name: counting would need a file that several share.
    const serial = ["-set_serial", `0x${Buffer.from(name).toString("hex")}`];
    const out = ["-out", this.file(`${name}.pem`)];
    const what = ["-days", "30", "-in", request, "-extfile", extensionFile];
    await run("openssl", ["x509", "-req", ...what, ...signer, ...serial, ...out]);
  }

  #newKey(name: string): readonly string[] {
    const keyFile = this.file(`${name}-key.pem`);
    return ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-keyout", keyFile];
  }
}
