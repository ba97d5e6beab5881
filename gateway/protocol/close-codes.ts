/**
 * Every code with which the gateway closes a WebSocket. 1xxx as in RFC 6455 §7.4 and as Azure uses
 * them; 4xxx are ours. docs/PROTOCOL.md prints this table; a test compares the two.
 */
export const closeCodes = {
  /** Asked for by the server API, or the client's own close answered. */
  normal: 1000,
  /** The node is going away; connect again, another node answers. */
  goingAway: 1001,
  /** A binary frame where only text is allowed, or the reverse. */
  unsupportedData: 1003,
  /** The frame is not a message of the subprotocol. */
  invalidMessage: 1007,
  /** Refused by policy; a reliable client must not try to resume. */
  policyViolation: 1008,
  /** The frame is larger than the gateway accepts. */
  messageTooBig: 1009,
  /** The gateway could not handle what a simple client sent (no ack exists to say so). */
  internalError: 1011,
  /** The client read too slowly for too long, or fell behind what the gateway retains. */
  slowConsumer: 4008,
  /** The same where the destination's policy is `drop-and-recover`: resume at once. */
  resumeNow: 4009,
  /** The token has expired and no new one came in time; connect with a new one. */
  tokenExpired: 4401,
} as const;

export type CloseCode = (typeof closeCodes)[keyof typeof closeCodes];
