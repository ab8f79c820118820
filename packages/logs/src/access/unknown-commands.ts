const addresses = ["", "_WITHOUT_PORT", "_PORT"];
const peers = ["URI_SAN", "DNS_SAN", "IP_SAN", "EMAIL_SAN", "OTHERNAME_SAN", "SUBJECT"];
const certificates = [
  "ISSUER",
  "SERIAL",
  "FINGERPRINT_1",
  "FINGERPRINT_256",
  "CERT",
  "CERT_V_START",
  "CERT_V_END",
];
const wire = ["WIRE_BYTES", "HEADER_BYTES", "DECOMPRESSED_HEADER_BYTES"];

/** What there is on both sides of a proxy. */
function sideOf(side: "UPSTREAM" | "DOWNSTREAM"): readonly string[] {
  return [
    ...wire.flatMap((what) => [`${side}_${what}_SENT`, `${side}_${what}_RECEIVED`]),
    ...addresses.map((part) => `${side}_LOCAL_ADDRESS${part}`),
    ...peers.flatMap((what) => [`${side}_PEER_${what}`, `${side}_LOCAL_${what}`]),
    ...certificates.map((what) => `${side}_PEER_${what}`),
    ...["TLS_SESSION_ID", "TLS_CIPHER", "TLS_VERSION"].map((what) => `${side}_${what}`),
  ];
}

/** Commands of Envoy's that ask for what there is in a proxy and not in the caller itself; they print `-`, so that formats can be kept. */
export const unknownCommands: ReadonlySet<string> = new Set([
  ...sideOf("UPSTREAM"),
  ...sideOf("DOWNSTREAM"),
  ...["REMOTE", "DIRECT_REMOTE"].flatMap((which) =>
    addresses.map((part) => `DOWNSTREAM_${which}_ADDRESS${part}`),
  ),
  "ACCESS_LOG_TYPE",
  "BYTES_RETRANSMITTED",
  "CLUSTER_METADATA",
  "COMMON_DURATION",
  "CONNECTION_ID",
  "CONNECTION_TERMINATION_DETAILS",
  "CUSTOM_FLAGS",
  "DOWNSTREAM_HANDSHAKE_DURATION",
  "DOWNSTREAM_TRANSPORT_FAILURE_REASON",
  "FILTER_CHAIN_NAME",
  "FILTER_STATE",
  "GRPC_STATUS",
  "GRPC_STATUS_NUMBER",
  "LOCAL_REPLY_BODY",
  "PACKETS_RETRANSMITTED",
  "REQUESTED_SERVER_NAME",
  "REQUEST_DURATION",
  "REQUEST_HEADERS_BYTES",
  "REQUEST_TX_DURATION",
  "RESPONSE_HEADERS_BYTES",
  "RESPONSE_TRAILERS_BYTES",
  "ROUNDTRIP_DURATION",
  "STREAM_ID",
  "TLS_JA3_FINGERPRINT",
  "TLS_JA4_FINGERPRINT",
  "UNIQUE_ID",
  "UPSTREAM_CONNECTION_ID",
  "UPSTREAM_CONNECTION_POOL_READY_DURATION",
  "UPSTREAM_FILTER_STATE",
  "UPSTREAM_METADATA",
  "UPSTREAM_TRANSPORT_FAILURE_REASON",
  "VIRTUAL_CLUSTER_NAME",
]);
