/** What a filter expression may ask about a connection (Azure §6.1). */
export interface FilterSubject {
  readonly connectionId: string;
  readonly userId: string | undefined;
  /** Name of the client's subprotocol, or undefined for simple clients. */
  readonly subprotocol: string | undefined;
  /** Names of the groups of which the connection is a member now. */
  groupNames(): Iterable<string>;
  /** Number of those groups. */
  groupCount(): number;
  /** Case-sensitive membership. */
  isInGroup(name: string): boolean;
}
