import { writeFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { createMesh } from "@proxyless/core";
import { etcd } from "@proxyless/discovery-etcd";
import { describe, expect, it } from "vitest";

import { startEtcd } from "../../scripts/servers/index.ts";
import type { EtcdMember, EtcdServerOptions } from "../../scripts/servers/index.ts";
import { watching } from "../support/watching.ts";
import type { AtEnd } from "../support/watching.ts";

async function memberFor(options: EtcdServerOptions, atEnd: AtEnd): Promise<EtcdMember> {
  const member = await startEtcd(options);
  atEnd(() => member.stop());
  return member;
}

const password = "reader-password";
const reader = { username: "reader", password };

describe.concurrent.each(["3.4", "3.5"] as const)(
  "access to a real etcd %s",
  { timeout: 60_000 },
  (version) => {
    it("is had by password, again when the token has run out, without a word about it", async ({
      onTestFinished,
    }) => {
      const member = await memberFor({ version, auth: { tokenTtlSeconds: 1 } }, onTestFinished);
      await member.addUser("reader", password, "web/", "READ");
      await member.put("web/a", "10.9.0.1:80");
      const web = watching(etcd({ url: member.url, ...reader, resyncMs: 1500 }), "web", {}, onTestFinished);
      await web.untilStates(["10.9.0.1:80 healthy"]);
      // Every list comes later than the token of the one before lives.
      await new Promise((resolve) => {
        setTimeout(resolve, 3500);
      });
      web.refresh();
      await member.put("web/b", "10.9.0.2:80");
      await web.untilStates(["10.9.0.1:80 healthy", "10.9.0.2:80 healthy"]);
      expect(web.errors).toEqual([]);
    });

    it("survives the restart of a member, which forgets every token, and a new password in the file", async ({
      onTestFinished,
    }) => {
      const folder = await mkdtemp(join(tmpdir(), "etcd-password-"));
      onTestFinished(() => rm(folder, { recursive: true }));
      const passwordFile = join(folder, "password");
      await writeFile(passwordFile, `${password}\n`);
      const member = await memberFor({ version, auth: true }, onTestFinished);
      await member.addUser("reader", password, "web/", "READ");
      await member.put("web/a", "10.9.0.1:80");
      const web = watching(
        etcd({ url: member.url, username: "reader", passwordFile }),
        "web",
        {},
        onTestFinished,
      );
      await web.untilStates(["10.9.0.1:80 healthy"]);
      await member.restart();
      await member.put("web/a", "10.9.0.2:80");
      await web.untilStates(["10.9.0.2:80 healthy"]);
      expect(new Set(web.errors.map((error) => error.class))).toEqual(new Set(["transient"]));
      await writeFile(passwordFile, "another-password");
      await member.call("/v3/auth/user/changepw", { name: "reader", password: "another-password" });
      const seen = web.errors.length;
      web.refresh();
      await member.put("web/a", "10.9.0.3:80");
      await web.untilStates(["10.9.0.3:80 healthy"]);
      expect(web.errors.slice(seen)).toEqual([]);
    });

    it("is refused as `auth`: nobody, a wrong password, a user who may not read it", async ({
      onTestFinished,
    }) => {
      const member = await memberFor({ version, auth: true }, onTestFinished);
      await member.addUser("other", password, "other/", "READ");
      const wrong = { username: "other", password: "not-the-password" };
      for (const [who, said] of [
        [{}, /user name is empty/],
        [wrong, /authentication failed/],
        [{ username: "other", password }, /permission denied/],
      ] as const) {
        const web = watching(etcd({ url: member.url, ...who }), "web", {}, onTestFinished);
        // eslint-disable-next-line no-await-in-loop -- one after the other, to be told apart
        await web.until("an error", () => web.errors.length > 0);
        expect(web.errors[0]).toMatchObject({ class: "auth", message: expect.stringMatching(said) });
        expect(JSON.stringify(web.errors)).not.toMatch(/not-the-password|reader-password/);
        expect(web.snapshots).toEqual([]);
      }
    });

    it("needs no token where there is no access control, whoever one is", async ({ onTestFinished }) => {
      const member = await memberFor({ version }, onTestFinished);
      await member.put("web/a", "10.9.0.1:80");
      const web = watching(etcd({ url: member.url, ...reader }), "web", {}, onTestFinished);
      await web.untilStates(["10.9.0.1:80 healthy"]);
      expect(web.errors).toEqual([]);
    });

    it("is had with a client certificate and a password together", async ({ onTestFinished }) => {
      const member = await memberFor({ version, tls: true, auth: true }, onTestFinished);
      await member.addUser("reader", password, "web/", "READ");
      await member.put("web/a", "10.9.0.1:80");
      const { ca, cert, key, named, foreign } = member.tls ?? never();
      const web = watching(
        etcd({ url: member.url, ...reader, tls: { ca, cert, key } }),
        "web",
        {},
        onTestFinished,
      );
      await web.untilStates(["10.9.0.1:80 healthy"]);
      await member.put("web/b", "10.9.0.2:80");
      await web.untilStates(["10.9.0.1:80 healthy", "10.9.0.2:80 healthy"]);
      expect(web.errors).toEqual([]);
      // With a common name the gateway refuses everything, and says so.
      const withName = watching(
        etcd({ url: member.url, ...reader, tls: { ca, ...named } }),
        "web",
        {},
        onTestFinished,
      );
      await withName.until("an error", () => withName.errors.length > 0);
      expect(withName.errors[0]).toMatchObject({
        class: "config",
        message: expect.stringMatching(/CommonName.*takes no client certificate that has a common name/),
      });
      for (const tls of [{ ca }, { ca, ...foreign }, { cert, key }]) {
        const stranger = watching(etcd({ url: member.url, ...reader, tls }), "web", {}, onTestFinished);
        // eslint-disable-next-line no-await-in-loop -- one after the other, to be told apart
        await stranger.until("an error", () => stranger.errors.length > 0);
        expect(stranger.snapshots).toEqual([]);
      }
    });

    it("fails a mesh's first call at once, with the reason, when it is refused", async ({
      onTestFinished,
    }) => {
      const member = await memberFor({ version, auth: true }, onTestFinished);
      const mesh = createMesh({ discovery: etcd({ url: member.url }) });
      onTestFinished(() => mesh.close());
      await expect(mesh.fetch("http://web/")).rejects.toMatchObject({
        code: "ERR_PROXYLESS_DISCOVERY",
        message: expect.stringContaining("user name is empty"),
      });
    });
  },
);

function never(): never {
  throw new Error("it was started with tls");
}
