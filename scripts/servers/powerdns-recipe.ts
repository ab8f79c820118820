import { unpackDebian } from "./debian.ts";
import type { Recipe } from "./recipe.ts";

/** PowerDNS 4.7.3 with its SQLite backend, and the libraries it needs that a small system may not have. */
export const powerDnsRecipe: Recipe = {
  name: "powerdns",
  version: "4.7.3",
  variable: "PROXYLESS_POWERDNS_BIN",
  command: "pdns_server",
  binary: "usr/sbin/pdns_server",
  install: async (tree, scratch) => {
    await unpackDebian(
      {
        suite: "bookworm",
        packages: [
          "pdns-server",
          "pdns-backend-sqlite3",
          "libluajit2-5.1-2",
          "libsodium23",
          "libboost-program-options1.74.0",
          "libcurl4",
          "libbrotli1",
          "libgssapi-krb5-2",
          "libk5crypto3",
          "libkrb5-3",
          "libkrb5support0",
          "libkeyutils1",
          "libldap-2.5-0",
          "libnghttp2-14",
          "libpsl5",
          "librtmp1",
          "libsasl2-2",
          "libsqlite3-0",
          "libssh2-1",
          "libssl3",
        ],
        sha256: {
          "pdns-server_4.7.3-2_amd64.deb": "84e026da27c207969ca41ced32cb789278a51913d08077631b5703769e469e37",
          "pdns-backend-sqlite3_4.7.3-2_amd64.deb":
            "75ecd8d934351e9b0bd6846ddc13d1b3a18f1e78ff15b9051ef975083c1445ca",
          "libluajit2-5.1-2_2.1-20230119-1_amd64.deb":
            "83f4cb79e75286a1100ed7fd0f849b5823c911067fc9d6a1e29dfbdc84353909",
        },
        variable: "PROXYLESS_POWERDNS_BIN",
      },
      tree,
      scratch,
    );
  },
};
