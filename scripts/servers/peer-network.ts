/** What stands between the members of a cluster, so that somebody can cut one of them off. */
export interface PeerNetwork {
  /**
   * Called before the members start, and once more with other ports when one was taken.
   * @param hosts where the members listen
   * @param ports by which they talk to each other, the same with each
   * @returns the address by which each of them is known to the others, on the same ports
   */
  stand(
    hosts: readonly string[],
    ports: { readonly tcp: readonly number[]; readonly udp: readonly number[] },
  ): Promise<readonly string[]>;
}
